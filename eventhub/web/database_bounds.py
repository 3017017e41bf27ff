"""How long a web process waits for its database, and how much of it strangers get; known without loading the API."""

from eventhub.database import PublicBounds, Timeouts

# A request that runs into it is answered by 503: whoever waited longer has gone.
TIMEOUTS = Timeouts(statement_seconds=10, lock_seconds=2, turn_seconds=5)
PUBLIC = PublicBounds(
    pool_size=6,
    timeouts=Timeouts(statement_seconds=2, lock_seconds=5, turn_seconds=5),
    costly_at_once=4,
    costly_in_line=200,
    line_seconds=2,
)
