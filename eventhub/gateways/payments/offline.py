"""Money that moves outside of Event Hub (a bank transfer): people see it come and send it back."""

from collections.abc import Mapping

from eventhub.services.ports.payments import (
    ANY_AMOUNT,
    BadSignature,
    Charge,
    GatewayPayment,
    GatewayRefund,
    GatewayRefundState,
    GatewayState,
    Limits,
    MovedElsewhere,
    PaymentRef,
    Refund,
    WebhookEvent,
)


class OfflineGateway:
    """Pending until a person says otherwise: the organizer confirms the booking (docs/architecture.md, States)."""

    name = "offline"

    def limits(self, currency: str) -> Limits:  # noqa: ARG002 - all are alike
        """Return no limits."""
        return ANY_AMOUNT

    async def charge(self, charge: Charge) -> GatewayPayment:
        """Return a pending payment whose `reference`, the transaction id, the payer quotes in the transfer."""
        return GatewayPayment(GatewayState.PENDING, reference=charge.transaction_id)

    async def look_up(self, ref: PaymentRef) -> GatewayPayment | None:  # noqa: ARG002 - all are alike
        """Return a pending payment: no provider knows more."""
        return GatewayPayment(GatewayState.PENDING)

    async def cancel(self, ref: PaymentRef) -> GatewayPayment:  # noqa: ARG002 - all are alike
        """Return a cancelled payment. A transfer that comes all the same is for a person to send back."""
        return GatewayPayment(GatewayState.CANCELLED)

    async def refund(self, refund: Refund) -> GatewayRefund:  # noqa: ARG002 - all are alike
        """Return `manual`: the job ends, and a person returns the money."""
        return GatewayRefund(GatewayRefundState.MANUAL)

    async def moved_elsewhere(self, ref: PaymentRef) -> MovedElsewhere | None:  # noqa: ARG002 - all are alike
        """Return None: nobody else comes near this money."""
        return None

    async def find_key(self, reference: str) -> str | None:  # noqa: ARG002 - all are alike
        """Return None: no event names a payment."""
        return None

    async def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent | None:  # noqa: ARG002
        """Raise BadSignature: nobody may speak for this gateway."""
        raise BadSignature("The offline gateway sends no webhooks.")

    async def check(self) -> str:
        """Return what it is: there is nobody to ask."""
        return "people transfer money, and organizers record it"

    async def close(self) -> None:
        """Nothing is open."""
