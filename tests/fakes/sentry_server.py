"""A stand-in for Sentry: takes envelopes (develop.sentry.dev/sdk/data-model/envelopes) and keeps what is in them."""

import json
from typing import Any

from tests.fakes.http_sink import HttpSink


class SentryServer(HttpSink):
    @property
    def dsn(self) -> str:
        return f"http://public@{self.host}/1"

    @property
    def text(self) -> str:
        """All that was sent, as it was sent."""
        return "\n".join(body.decode() for _, body in self.posted)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, in order."""
        found = []
        for path, body in self.posted:
            assert path == "/api/1/envelope/"
            lines = body.decode().splitlines()
            for header, item in zip(lines[1::2], lines[2::2], strict=True):
                assert json.loads(header)["type"] == "event"
                found.append(json.loads(item))
        return found
