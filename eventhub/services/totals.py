"""What profiles add up: money spent, events attended. Each transaction that changes several people's locks them first."""

from collections.abc import Iterable

from eventhub.database import Transaction


async def lock(tx: Transaction, user_ids: Iterable[int]) -> None:
    """Lock these people's totals in the order of their ids, so that no two transactions wait for each other."""
    await tx.execute(_LOCK, list(user_ids))


_LOCK = "SELECT FROM profiles WHERE user_id = ANY($1::bigint[]) ORDER BY user_id FOR NO KEY UPDATE"
