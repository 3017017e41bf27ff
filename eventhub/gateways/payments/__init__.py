"""Payment providers behind `services.ports.payments.PaymentGateway`: one file each, chosen by settings."""

import importlib
import logging
from collections.abc import Callable, Mapping

from eventhub.gateways.payments.measured import MeasuredGateway
from eventhub.gateways.payments.mock import Ledger, MockGateway
from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.models.payments import OFFLINE
from eventhub.services.ports.payments import PaymentGateway, by_name
from eventhub.settings import Settings

log = logging.getLogger("eventhub.payments")

MOCK_LEDGER_FILE = "mock-payments.jsonl"


def build_gateways(settings: Settings) -> Mapping[str, PaymentGateway]:
    """Return the gateway of each method in EVENTHUB_PAYMENT_GATEWAYS, in its order (the first is the default).

    Methods of one gateway share one instance. Nothing is opened before the first call; `close()` each at the end.
    """
    built = {
        name: MeasuredGateway(_BUILDERS[name](settings)) for name in set(settings.payment_gateways.values())
    }
    return {method: built[name] for method, name in settings.payment_gateways.items()}


def preload(settings: Settings) -> None:
    """Load what the gateways of these settings need, so that processes that are forked afterwards share it."""
    if "stripe" in settings.payment_gateways.values():
        importlib.import_module("eventhub.gateways.payments.stripe")


def build_gateways_by_name(settings: Settings) -> Mapping[str, PaymentGateway]:
    """Return each of those gateways once, by name, and that of transfers in any case: what was begun outlives its method."""
    return {OFFLINE: OfflineGateway(), **by_name(build_gateways(settings).values())}


def _mock(settings: Settings) -> PaymentGateway:
    path = settings.data_dir / MOCK_LEDGER_FILE if settings.mock_payment_ledger else None
    return MockGateway(
        success_rate=settings.mock_payment_success_rate,
        delay_seconds=settings.mock_payment_delay_seconds,
        ledger=Ledger(path),
        seed=settings.mock_payment_seed,
    )


def _offline(settings: Settings) -> PaymentGateway:
    if not settings.bank_details:
        log.warning(
            "EVENTHUB_BANK_DETAILS is not set: payers of bank transfers are told to ask the organizer where to"
        )
    return OfflineGateway()


def _stripe(settings: Settings) -> PaymentGateway:
    # Stripe's library takes 20 MB and a fifth of a second, of which whoever does not use it is spared.
    from eventhub.gateways.payments.stripe import StripeGateway  # noqa: PLC0415

    return StripeGateway(
        api_key=settings.stripe_api_key,
        webhook_secret=settings.stripe_webhook_secret,
        api_base=settings.stripe_api_base,
        timeout_seconds=settings.stripe_timeout_seconds,
        checkout_ttl_seconds=settings.stripe_checkout_ttl_seconds,
    )


_BUILDERS: Mapping[str, Callable[[Settings], PaymentGateway]] = {
    "mock": _mock,
    "offline": _offline,
    "stripe": _stripe,
}
