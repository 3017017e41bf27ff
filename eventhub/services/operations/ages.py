"""For how long has been owed what takes longest: a sign that no job keeps up, or that none can."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from eventhub.database import Queries


@dataclass(frozen=True)
class Ages:
    """Seconds, 0 where nothing is owed; `payments_pending` is counted from when the payment's time was over."""

    mails: float
    invoices: float
    refunds: float
    refunds_by_hand: float
    payments_to_void: float
    payments_pending: float

    def by_name(self) -> Mapping[str, float]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


async def oldest_owed(queries: Queries) -> Ages:
    """Return for how long the oldest of each has been owed, by the indexes of what is."""
    row = await queries.fetch_one(_OLDEST)
    assert row is not None  # noqa: S101 - its parts may be empty, it is not
    return Ages(**{name: max(0.0, seconds or 0.0) for name, seconds in row.items()})


def _age(moment: str, rows: str) -> str:
    return f"(SELECT extract(epoch FROM now() - {moment})::float8 FROM {rows})"


# A refund waits while the payer's bank decides on a dispute. What people are told of is mailed in the order of its ids.
_OLDEST = f"""
SELECT {_age("created_at", "notifications WHERE mail_owed ORDER BY id LIMIT 1")} AS mails,
       {_age("issued_at", "invoices WHERE mail_owed ORDER BY id LIMIT 1")} AS invoices,
       {_age("min(refunded_at)", "payments WHERE refund_state = 'owed' AND dispute <> 'open'")} AS refunds,
       {_age("min(refunded_at)", "payments WHERE refund_state = 'by_hand'")} AS refunds_by_hand,
       {_age("min(void_since)", "payments WHERE void_since IS NOT NULL")} AS payments_to_void,
       {_age("min(wait_until)", "payments WHERE status = 'pending' AND wait_until < now()")} AS payments_pending
"""
