from pathlib import Path

import pytest

from eventhub.gateways.payments import MOCK_LEDGER_FILE, build_gateways
from eventhub.services.ports.payments import by_name
from eventhub.settings import Settings, SettingsError, read_settings
from tests.fakes.ledger import read_ledger
from tests.gateways.test_mock_gateway import make_charge

BASE = {
    "DATABASE_URL": "postgres://u@localhost/db",
    "REDIS_URL": "redis://localhost",
    "EVENTHUB_SECRET_KEY": "s" * 32,
}
STRIPE = {"EVENTHUB_STRIPE_API_KEY": "sk_test_1", "EVENTHUB_STRIPE_WEBHOOK_SECRET": "whsec_1"}


def settings_with(**more: str) -> Settings:
    return read_settings({**BASE, **more})


def test_methods_go_to_their_gateways_in_order() -> None:
    settings = settings_with(
        EVENTHUB_PAYMENT_GATEWAYS="credit_card=stripe,debit_card=stripe,bank_transfer=offline,mock=mock",
        **STRIPE,
    )
    gateways = build_gateways(settings)
    assert [(method, gateway.name) for method, gateway in gateways.items()] == [
        ("credit_card", "stripe"),
        ("debit_card", "stripe"),
        ("bank_transfer", "offline"),
        ("mock", "mock"),
    ]
    assert gateways["credit_card"] is gateways["debit_card"]
    assert set(by_name(gateways.values())) == {"stripe", "offline", "mock"}


async def test_the_mock_keeps_a_ledger_in_the_data_dir_when_asked(tmp_path: Path) -> None:
    on = {"EVENTHUB_MOCK_PAYMENT_LEDGER": "true", "EVENTHUB_DATA_DIR": str(tmp_path)}
    settings = settings_with(EVENTHUB_PAYMENT_GATEWAYS="mock=mock", **on)
    await build_gateways(settings)["mock"].charge(make_charge())
    assert len(read_ledger(tmp_path / MOCK_LEDGER_FILE)) == 1


def test_without_stripe_nothing_of_stripe_is_needed() -> None:
    settings = settings_with(EVENTHUB_PAYMENT_GATEWAYS="credit_card=mock")
    assert settings.currency == "USD"
    assert settings.stripe_api_base == "https://api.stripe.com"


def test_stripe_needs_its_secrets_and_takes_only_its_methods() -> None:
    with pytest.raises(SettingsError) as raised:
        settings_with(EVENTHUB_PAYMENT_GATEWAYS="credit_card=stripe,bank_transfer=stripe", PORT="-1")
    assert raised.value.problems == [
        "PORT: must be between 1 and 65535, got -1",
        "EVENTHUB_STRIPE_API_KEY: is required, because EVENTHUB_PAYMENT_GATEWAYS sends credit_card to stripe",
        "EVENTHUB_STRIPE_WEBHOOK_SECRET: is required, because EVENTHUB_PAYMENT_GATEWAYS sends credit_card to stripe",
        "EVENTHUB_PAYMENT_GATEWAYS: bank_transfer cannot go to stripe, which serves credit_card, debit_card, paypal",
    ]


@pytest.mark.parametrize("value", ["EURO", "E1R", "€UR"])
def test_a_currency_has_three_letters(value: str) -> None:
    with pytest.raises(SettingsError, match="EVENTHUB_CURRENCY"):
        settings_with(EVENTHUB_CURRENCY=value)


def test_a_currency_may_be_written_small() -> None:
    assert settings_with(EVENTHUB_CURRENCY="eur").currency == "EUR"


def test_secrets_are_not_in_what_is_printed() -> None:
    settings = settings_with(EVENTHUB_PAYMENT_GATEWAYS="credit_card=stripe", **STRIPE)
    assert "sk_test_1" not in repr(settings)
    assert "whsec_1" not in repr(settings)
