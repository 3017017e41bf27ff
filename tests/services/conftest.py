"""Fixtures of tests of services."""

from dataclasses import replace

import pytest

from eventhub.gateways.payments.offline import OfflineGateway
from tests.api import Api
from tests.money import FakeGateway


@pytest.fixture
def gateway(api: Api) -> FakeGateway:
    fake = FakeGateway()
    api.resources = replace(api.resources, gateways={"mock": fake, "offline": OfflineGateway()})
    return fake
