"""Payments held against what their gateways say of them: open ones, and those of the last days."""

from collections.abc import Mapping
from typing import Any

from eventhub.database import Queries
from eventhub.models.payments import Dispute, PaymentStatus, RefundState
from eventhub.services import payments
from eventhub.services.operations.doctor import Result, Verdict
from eventhub.services.ports.payments import GatewayState, GatewayUnavailable, PaymentGateway

ASKED = 200
DAYS = 3

_ENDED = frozenset({GatewayState.FAILED, GatewayState.CANCELLED, None})
# How a payment may stand there while it stands so here; what was never begun there is None.
_FITS: Mapping[PaymentStatus, frozenset[GatewayState | None]] = {
    PaymentStatus.PENDING: frozenset({GatewayState.PENDING, None}),
    PaymentStatus.COMPLETED: frozenset({GatewayState.SUCCEEDED}),
    PaymentStatus.FAILED: _ENDED,
    PaymentStatus.CANCELLED: _ENDED,
    PaymentStatus.REFUNDED: frozenset({GatewayState.REFUNDED}),
}


async def examine_gateways(queries: Queries, gateways: Mapping[str, PaymentGateway]) -> Result:
    """Return which payments stand otherwise at their gateway than here: the newest 200 that are open or of the last days.

    What changes here while its gateway is asked is passed over; so is what a job has still to do there.
    """
    rows = await queries.fetch(_TO_ASK, list(gateways), DAYS, ASKED)
    wrong = [
        {"id": row["id"], "status": row["status"], "gateway": row["gateway"], "there": there}
        for row in rows
        if (there := await _differs(queries, gateways[row["gateway"]], row)) is not None
    ]
    if not rows:
        return Result("gateways", Verdict.OK, "no payment of the last days is at a gateway that can be asked")
    if not wrong:
        return Result("gateways", Verdict.OK, f"{len(rows)} payments stand at their gateways as they do here")
    text = (
        f"{len(wrong)} of {len(rows)} payments stand otherwise at their gateways, or could not be asked about"
    )
    return Result("gateways", Verdict.WRONG, text, tuple(wrong))


async def _differs(queries: Queries, gateway: PaymentGateway, payment: Mapping[str, Any]) -> str | None:
    try:
        found = await gateway.look_up(payments.reference(payment))
    except GatewayUnavailable as error:
        return f"could not be asked: {error}"
    state = found.state if found is not None else None
    fits = _FITS[PaymentStatus(payment["status"])]
    # Not back yet; or back by way of the payer's bank.
    if (
        payment["refund_state"] in {RefundState.OWED, RefundState.BY_HAND}
        or payment["dispute"] != Dispute.NONE
    ):
        fits |= {GatewayState.SUCCEEDED}
    if state in fits:
        return None
    now = await queries.fetch_one("SELECT status, refund_state FROM payments WHERE id = $1", payment["id"])
    if now is None or (now["status"], now["refund_state"]) != (payment["status"], payment["refund_state"]):
        return None
    return state or "unknown"


# Nothing is charged where nothing is to pay. A pending payment has a few minutes, and an ended one is voided by a job.
_TO_ASK = """
SELECT * FROM payments
WHERE gateway = ANY($1::text[]) AND amount > 0 AND void_since IS NULL AND created_at < now() - interval '15 minutes'
  AND (status = 'pending' OR refund_state = 'owed' OR created_at > now() - make_interval(days => $2))
ORDER BY id DESC LIMIT $3
"""
