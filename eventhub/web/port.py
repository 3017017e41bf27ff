"""Whether the API's port is free, known without loading the API."""

import errno
import socket


class PortBusy(Exception):
    """Raised when another process listens on the port."""


def check_port(host: str, port: int, variable: str = "PORT") -> None:
    """Raise PortBusy, in one clear line, where nobody can listen on host and port."""
    # Without SO_REUSEPORT, so that another Event Hub on the port is noticed rather than joined.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortBusy(
                    f"Port {port} on {host} is in use: stop what listens there, or set {variable} to another."
                ) from None
            raise PortBusy(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
