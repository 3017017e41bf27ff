"""Charges at the local fake of Stripe, as the tests of its gateway and of its webhooks make them."""

from datetime import UTC, datetime
from decimal import Decimal

from eventhub.gateways.payments.stripe import StripeGateway
from eventhub.services.ports.payments import (
    Charge,
    GatewayPayment,
    PaymentRef,
)
from tests.fakes.stripe_server import API_KEY, WEBHOOK_SECRET, StripeServer

KEY = "EVH-7K2M9QX4TB1C"


def make_gateway(
    server: StripeServer, *, api_key: str = API_KEY, timeout_seconds: float = 10
) -> StripeGateway:
    return StripeGateway(
        api_key=api_key,
        webhook_secret=WEBHOOK_SECRET,
        api_base=server.url,
        timeout_seconds=timeout_seconds,
    )


def make_charge(key: str = KEY, *, amount: str = "59.98", currency: str = "USD") -> Charge:
    return Charge(
        key=key,
        amount=Decimal(amount),
        currency=currency,
        method="credit_card",
        description="PyCon: 2 tickets",
        payer_email="ada@example.com",
        return_url="https://events.example/payments/1/",
        transaction_id=key,
        created_at=datetime.now(UTC).replace(microsecond=0),
    )


async def paid(gateway: StripeGateway, server: StripeServer, charge: Charge) -> PaymentRef:
    payment = await gateway.charge(charge)
    assert payment.provider_id
    server.pay(payment.provider_id)
    return PaymentRef(charge.key, payment.provider_id, charge.created_at)


async def look_up(gateway: StripeGateway, ref: PaymentRef) -> GatewayPayment:
    found = await gateway.look_up(ref)
    assert found is not None
    return found
