"""The real Stripe library against the local fake, over a socket."""

from collections.abc import AsyncIterator

import pytest

from eventhub.gateways.payments.stripe import StripeGateway
from tests.fakes.stripe_server import StripeServer
from tests.gateways.stripe_charges import make_gateway


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    async with StripeServer() as running:
        yield running


@pytest.fixture
async def gateway(server: StripeServer) -> AsyncIterator[StripeGateway]:
    made = make_gateway(server)
    yield made
    await made.close()


@pytest.fixture
async def hasty(server: StripeServer) -> AsyncIterator[StripeGateway]:
    """A gateway for calls that are to fail: it does not wait long."""
    made = make_gateway(server, timeout_seconds=0.3)
    yield made
    await made.close()
