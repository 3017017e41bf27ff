"""What has been counted, in the format that Prometheus reads, and who may read it."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from eventhub.metrics.families import registry
from eventhub.networks import Network, is_within

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


def exposition(accept: str) -> tuple[bytes, str]:
    """Return the text for a reader who accepts these types, and its type. Takes milliseconds: call it in a thread."""
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - not before processes count together

    encode, content_type = choose_encoder(accept)
    return encode(registry()), content_type
