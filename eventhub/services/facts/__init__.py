"""The log of what has happened. Transactions write it (`tx.record`); here it is numbered, read and dropped."""

from eventhub.services.facts.numbering import keep_organizer, number, number_all, purge, unnumbered
from eventhub.services.facts.reads import (
    COLUMNS,
    Changes,
    CursorExpired,
    Scope,
    as_change,
    check_rights,
    check_scope,
    last_number,
    read,
    read_numbered,
    scope_of,
)

__all__ = [
    "COLUMNS",
    "Changes",
    "CursorExpired",
    "Scope",
    "as_change",
    "check_rights",
    "check_scope",
    "keep_organizer",
    "last_number",
    "number",
    "number_all",
    "purge",
    "read",
    "read_numbered",
    "scope_of",
    "unnumbered",
]
