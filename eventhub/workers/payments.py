"""Jobs of payments: the gateway is asked without a transaction, then one transaction records what it said."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from eventhub.database import Row, origin
from eventhub.models.bookings import BookingStatus
from eventhub.models.events import EventStatus
from eventhub.models.jobs import FOLLOW_MONEY, IDENTIFY_PAYMENT, PROCESS_PAYMENT, REFUND_PAYMENT, VOID_PAYMENT
from eventhub.models.payments import Dispute, PaymentStatus, RefundState
from eventhub.services import invoices, jobs, payments
from eventhub.services.ports.payments import (
    Charge,
    ChargeDisputed,
    GatewayPayment,
    GatewayRefundState,
    GatewayRefused,
    GatewayState,
    GatewayUnavailable,
    MovedElsewhere,
    PaymentGateway,
    Refund,
)
from eventhub.workers.context import JobContext, PermanentFailure, Retry
from eventhub.workers.kinds import handles

REFUNDS_TRIED = 3  # that the payer's bank sent back, before a person has to find another way
# What costs nothing is settled here: no provider takes a charge of 0.
_NOTHING_TO_PAY = GatewayPayment(GatewayState.SUCCEEDED)


@handles(PROCESS_PAYMENT)
async def process_payment(context: JobContext, payment_id: int) -> None:
    """Charge a payment, or look up how it stands; a repeat after a crash or timeout never charges twice.

    What its payer tried before is voided first: where that was paid meanwhile, it takes the place of this one.
    """
    payment = await payments.find_for_gateway(context.database, payment_id)
    if payment is not None and payment["status"] == PaymentStatus.PENDING and payment["has_predecessors"]:
        await _void_others(context, payment_id)
        payment = await payments.find_for_gateway(context.database, payment_id)
    if payment is None or payment["status"] == PaymentStatus.REFUNDED:
        return
    outcome = await _ask(context, payment)
    if outcome.state is GatewayState.SUCCEEDED and await _settle_with_others(context, payment, outcome):
        return
    async with context.transaction() as tx:
        await payments.settle(tx, payment_id, outcome, _terms(context))


@dataclass(frozen=True, eq=False)
class _Paid:
    """A job whose payment's money is at the gateway."""

    context: JobContext
    payment_id: int
    arrived: payments.Arrived


async def _settle_with_others(context: JobContext, payment: Row, outcome: GatewayPayment) -> bool:
    """Settle a payment together with what others are paid at the moment; return whether that was done.

    First with those for all events, which waits for nobody who holds one of them, then with those for the same event.
    """
    paid = _Paid(context, payment["id"], payments.Arrived(outcome.provider_id, origin()))
    rounds = context.resources.rounds
    return await rounds.join(_settle_round, paid) or await rounds.join(
        _settle_round, paid, lane=payment["event_id"]
    )


async def _settle_round(event_id: int | None, round_: Sequence[_Paid]) -> Collection[_Paid]:
    """Settle payments for an event, or for any that nobody holds, and end their jobs; return those that were settled."""
    context = round_[0].context
    async with context.database.transaction(event_id) as tx:
        arrived = {paid.payment_id: paid.arrived for paid in round_}
        settled = await payments.settle_paid(tx, arrived, _terms(context), waits=event_id is not None)
        done = [paid for paid in round_ if paid.payment_id in settled]
        await jobs.finish_all(tx, [paid.context.job for paid in done])
    for paid in done:
        paid.context.ended = True
    return done


def _terms(context: JobContext) -> invoices.Terms:
    return invoices.Terms(context.settings.seller, context.settings.tax_rate)


async def _ask(context: JobContext, payment: Row) -> GatewayPayment:
    if payment["amount"] == 0:
        return _NOTHING_TO_PAY
    gateway = _gateway(context, payment)
    ref = payments.reference(payment)
    try:
        if payment["status"] != PaymentStatus.PENDING:
            # A provider's news of a payment that had ended: money that came after all buys its seat or goes back,
            # money that went back leaves the books, all else changes nothing.
            return await gateway.look_up(ref) or GatewayPayment(GatewayState.CANCELLED)
        if (
            payment["booking_status"] == BookingStatus.CANCELLED
            or payment["event_status"] == EventStatus.CANCELLED
        ):
            return await gateway.cancel(ref)
        # Somebody may have asked before: this job in an earlier attempt, or one before it (a webhook or the clock
        # sent for this one).
        was_asked = context.job.attempts > 1 or payment["checked_at"] != payment["created_at"]
        is_known = payment["provider_id"] is not None or was_asked
        return (await gateway.look_up(ref) if is_known else None) or await gateway.charge(
            _charge(context, payment)
        )
    except GatewayRefused as refusal:
        return GatewayPayment(GatewayState.FAILED, failure=refusal.detail)
    except GatewayUnavailable as error:
        raise Retry(str(error)) from error


class GatewayGone(Retry):
    """Raised where no setting names a payment's gateway any more: nobody can say what became of its money."""


def _gateway(context: JobContext, payment: Row) -> PaymentGateway:
    return _gateway_named(context, payment["gateway"])


def _gateway_named(context: JobContext, name: str) -> PaymentGateway:
    gateway = context.resources.gateways.get(name)
    if gateway is None:
        raise GatewayGone(
            f"gateway {name} is not configured any more: map a method to it in EVENTHUB_PAYMENT_GATEWAYS"
        )
    return gateway


def _charge(context: JobContext, payment: Row) -> Charge:
    return Charge(
        key=payment["transaction_id"],
        amount=payment["amount"],
        currency=payment["currency"],
        method=payment["method"],
        description=payment["event_title"],
        payer_email=payment["email"],
        # Without a front end, the payment itself: JSON, for who brings a token.
        return_url=context.settings.payment_url(payment["id"])
        or f"{context.settings.links_base}/api/payments/{payment['id']}/",
        transaction_id=payment["transaction_id"],
        created_at=payment["created_at"],
        number=payment["id"],
    )


@handles(VOID_PAYMENT)
async def void_payment(context: JobContext, payment_id: int) -> None:
    """Void a payment at its gateway; money that was quicker buys its seat, or goes back.

    One that has ended here without money may be open there still: it is voided as well. Where its gateway is gone from
    the settings, its booking waits no longer, but this goes on trying.
    """
    payment = await payments.find_for_gateway(context.database, payment_id)
    if payment is None:
        return
    if payment["status"] in {PaymentStatus.COMPLETED, PaymentStatus.REFUNDED}:
        async with context.transaction() as tx:
            await payments.record_voided(tx, payment_id)
        return
    try:
        outcome = await _void(context, payment)
    except GatewayGone:
        async with context.database.transaction(await context.event_changed()) as tx:
            await payments.give_up(tx, payment_id)
        raise
    async with context.transaction() as tx:
        await payments.settle(tx, payment_id, outcome, _terms(context))
        await payments.record_voided(tx, payment_id)


async def _void_others(context: JobContext, payment_id: int) -> None:
    """Void what its payer has given up for this payment, so that nobody pays twice.

    A gateway that cannot be asked, or that has not voided one for as long as it may keep a booking, is not waited for.
    """
    for other in await payments.list_to_void(context.database, payment_id):
        if other["is_being_charged"]:
            raise Retry(f"payment {other['id']} for the same booking is being charged")
        if other["is_given_up"] or other["gateway"] not in context.resources.gateways:
            continue
        outcome = await _void(context, other)
        async with context.database.transaction(await context.event_changed()) as tx:
            await payments.settle(tx, other["id"], outcome, _terms(context))
            await payments.record_voided(tx, other["id"])


async def _void(context: JobContext, payment: Row) -> GatewayPayment:
    if payment["amount"] == 0:
        return GatewayPayment(GatewayState.CANCELLED)
    try:
        outcome = await _gateway(context, payment).cancel(payments.reference(payment))
    except GatewayUnavailable as error:
        raise Retry(str(error)) from error
    if outcome.state is GatewayState.PENDING:
        raise Retry("the money is on its way and cannot be stopped: asking again later")
    return outcome


@handles(REFUND_PAYMENT)
async def refund_payment(context: JobContext, payment_id: int) -> None:
    """Return the money of a refunded payment, once in effect however often this runs."""
    payment = await payments.find_for_gateway(context.database, payment_id)
    if (
        payment is None
        or payment["status"] != PaymentStatus.REFUNDED
        or payment["refund_state"] != RefundState.OWED
    ):
        return
    try:
        state = await _return_money(context, payment)
    except ChargeDisputed as refusal:
        await _leave_to_the_bank(context, payment, refusal)
        return
    async with context.transaction() as tx:
        await payments.record_refund(tx, payment_id, state)


async def _leave_to_the_bank(context: JobContext, payment: Row, refusal: ChargeDisputed) -> None:
    """Record how the dispute stands for which a refund was refused: once it is won, the refund is tried again."""
    moved = await _moved_elsewhere(context, payment)
    if moved is None or moved.dispute not in {Dispute.OPEN, Dispute.LOST}:
        raise Retry(refusal.detail)
    async with context.transaction() as tx:
        await payments.follow(tx, payment["id"], moved, seen_at=payment["checked_at"])


async def _moved_elsewhere(context: JobContext, payment: Row) -> MovedElsewhere | None:
    try:
        return await _gateway(context, payment).moved_elsewhere(payments.reference(payment))
    except GatewayUnavailable as error:
        raise Retry(str(error)) from error


async def _return_money(context: JobContext, payment: Row) -> RefundState:
    if payment["amount"] == 0:
        return RefundState.RETURNED
    key = payments.refund_key(payment)
    refund = Refund(payments.reference(payment), key, payment["amount"], payment["currency"])
    try:
        answer = await _gateway(context, payment).refund(refund)
    except GatewayUnavailable as error:
        raise Retry(str(error)) from error
    except ChargeDisputed:
        raise
    except GatewayRefused as refusal:
        raise PermanentFailure(f"the gateway refuses {key}: {refusal.detail}") from refusal
    match answer.state:
        case GatewayRefundState.SUCCEEDED:
            return RefundState.RETURNED
        case GatewayRefundState.MANUAL:
            return RefundState.BY_HAND
        case GatewayRefundState.PENDING:
            raise Retry("the refund is on its way: asking again later")
        case GatewayRefundState.FAILED:
            # Of this key the provider will only ever tell that: the next try means another.
            if payment["refund_number"] >= REFUNDS_TRIED:
                return RefundState.BY_HAND
            async with context.database.transaction() as tx:
                await payments.begin_another_refund(tx, payment)
            raise PermanentFailure(f"the bank sent {key} back: {answer.failure}")


@handles(FOLLOW_MONEY)
async def follow_money(context: JobContext, payment_id: int) -> None:
    """Record what others than we did with a payment's money at its gateway."""
    payment = await payments.find_for_gateway(context.database, payment_id)
    moved = (
        await _moved_elsewhere(context, payment) if payment is not None and payment["amount"] > 0 else None
    )
    async with context.transaction() as tx:
        if payment is None or moved is None:
            await payments.forget_news(tx, payment_id)
        else:
            await payments.follow(tx, payment_id, moved, seen_at=payment["checked_at"])


@handles(IDENTIFY_PAYMENT)
async def identify_payment(context: JobContext, gateway: str, reference: str) -> None:
    """Find out which payment an event of a provider's speaks of; other people's are none of our business."""
    try:
        key = await _gateway_named(context, gateway).find_key(reference)
    except GatewayUnavailable as error:
        raise Retry(str(error)) from error
    async with context.transaction() as tx:
        await payments.follow_event(tx, gateway, reference, key)
