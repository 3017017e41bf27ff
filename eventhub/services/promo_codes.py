"""Promo codes: words that lower the prices of an event's tickets, or show its hidden types."""

from eventhub.database import Queries, Row
from eventhub.errors import WrongGuess


class UnknownPromoCode(WrongGuess):
    """Raised when an event has no such code; the web counts how often that happens to somebody."""

    code = "unknown_promo_code"

    def __init__(self, field: str = "promo_code") -> None:
        super().__init__({field: ["This event has no such promo code."]})


async def find(queries: Queries, event_id: int, code: str) -> Row | None:
    """Return the event's code that reads like this, in any case, with `is_valid`; None where there is none.

    `is_valid` is whether it is active and in its time.
    """
    return await queries.fetch_one(_FIND, event_id, code)


_FIND = """
SELECT c.*, c.is_active AND coalesce(c.valid_from <= now(), true) AND coalesce(c.valid_until > now(), true) AS is_valid
FROM promo_codes c WHERE c.event_id = $1 AND lower(c.code) = lower($2)
"""


async def unlocked_types(queries: Queries, event_id: int, code: str) -> list[int]:
    """Return the ids of the ticket types that a code names, and so shows; none where it is not valid now.

    Raises UnknownPromoCode, which names the parameter `code`.
    """
    found = await find(queries, event_id, code)
    if found is None:
        raise UnknownPromoCode("code")
    return list(found["ticket_types"]) if found["is_valid"] else []
