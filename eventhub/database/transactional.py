"""Tortoise's client for one transaction, whose BEGIN leaves with the first statement: one that is alone needs none."""

import contextlib
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import ConnectionWrapper


class TransactionalClient(TransactionWrapper):
    """One connection, on which everything that the transaction's own task does happens, also through models."""

    def __init__(self, parent: AsyncpgDBClient, connection: asyncpg.Connection) -> None:
        super().__init__(parent)
        self._connection = connection
        self._begun: Any = None
        self._is_alone = False
        self.is_over = False

    @property
    def has_begun(self) -> bool:
        return self._begun is not None

    async def take(self) -> asyncpg.Connection:
        """Return the connection, on which the transaction has begun, for one statement: `give_back` lets the next one go."""
        await self._lock.acquire()
        try:
            await self._ensure_begun()
        except BaseException:
            self._lock.release()
            raise
        return self._connection

    def give_back(self) -> None:
        self._lock.release()

    def acquire_connection(self) -> "_Taken":
        return _Taken(self._lock, self)

    async def _ensure_begun(self) -> None:
        """Begin, unless that was done or the statement is alone. Raises RuntimeError where the transaction is over."""
        if self.is_over:
            raise RuntimeError("the transaction's one statement is committed: nothing can follow it")
        if self._begun is None and not self._is_alone:
            begun = self._connection.transaction()
            await begun.__aenter__()
            self._begun = begun

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let the block's statement be a transaction by itself."""
        self._is_alone = True
        try:
            yield
        finally:
            self._is_alone = False

    @contextlib.asynccontextmanager
    async def ending(self) -> AsyncIterator[None]:
        """Commit what the block began, or roll it back when the block raises."""
        try:
            yield
        except BaseException:
            if self._begun is not None:
                await self._begun.__aexit__(*sys.exc_info())
            raise
        else:
            if self._begun is not None:
                await self._begun.__aexit__(None, None, None)


class _Taken(ConnectionWrapper[asyncpg.Connection]):
    """The same for Tortoise's own statements."""

    client: TransactionalClient

    async def __aenter__(self) -> asyncpg.Connection:
        return await self.client.take()
