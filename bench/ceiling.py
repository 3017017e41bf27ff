"""The ceiling: what this machine can do at most, with the same language, server and database as Event Hub.

Low-level aiohttp, asyncpg with prepared statements, orjson; the statements and answers of each scenario written by hand.
It has no routes, middlewares, validation, rights, limits, jobs or log: whoever wants those pays for them above this.

    python -m bench.ceiling DATABASE_URL PORT HEX_KEY_OF_TOKENS
"""

import asyncio
import base64
import hmac
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import asyncpg
import orjson
import uvloop
from aiohttp import web
from argon2 import PasswordHasher

from bench import ceiling_sql as sql

CONNECTIONS = 8
_HEADERS = {"Content-Type": "application/json"}
_SESSION = (
    "id title description start_time end_time speaker speaker_name room_or_link created_at updated_at".split()
)
_JWT_HEAD = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")


class Connections:
    """Connections with every statement prepared; the one that was used last is used next."""

    def __init__(self) -> None:
        self._idle: list[Mapping[str, Any]] = []
        self._waiting: list[asyncio.Future[Mapping[str, Any]]] = []

    async def open(self, url: str) -> None:
        for _ in range(CONNECTIONS):
            connection = await asyncpg.connect(url)
            self._idle.append({name: await connection.prepare(text) for name, text in sql.STATEMENTS.items()})

    async def fetch(self, name: str, *args: object) -> list[asyncpg.Record]:
        if self._idle:
            statements = self._idle.pop()
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            statements = await turn
        try:
            rows: list[asyncpg.Record] = await statements[name].fetch(*args)
            return rows
        finally:
            if self._waiting:
                self._waiting.pop(0).set_result(statements)
            else:
                self._idle.append(statements)


class Ceiling:
    """Answers the requests of the scenarios, and no others."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.database = Connections()
        self.hasher = PasswordHasher()
        self.threads = ThreadPoolExecutor(2)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        path = request.raw_path
        if request.method == "GET":
            if path.startswith("/api/events/?"):
                return await self.list_events(dict(parse_qsl(path[13:])))
            if path.startswith("/api/events/"):
                if path.endswith("/statistics/"):
                    return await self.one("statistics", int(path[12:-12]))
                return await self.event(int(path[12:-1]))
            return _page(await self.database.fetch("bookings", self.user(request)))
        body = orjson.loads(await request.read())
        return await (
            self.sign_in(body) if path == "/api/auth/token/" else self.book(self.user(request), body)
        )

    def user(self, request: web.BaseRequest) -> int:
        """Return who has signed the token in the request."""
        head, _, signature = request.headers["Authorization"][7:].encode().rpartition(b".")
        expected = base64.urlsafe_b64encode(hmac.digest(self.key, head, "sha256")).rstrip(b"=")
        if not hmac.compare_digest(expected, signature):
            raise web.HTTPUnauthorized
        payload = head.partition(b".")[2]
        return int(orjson.loads(base64.urlsafe_b64decode(payload + b"=="))["sub"])

    async def list_events(self, query: Mapping[str, str]) -> web.Response:
        if "category" in query:
            word = f"{query['search']}:*"
            return _page(await self.database.fetch("filtered", word, query["category"], query["status"]))
        if "search" in query:
            return _page(await self.database.fetch("found", f"{query['search']}:*"))
        return _page(await self.database.fetch("events"))

    async def event(self, event_id: int) -> web.Response:
        [row] = await self.database.fetch("event", event_id)
        sessions = [dict(zip(_SESSION, session, strict=True)) for session in row["sessions"] or ()]
        return _json({**row, "sessions": sessions})

    async def one(self, statement: str, *args: object) -> web.Response:
        [row] = await self.database.fetch(statement, *args)
        return _json(dict(row))

    async def book(self, user: int, body: Mapping[str, Any]) -> web.Response:
        try:
            rows = await self.database.fetch("book", body["event"], user)
        except asyncpg.UniqueViolationError:
            rows = []
        return _json(dict(rows[0]), 201) if rows else _json({"detail": "There are no seats left."}, 409)

    async def sign_in(self, body: Mapping[str, Any]) -> web.Response:
        [row] = await self.database.fetch("user", body["username"])
        check: Callable[..., object] = self.hasher.verify
        await asyncio.get_running_loop().run_in_executor(
            self.threads, check, row["password_hash"], body["password"]
        )
        now = int(time.time())
        tokens = {
            use: self.sign({"sub": str(row["id"]), "use": use, "exp": now + 900})
            for use in ("access", "refresh")
        }
        return _json(tokens)

    def sign(self, claims: Mapping[str, Any]) -> str:
        head = _JWT_HEAD + b"." + base64.urlsafe_b64encode(orjson.dumps(claims)).rstrip(b"=")
        signature = base64.urlsafe_b64encode(hmac.digest(self.key, head, "sha256")).rstrip(b"=")
        return (head + b"." + signature).decode()


def _page(rows: Iterable[asyncpg.Record]) -> web.Response:
    return _json([dict(row) for row in rows])


def _json(data: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(data, option=orjson.OPT_UTC_Z), status=status, headers=_HEADERS)


async def serve(url: str, port: int, key: bytes) -> None:
    """Serve until the process is told to stop; several may listen on one port."""
    ceiling = Ceiling(key)
    await ceiling.database.open(url)
    runner = web.ServerRunner(web.Server(ceiling.answer, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_port=True).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3])))
