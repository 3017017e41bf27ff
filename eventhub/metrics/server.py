"""A small server of metrics, in a thread, for processes that speak no HTTP otherwise."""

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from eventhub.metrics.exposition import CHALLENGE, Readers, exposition

PATHS = ("/metrics", "/metrics/")
READ_SECONDS = 5.0  # for a request to arrive

_Start = Callable[[str, list[tuple[str, str]]], object]


@contextlib.contextmanager
def served(host: str, port: int | None, readers: Readers) -> Iterator[None]:
    """Answer GET /metrics on this port, if it is one, while the block runs. Raises OSError where it is busy."""
    if port is None:
        yield
        return
    server = (_ServerOfIPv6 if ":" in host else _Server)((host, port), _Handler)
    server.set_app(_application(readers))
    # A process that is forked from this one is to keep no hold of the port.
    os.register_at_fork(after_in_child=server.socket.close)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # The library would ask the name service what this host is called, which may take long.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "", 0
        self.setup_environ()


class _ServerOfIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = READ_SECONDS

    def log_message(self, *_: object) -> None:
        """Say nothing: Prometheus asks every few seconds."""


def _application(readers: Readers) -> Callable[[dict[str, Any], _Start], Iterable[bytes]]:
    def answer(environ: dict[str, Any], start: _Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] not in PATHS:
            return _refuse(start, HTTPStatus.NOT_FOUND)
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _refuse(start, HTTPStatus.METHOD_NOT_ALLOWED, ("Allow", "GET, HEAD"))
        if not readers.admit(environ["REMOTE_ADDR"], environ.get("HTTP_AUTHORIZATION")):
            challenge = [("WWW-Authenticate", CHALLENGE)] if readers.token else []
            return _refuse(start, readers.refusal, *challenge)
        body, content_type = exposition(environ.get("HTTP_ACCEPT", ""))
        start("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer


def _refuse(start: _Start, status: HTTPStatus, *headers: tuple[str, str]) -> Iterable[bytes]:
    start(f"{status.value} {status.phrase}", [("Content-Type", "text/plain"), *headers])
    return [f"{status.phrase}.\n".encode()]
