"""What settings say that is no mistake, and surely not meant for people who rely on it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from eventhub.findings import Finding, warning
from eventhub.settings import Settings

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


def warnings(settings: Settings) -> list[Finding]:
    """Return a warning for each setting that suits development alone; connects to nothing."""
    return [warning(text) for part in (_mail, _links, _payments, _strangers) for text in part(settings)]


def _mail(settings: Settings) -> Iterator[str]:
    scheme = urlsplit(settings.email_url).scheme
    if scheme != "smtp":
        where = "the terminal" if scheme == "console" else "files"
        yield f"mails go to {where} and reach nobody: set EVENTHUB_EMAIL_URL=smtp://…"
    elif settings.email_from.rstrip(">").endswith("@localhost"):
        yield f"mails come from {settings.email_from}, which most servers refuse: set EVENTHUB_EMAIL_FROM"


def _links(settings: Settings) -> Iterator[str]:
    base = urlsplit(settings.links_base)
    if base.hostname in _THIS_MACHINE:
        yield (
            f"links in mails and PDFs point to {settings.links_base}, which is this machine for each who opens them: "
            "set EVENTHUB_BASE_URL"
        )
    elif base.scheme == "https" and not settings.trusted_proxies:
        yield (
            "EVENTHUB_BASE_URL is https, which a proxy serves, and no proxy is named: all its clients count as one "
            "for limits; set EVENTHUB_TRUSTED_PROXIES"
        )


def _payments(settings: Settings) -> Iterator[str]:
    mocked = [method for method, gateway in settings.payment_gateways.items() if gateway == "mock"]
    if mocked:
        yield f"payments by {', '.join(mocked)} go to the gateway mock, which takes no money: set EVENTHUB_PAYMENT_GATEWAYS"
    if "stripe" in settings.payment_gateways.values():
        if settings.stripe_api_key.startswith(("sk_test_", "rk_test_")):
            yield "EVENTHUB_STRIPE_API_KEY is of Stripe's test mode, in which no money moves"
        if not settings.stripe_webhook_secret.startswith("whsec_"):
            yield "EVENTHUB_STRIPE_WEBHOOK_SECRET does not begin with whsec_, as those of Stripe do"


def _strangers(settings: Settings) -> Iterator[str]:
    if not settings.rate_limit:
        yield "nothing is counted, so passwords can be guessed without end: set EVENTHUB_RATE_LIMIT=on"
    if "*" in settings.cors_origins:
        yield "pages of every origin may use the API: name those that are meant in EVENTHUB_CORS_ORIGINS"
