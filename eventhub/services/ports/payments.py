"""What payments need of a payment provider, and nothing about any provider in particular.

The rules for the caller (a job, see docs/architecture.md), because a job runs at least once:

- No database transaction is open while a gateway is called.
- `key` names one payment for ever, at the provider too. It must be unique over databases and restores, as the
  payment's `transaction_id` is and its row id is not: two installations may share one provider account.
- `charge` may be repeated with the same key: there is one charge in effect, and its present state comes back.
- After `GatewayUnavailable` nobody knows whether the call took effect: `look_up`, and only where that finds nothing
  `charge` again, with the same key.
- What a webhook says is a hint that something changed. Events come twice, late and out of order; the state to act on
  is what `look_up` answers now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from eventhub.errors import Invalid
from eventhub.models.payments import Dispute


class GatewayUnavailable(Exception):
    """Raised when the outcome is unknown (no answer, a provider's failure, too many requests): look up, try again.

    Deliberately no EventHubError: it is a surprise that a job retries, not a refusal that the rules foresee.
    """


class GatewayRefused(Exception):
    """Raised when the provider refuses for good; `detail` may be shown to the payer. Nothing was charged or returned.

    No EventHubError either: what a refusal means for a payment the job has to say.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ChargeDisputed(GatewayRefused):
    """Raised for a refund of what the payer's bank is deciding about, or has returned: `moved_elsewhere` tells which."""


class BadSignature(Invalid):
    """Raised when a webhook was not signed by the provider, or too long ago (a replay). Nothing in it may be believed."""

    code = "bad_signature"

    def __init__(self, reason: str) -> None:
        super().__init__({"signature": [reason]}, "The webhook's signature is not valid.")


class BadEvent(Invalid):
    """Raised when a webhook that the provider did sign says nothing that can be understood."""

    code = "bad_event"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors, "The event cannot be understood.")


class GatewayState(StrEnum):
    """Where a payment stands at its provider."""

    PENDING = "pending"  # the payer, a bank or a person has yet to act
    SUCCEEDED = "succeeded"  # the money is ours
    FAILED = "failed"  # it never will be; a new payment may be tried
    CANCELLED = "cancelled"  # void: no money can come any more
    REFUNDED = "refunded"  # it was ours, and all of it went back


PAID_STATES = frozenset({GatewayState.SUCCEEDED, GatewayState.REFUNDED})


class GatewayRefundState(StrEnum):
    """Where a refund stands at its provider."""

    PENDING = "pending"  # accepted, on its way: ask again with the same key
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the payer's bank sent it back; another try needs a new key
    MANUAL = "manual"  # this gateway moves no money: a person has to return it


@dataclass(frozen=True, slots=True)
class PaymentRef:
    """How a provider finds one of our payments: by its own id where we learned it, else by our key."""

    key: str
    provider_id: str | None
    created_at: datetime  # of the payment's row, aware: the provider has nothing older
    number: int = 0  # of the payment's row: what keeps its meaning where a run is repeated, and no key
    ended_at: datetime | None = None  # after which no charge was begun: the provider has nothing newer


@dataclass(frozen=True, slots=True)
class Charge:
    """One payment to collect. All of it must be the same in every repeat."""

    key: str
    amount: Decimal  # in the currency's major unit: 29.99
    currency: str  # ISO 4217, upper case
    method: str  # one of settings.parsers.PAYMENT_METHODS
    description: str  # what the payer reads beside the amount
    payer_email: str
    return_url: str  # absolute; where the payer comes back to, having paid or not
    transaction_id: str  # for the payer's and the provider's eyes
    created_at: datetime  # of the payment's row, aware
    number: int = 0  # as in PaymentRef

    @property
    def ref(self) -> PaymentRef:
        """This payment as it can be found before its provider's id is known."""
        return PaymentRef(key=self.key, provider_id=None, created_at=self.created_at, number=self.number)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider takes in one payment, in the currency's major unit."""

    least: Decimal
    greatest: Decimal


ANY_AMOUNT = Limits(Decimal("0.01"), Decimal("9999999999.99"))  # all that a payment's row holds


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """A payment as its provider sees it now."""

    state: GatewayState
    provider_id: str | None = None
    checkout_url: str | None = None  # where the payer has to go, while pending
    reference: str | None = None  # what the payer has to quote, while pending
    failure: str | None = None  # why (the last attempt) failed, for the payer


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to return. `key` names this refund for ever, as the payment's key does the payment."""

    payment: PaymentRef
    key: str
    amount: Decimal  # in the currency's major unit, at most what was paid
    currency: str


@dataclass(frozen=True, slots=True)
class GatewayRefund:
    """A refund as its provider sees it now."""

    state: GatewayRefundState
    provider_id: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class RefundElsewhere:
    """A refund that others than we made, at the provider itself. `amount` is in the currency's major unit."""

    provider_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DisputeElsewhere:
    """A quarrel of the payer with their bank about a payment; one payment may have several."""

    provider_id: str
    state: Dispute


@dataclass(frozen=True, slots=True)
class MovedElsewhere:
    """What became of a payment's money by others than us, as its provider sees it now."""

    is_refunded: bool = False  # all of it, by whomever
    refunds: tuple[RefundElsewhere, ...] = ()  # those that stand
    disputes: tuple[DisputeElsewhere, ...] = ()

    @property
    def dispute(self) -> Dispute:
        """How the payer's quarrels stand taken together: one that is lost has cost the money."""
        states = {dispute.state for dispute in self.disputes}
        ranked = (Dispute.LOST, Dispute.OPEN, Dispute.WON)
        return next((state for state in ranked if state in states), Dispute.NONE)


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """What a provider told us, its signature verified. `event_id` is the same when the provider repeats itself."""

    event_id: str
    key: str  # of the payment; empty where the event names it by `reference` alone
    state: GatewayState | GatewayRefundState  # of the payment, or of its refund
    reference: str = ""  # what the provider itself calls the payment: `find_key`
    may_have_moved: bool = False  # its money, by others than us: `moved_elsewhere`


class PaymentGateway(Protocol):
    """One payment provider. Every method raises GatewayUnavailable, and none blocks the event loop."""

    @property
    def name(self) -> str:
        """What EVENTHUB_PAYMENT_GATEWAYS calls it. Belongs into the payment's row: the mapping may change later."""
        ...

    def limits(self, currency: str) -> Limits:
        """Return the least and greatest amount that a payment in this currency may have. Asks nobody."""
        ...

    async def charge(self, charge: Charge) -> GatewayPayment:
        """Return the payment of this key, made now unless it was before; raise GatewayRefused."""
        ...

    async def look_up(self, ref: PaymentRef) -> GatewayPayment | None:
        """Return the payment as it stands now; None where the provider never heard of it."""
        ...

    async def cancel(self, ref: PaymentRef) -> GatewayPayment:
        """Void the payment: once this returns `cancelled` no money can come.

        Anything else is how the payment ended first: `succeeded` (refund it or take it), `failed`, `refunded`,
        or `pending` where a bank is already moving the money and it cannot be stopped: ask again later.
        """
        ...

    async def refund(self, refund: Refund) -> GatewayRefund:
        """Return the refund of this key, made now unless it was before: of `amount`, or what others left of it.

        Raises GatewayRefused (nothing was paid), ChargeDisputed.
        """
        ...

    async def moved_elsewhere(self, ref: PaymentRef) -> MovedElsewhere | None:
        """Return what others than we did with the payment's money; None where the provider has none of it."""
        ...

    async def find_key(self, reference: str) -> str | None:
        """Return the key of the payment that an event called `reference`; None where it is none of ours."""
        ...

    async def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent | None:
        """Return what `body` (as received, byte for byte) says, None where it is none of our business.

        Raises BadSignature, and BadEvent for what is signed and makes no sense. Asks nobody: the network is not used.
        """
        ...

    async def check(self) -> str:
        """Return in what way payments would be taken, having asked for something harmless."""
        ...

    async def close(self) -> None:
        """Let connections go; the gateway may be used again, and then opens new ones."""
        ...


def by_name(gateways: Iterable[PaymentGateway]) -> dict[str, PaymentGateway]:
    """Return each gateway once, by name: for webhook URLs, and for payments whose row names its gateway."""
    return {gateway.name: gateway for gateway in gateways}
