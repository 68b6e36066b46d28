"""How a company is served: the socket that listens, and what becomes of its connections."""

import asyncio
import socket

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.testclient import TestClient

from cid.kit.errors import Unavailable
from icustomer.app import create_app
from icustomer.serving import _listen, make_ready
from tests.company import opened


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_answers_leave_at_once_and_do_not_wait_for_more_to_send(host):
    held: list[int] = []

    class Accepting(asyncio.Protocol):
        def connection_made(self, transport):
            accepted = transport.get_extra_info("socket")
            held.append(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            transport.close()

    async def once():
        try:
            opened = _listen(host, 0)
        except Unavailable:
            pytest.skip(f"this machine has no {host}")
        server = await asyncio.get_running_loop().create_server(Accepting, sock=opened)
        async with server:
            reader, writer = await asyncio.open_connection(*opened.getsockname()[:2])
            await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(once())
    assert held == [1]


def test_a_port_that_is_taken_is_told_with_what_to_do():
    with _listen("127.0.0.1", 0) as first, pytest.raises(Unavailable, match="cannot be used") as no:
        _listen("127.0.0.1", first.getsockname()[1])
    assert "--port" in no.value.hint


def test_operations_are_ready_before_anybody_asks(tmp_path):
    (tmp_path / "company.yaml").write_text("company: {name: Shop, time zone: UTC}\n")
    made = []
    with opened(tmp_path) as company:
        app = create_app(company, beat=False)
        make_ready(app)
        real = Dependant.__init__

        def counted(self, *args, **kwargs):
            made.append(1)
            real(self, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patched, TestClient(app) as client:
            patched.setattr(Dependant, "__init__", counted)
            assert client.get("/api/cic/segments").status_code == 200
    assert not made
