"""Who says nothing, or says it drop by drop, does not keep the others from being served."""

from __future__ import annotations

import contextlib
import socket
import time
import urllib.request

import pytest

from icustomer import ICustomer, Settings
from icustomer.web.patience import patient
from tests.hostile.conftest import COMPANY
from tests.outside.serving import served

SECONDS = 0.6


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    directory = tmp_path_factory.mktemp("slow") / "company"
    directory.mkdir()
    (directory / "company.yaml").write_text(COMPANY)
    with ICustomer.open(directory, settings=Settings(request_seconds=SECONDS)) as company:
        with served(company, http=patient(SECONDS), limit_concurrency=60) as address:
            yield address


def connect(address):
    host, port = address.removeprefix("http://").split(":")
    opened = socket.create_connection((host, int(port)), timeout=10)
    return opened


def until_closed(opened):
    began, heard = time.monotonic(), b""
    with contextlib.suppress(ConnectionResetError):
        while part := opened.recv(65_536):
            heard += part
    return time.monotonic() - began, heard


def test_a_connection_that_says_nothing_is_closed(address):
    with connect(address) as opened:
        passed, heard = until_closed(opened)
    assert heard == b""
    assert passed < SECONDS + 3


def test_a_head_that_comes_drop_by_drop_is_closed(address):
    with connect(address) as opened:
        opened.sendall(b"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        began = time.monotonic()
        try:
            for n in range(200):
                opened.sendall(f"X-{n}: x\r\n".encode())
                time.sleep(0.05)
        except OSError:
            pass
        assert time.monotonic() - began < SECONDS + 4


@pytest.mark.parametrize("path", ["/v1/batch", "/api/cic/sql", "/settings"])
def test_a_body_that_comes_drop_by_drop_is_408(address, path):
    with connect(address) as opened:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
        opened.sendall(head.encode() + b"{")
        passed, heard = until_closed(opened)
    assert heard.startswith(b"HTTP/1.1 408")
    assert passed < SECONDS + 4


def test_a_request_that_is_two_is_refused(address):
    smuggled = (
        b"POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\n\r\n"
    )
    with connect(address) as opened:
        opened.sendall(smuggled)
        _, heard = until_closed(opened)
    assert heard.count(b"HTTP/1.1") <= 1
    assert b" 200 " not in heard


@pytest.mark.parametrize(
    "line",
    [
        b"X-A: b\x00c",
        b"X A: b",
        b"X-A: " + b"x" * 600_000,
        b"Host: evil.example",
    ],
)
def test_a_head_that_is_none_is_refused(address, line):
    with connect(address) as opened:
        opened.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + line + b"\r\n\r\n")
        _, heard = until_closed(opened)
    # Whoever sends on and on may find the connection closed before an answer.
    assert heard[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 403", b""), heard[:100]


def test_many_who_keep_silent_do_not_shut_out_the_others(address):
    silent = [connect(address) for _ in range(100)]
    try:
        time.sleep(SECONDS * 2.5)
        with urllib.request.urlopen(f"{address}/api/cii/health", timeout=10) as answer:
            assert answer.status == 200
    finally:
        for opened in silent:
            opened.close()
