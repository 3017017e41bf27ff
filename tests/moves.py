"""The tables of moves, held by the tests' databases: a state that moves as none of them allows fails its statement."""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from eventhub.models.bookings import BOOKING_MOVES
from eventhub.models.events import EVENT_MOVES
from eventhub.models.payments import PAYMENT_MOVES
from eventhub.models.waitlist import WAITLIST_MOVES

TABLES: Mapping[str, Mapping[StrEnum, frozenset[StrEnum]]] = {
    "events": EVENT_MOVES,  # type: ignore[dict-item]  # each has an enum of its own
    "bookings": BOOKING_MOVES,  # type: ignore[dict-item]
    "payments": PAYMENT_MOVES,  # type: ignore[dict-item]
    "waitlist_entries": WAITLIST_MOVES,  # type: ignore[dict-item]
}


def triggers() -> str:
    """Return the statements that make the triggers, for a database that is migrated."""
    return "\n".join(_triggers())


def _triggers() -> Iterator[str]:
    yield """
        CREATE FUNCTION check_move() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status <> NEW.status AND OLD.status || ' ' || NEW.status <> ALL (TG_ARGV) THEN
                RAISE EXCEPTION '% does not move from % to %', TG_TABLE_NAME, OLD.status, NEW.status;
            END IF;
            RETURN NEW;
        END $$;
    """
    for table, moves in TABLES.items():
        allowed = ", ".join(f"'{before} {after}'" for before, nexts in moves.items() for after in nexts)
        yield f"""
            CREATE TRIGGER check_move BEFORE UPDATE OF status ON {table}
            FOR EACH ROW EXECUTE FUNCTION check_move({allowed});
        """
