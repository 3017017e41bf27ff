"""What was counted, as Prometheus reads it, and a small server of it for processes that have no other."""

import hmac
import ipaddress
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from eventhub.metrics.families import SHARED_FOLDER

PATHS = ("/metrics", "/metrics/")


class PortBusy(Exception):
    """Raised when metrics cannot be served on the port."""


@dataclass(frozen=True)
class Readers:
    """Who may read metrics, and the details of /readyz: those who bear the token, and those who come from a network."""

    token: str = ""
    networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network] = ()

    def admit(self, address: str, authorization: str | None) -> bool:
        """Whether a reader from this address, with this header, is one of them."""
        scheme, _, given = (authorization or "").partition(" ")
        if self.token and scheme.lower() == "bearer":
            return hmac.compare_digest(given.strip().encode(), self.token.encode())
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(plain in network for network in self.networks)

    @property
    def refusal(self) -> HTTPStatus:
        """401 where a token would help, else 404."""
        return HTTPStatus.UNAUTHORIZED if self.token else HTTPStatus.NOT_FOUND


def expose(accept: str) -> tuple[bytes, str]:
    """Return what was counted, in the format that a reader with this Accept header prefers, and its content type."""
    # Only who is asked needs them, and they decide at their import whether several processes count together.
    from prometheus_client import REGISTRY, CollectorRegistry  # noqa: PLC0415
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415

    registry = REGISTRY
    if SHARED_FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def serve(host: str, port: int, readers: Readers) -> ThreadingHTTPServer:
    """Answer /metrics on a port of its own, in threads, until `shutdown`. Raises PortBusy."""
    ThreadingHTTPServer.daemon_threads = True
    try:
        server = ThreadingHTTPServer((host, port), partial(_Handler, readers))
    except OSError as error:
        raise PortBusy(
            f"Cannot serve metrics on {host}:{port}: {error.strerror}. Set EVENTHUB_METRICS_PORT to another port."
        ) from None
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    timeout = 10  # for a client that sends nothing

    def __init__(self, readers: Readers, *args: object) -> None:
        self._readers = readers
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.path.partition("?")[0] not in PATHS:
            self._answer(HTTPStatus.NOT_FOUND, b"Metrics are at /metrics.\n", "text/plain")
        elif not self._readers.admit(self.client_address[0], self.headers.get("Authorization")):
            self._answer(self._readers.refusal, b"", "text/plain")
        else:
            self._answer(HTTPStatus.OK, *expose(self.headers.get("Accept", "")))

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        self.send_response(status)
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing: it is asked every few seconds."""
