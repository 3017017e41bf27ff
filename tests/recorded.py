"""Every change of a state has its fact: the tests' databases refuse a commit in which one came without the other.

A single statement outside a transaction is a test's own: it sets up rows, and is no business of facts.
"""

from collections.abc import Iterator

_OF = {"events": "event", "bookings": "booking", "payments": "payment", "waitlist_entries": "waitlist_entry"}


def triggers() -> str:
    """Return the statements that make the triggers, for a database that is migrated."""
    return "\n".join(_triggers())


def _triggers() -> Iterator[str]:
    yield """
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
                     AND CASE resource WHEN 'event' THEN event_id ELSE (data ->> resource)::bigint END = NEW.id) THEN
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
