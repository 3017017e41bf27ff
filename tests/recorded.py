"""Every change of a state has its fact: the tests' databases refuse a commit in which one came without the other.

The data of each fact is what docs/changes.md says, and holds no texts. A single statement outside a transaction is a test's own: it sets up rows, and is no business of facts.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from eventhub.demo.fill import FILL_LOCK

_OF = {"events": "event", "bookings": "booking", "payments": "payment", "waitlist_entries": "waitlist_entry"}


_DOCS = Path(__file__).parents[1] / "docs/changes.md"
# States, names of fields, amounts and currencies.
_NO_TEXT = r"^([a-z_]+|-?\d+\.\d\d|[A-Z]{3})$"


# Bookings and payments whose state is not the one that their facts, one after the other, come to.
NOT_AS_RECORDED = """
SELECT 'booking' AS what, b.id, b.status, f.type FROM bookings b LEFT JOIN LATERAL (
    SELECT type FROM facts
    WHERE data->>'booking' = b.id::text AND type LIKE 'booking.%' AND type <> 'booking.updated' ORDER BY id DESC LIMIT 1
) f ON true
WHERE b.status IS DISTINCT FROM CASE f.type WHEN 'booking.created' THEN 'pending' WHEN 'booking.expired' THEN 'cancelled'
                                WHEN 'booking.attended' THEN 'confirmed' ELSE split_part(f.type, '.', 2) END
UNION ALL
SELECT 'payment', p.id, p.status, f.type FROM payments p LEFT JOIN LATERAL (
    SELECT type FROM facts
    WHERE data->>'payment' = p.id::text AND type LIKE 'payment.%' AND type NOT IN ('payment.returned', 'payment.disputed')
    ORDER BY id DESC LIMIT 1
) f ON true
WHERE p.status IS DISTINCT FROM replace(split_part(f.type, '.', 2), 'created', 'pending')
"""


def documented() -> Mapping[str, tuple[set[str], set[str]]]:
    """Return by type which keys its data has, and which it may have, as docs/changes.md says."""
    rows = re.findall(r"^\| `(\w+\.\w+)` \| .* \|(.*)\|$", _DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    keys = {fact: re.findall(r"`(\w+\??)`", data) for fact, data in rows}
    return {
        fact: ({key for key in found if key[-1] != "?"}, {key[:-1] for key in found if key[-1] == "?"})
        for fact, found in keys.items()
    }


def triggers() -> str:
    """Return the statements that make the triggers, for a database that is migrated."""
    return "\n".join(_triggers())


def _triggers() -> Iterator[str]:
    yield f"""
        CREATE INDEX facts_of_a_commit ON facts (occurred_at);

        CREATE FUNCTION fact_of(resource text, was text, is_now text, reason text) RETURNS text LANGUAGE sql AS $$
            SELECT CASE resource WHEN 'waitlist_entry' THEN 'waitlist' ELSE resource END || '.' || CASE
                WHEN was IS NULL THEN CASE resource WHEN 'waitlist_entry' THEN 'joined' ELSE 'created' END
                WHEN resource = 'event' AND is_now = 'ongoing' THEN 'started'
                WHEN was = 'no_show' AND is_now = 'confirmed' THEN 'attended'
                WHEN resource = 'booking' AND reason = 'expired' THEN 'expired'
                ELSE is_now END
        $$;

        CREATE FUNCTION check_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            resource text := TG_ARGV[0];
            was text := CASE WHEN TG_OP = 'UPDATE' THEN to_jsonb(OLD) ->> 'status' END;
            expected text := fact_of(resource, was, NEW.status, to_jsonb(NEW) ->> 'cancel_reason');
        BEGIN
            -- Late money passes through `pending`.
            IF was = NEW.status OR coalesce(current_query(), '') NOT LIKE 'COMMIT%' OR was = 'cancelled' AND NEW.status = 'pending' THEN
                RETURN NULL;
            END IF;
            IF 1 <> (SELECT count(*) FROM facts WHERE occurred_at = now() AND type = expected
                     AND CASE resource WHEN 'event' THEN event_id ELSE (data ->> resource)::bigint END = NEW.id)
               -- The demo dates back what it records.
               AND NOT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND objid = {FILL_LOCK}) THEN
                RAISE EXCEPTION '% %: no fact %, or several, in the same transaction', resource, NEW.id, expected;
            END IF;
            RETURN NULL;
        END $$;
    """
    for table, resource in _OF.items():
        yield f"""
            CREATE CONSTRAINT TRIGGER check_recorded AFTER INSERT OR UPDATE OF status ON {table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_recorded({resource});
        """
    known = ", ".join(
        f"('{fact}', '{{{','.join(must | may)}}}'::text[])" for fact, (must, may) in documented().items()
    )
    yield f"""
        CREATE FUNCTION check_fact() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (SELECT FROM (VALUES {known}) AS known (type, keys)
                           WHERE type = NEW.type AND keys @> ARRAY(SELECT jsonb_object_keys(NEW.data))) THEN
                RAISE EXCEPTION 'docs/changes.md knows no % with %', NEW.type, NEW.data;
            END IF;
            IF EXISTS (SELECT FROM jsonb_path_query(NEW.data, 'strict $.** ? (@.type() == "string")') AS text
                       WHERE text #>> '{{}}' !~ '{_NO_TEXT}') THEN
                RAISE EXCEPTION 'there is a text in the data of %: %', NEW.type, NEW.data;
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER check_fact BEFORE INSERT ON facts FOR EACH ROW EXECUTE FUNCTION check_fact();
    """
