"""What has been counted, in the format that Prometheus reads, and who may read it."""

import asyncio
import hmac
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from eventhub.metrics.families import SHARED_FOLDER, registry
from eventhub.networks import Network, is_within

_SOURCE = str(Path(__file__).parent.parent.parent)
EXPOSE_SECONDS = 10.0
CHALLENGE = 'Bearer realm="Event Hub metrics"'


@dataclass(frozen=True)
class Readers:
    """Who may read what operators read: those who bear the token, and those who come from these networks."""

    token: str = ""
    networks: Sequence[Network] = ()

    def admit(self, address: str, authorization: str | None) -> bool:
        return is_within(address, self.networks) or self._is_token(authorization or "")

    def _is_token(self, authorization: str) -> bool:
        scheme, _, said = authorization.partition(" ")
        is_equal = hmac.compare_digest(said.strip().encode("utf-8", "replace"), self.token.encode())
        return bool(self.token) and scheme.lower() == "bearer" and is_equal

    @property
    def refusal(self) -> HTTPStatus:
        """401 where a token would help, else 404: for strangers there is nothing."""
        return HTTPStatus.UNAUTHORIZED if self.token else HTTPStatus.NOT_FOUND


async def exposed(accept: str) -> tuple[bytes, str]:
    """Return what `exposition` does; this process goes on answering meanwhile."""
    if SHARED_FOLDER not in os.environ:
        return exposition(accept)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "eventhub.metrics",
        accept,
        env={"PYTHONPATH": _SOURCE, SHARED_FOLDER: os.environ[SHARED_FOLDER]},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(EXPOSE_SECONDS):
            written, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise RuntimeError(f"metrics were not put together: exit code {process.returncode}")
    content_type, _, text = written.partition(b"\n")
    return text, content_type.decode()


def exposition(accept: str) -> tuple[bytes, str]:
    """Return the text for a reader who accepts these types, and its type."""
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - not before processes count together

    encode, content_type = choose_encoder(accept)
    return encode(registry()), content_type
