"""What suits development alone is warned of, and nothing else is."""

from ipaddress import ip_network

import pytest

from eventhub.checks.configuration import warnings
from eventhub.findings import Severity
from eventhub.settings import read_settings

PRODUCTION = {
    "DATABASE_URL": "postgres://db/eventhub",
    "REDIS_URL": "redis://cache",
    "EVENTHUB_SECRET_KEY": "k" * 32,
    "EVENTHUB_BASE_URL": "https://events.example.com",
    "EVENTHUB_TRUSTED_PROXIES": str(ip_network("10.0.0.0/8")),
    "EVENTHUB_EMAIL_URL": "smtp://mail.example.com",
    "EVENTHUB_EMAIL_FROM": "Events <events@example.com>",
    "EVENTHUB_PAYMENT_GATEWAYS": "credit_card=stripe,bank_transfer=offline",
    "EVENTHUB_STRIPE_API_KEY": "sk_live_1",
    "EVENTHUB_STRIPE_WEBHOOK_SECRET": "whsec_1",
}


def test_settings_for_production_are_warned_of_nothing() -> None:
    assert warnings(read_settings(PRODUCTION)) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"EVENTHUB_EMAIL_URL": ""}, "mails go to files and reach nobody"),
        ({"EVENTHUB_EMAIL_URL": "console:"}, "mails go to the terminal and reach nobody"),
        ({"EVENTHUB_EMAIL_FROM": ""}, "mails come from Event Hub <no-reply@localhost>"),
        ({"EVENTHUB_BASE_URL": ""}, "point to http://localhost:8000"),
        ({"EVENTHUB_BASE_URL": "http://127.0.0.1:9000"}, "point to http://127.0.0.1:9000"),
        ({"EVENTHUB_TRUSTED_PROXIES": ""}, "no proxy is named"),
        (
            {"EVENTHUB_PAYMENT_GATEWAYS": "paypal=mock,mock=mock"},
            "payments by paypal, mock go to the gateway mock",
        ),
        ({"EVENTHUB_STRIPE_API_KEY": "rk_test_1"}, "test mode"),
        ({"EVENTHUB_STRIPE_WEBHOOK_SECRET": "sk_live_1"}, "does not begin with whsec_"),
        ({"EVENTHUB_RATE_LIMIT": "off"}, "passwords can be guessed without end"),
        ({"EVENTHUB_CORS_ORIGINS": "*"}, "pages of every origin"),
    ],
)
def test_what_suits_development_alone_is_warned_of(changes: dict[str, str], told: str) -> None:
    [finding] = warnings(read_settings({**PRODUCTION, **changes}))
    assert finding.severity is Severity.WARNING
    assert told in finding.text
    assert "sk_live_1" not in finding.text
