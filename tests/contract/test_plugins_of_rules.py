"""Our actions and our extension keep the contracts that everybody else's keep."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cid.extensions import Retail
from cid.testing import ExtensionContract
from context.ports import ACTIONS
from context.testing import ActionContract


class TestRetail(ExtensionContract):
    @pytest.fixture
    def plugin(self):
        return Retail()


class TestTask(ActionContract):
    @pytest.fixture
    def plugin(self):
        return ACTIONS.load("task")()

    @pytest.fixture
    def parameters(self):
        return {"queue": "loyalty", "title": "Call"}


class TestCase(TestTask):
    @pytest.fixture
    def plugin(self):
        return ACTIONS.load("case")()


class TestOffer(ActionContract):
    @pytest.fixture
    def plugin(self):
        return ACTIONS.load("offer")()

    @pytest.fixture
    def parameters(self):
        return {"offer": "a tent", "valid": "3 d"}


class TestEmail(ActionContract):
    @pytest.fixture
    def plugin(self):
        return ACTIONS.load("email")()

    @pytest.fixture
    def parameters(self):
        return {"subject": "Thank you", "text": "You are dear to us"}


class TestWebhook(ActionContract):
    """Another system knows a row again by its idempotency key."""

    @pytest.fixture
    def plugin(self):
        return ACTIONS.load("webhook")()

    @pytest.fixture
    def parameters(self):
        told = self.told = {}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                said = self.rfile.read(int(self.headers["Content-Length"]))
                told.setdefault(self.headers["Idempotency-Key"], said)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=[0.01], daemon=True)
        thread.start()
        yield {"url": f"http://127.0.0.1:{server.server_port}/", "total": "20"}
        server.shutdown()
        thread.join()
        server.server_close()

    def happened(self, effects):
        return dict(self.told)
