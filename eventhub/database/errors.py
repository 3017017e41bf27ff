"""What PostgreSQL, its driver and the ORM raise, sorted by what it means to callers."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator

import asyncpg
from tortoise.exceptions import (
    DBConnectionError,
    IntegrityError,
    OperationalError,
    TransactionManagementError,
)

IntegrityErrors = (IntegrityError, asyncpg.IntegrityConstraintViolationError)
# Others were in the way: tried again, the same may do.
ContentionErrors = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# The server takes no writes: a primary that was demoted, or one whose administrator says so.
ReadOnlyError = asyncpg.ReadOnlySQLTransactionError
UnavailableErrors = (
    ConnectionError,
    TimeoutError,
    DBConnectionError,
    asyncpg.InternalClientError,  # a connection whose last word has been read, but not yet its end
    # By classes of SQLSTATE: 08, the connection; 53, no disk, memory or connection left; 57, an operator or a time limit
    # (`Timeouts`) ended it, or the server starts or stops; 58, what the server's own system says.
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    ReadOnlyError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    # Further time limits.
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
)


def violated_constraint(error: BaseException) -> str | None:
    """Return the name of the constraint or unique index that `error` reports, if it is such an error."""
    if isinstance(error, IntegrityError) and error.args:
        error = error.args[0]
    name: str | None = getattr(error, "constraint_name", None)
    return name


# Of asyncpg's InterfaceErrors those that tell of a connection or pool that is gone; others are mistakes of this code.
CLOSED = re.compile(r"(?:connection|pool) is clos|released back to the pool")


@contextlib.contextmanager
def reaching_the_server() -> Iterator[None]:
    """In this block an OSError (a socket that is not there, a name that does not resolve) is a ConnectionError."""
    try:
        yield
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        raise ConnectionError(str(error)) from error


@contextlib.asynccontextmanager
async def as_postgres_said_it() -> AsyncIterator[None]:
    """In this block what Tortoise wraps of ContentionErrors and UnavailableErrors is raised as it was."""
    try:
        yield
    except (OperationalError, TransactionManagementError) as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, (*ContentionErrors, *UnavailableErrors)):
            raise cause from error
        raise
