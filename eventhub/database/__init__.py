"""The way to PostgreSQL: reads on `Database`, writes in `Database.transaction()`, jobs through `tx.enqueue()`.

A job is a row of the transaction that causes it; the message that wakes a worker leaves after the commit.
"""

from eventhub.database.connection import Timeouts, connect
from eventhub.database.errors import ContentionErrors, IntegrityErrors, UnavailableErrors, violated_constraint
from eventhub.database.expressions import Now
from eventhub.database.jobs import Actor, Deliver, Origin, SentJob, inserting, origin
from eventhub.database.migrations import SchemaBehind, migrate
from eventhub.database.pool import Database, Savepoint, Transaction, Wake
from eventhub.database.queries import PooledQueries, PublicBounds, PublicReads, Queries, Row

__all__ = [
    "Actor",
    "ContentionErrors",
    "Database",
    "Deliver",
    "IntegrityErrors",
    "Now",
    "Origin",
    "PooledQueries",
    "PublicBounds",
    "PublicReads",
    "Queries",
    "Row",
    "Savepoint",
    "SchemaBehind",
    "SentJob",
    "Timeouts",
    "Transaction",
    "UnavailableErrors",
    "Wake",
    "connect",
    "inserting",
    "migrate",
    "origin",
    "violated_constraint",
]
