"""Passwords: which are taken, and their Argon2id hashes, made off the event loop."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import orjson
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from eventhub.errors import Busy
from eventhub.sandbox import Crashed, Exhausted, Limits, Sandbox

MIN_LENGTH = 8
MAX_LENGTH = 1024

# OWASP's Password Storage Cheat Sheet: 19 MiB, t=2, p=1; argon2-cffi's defaults cost nine times as much.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# One password takes milliseconds, hardly any a quarter of a second. The process stays for those that come soon after.
_judge = Sandbox(
    "eventhub.services.password_judge",
    Limits(cpu_seconds=2, memory_bytes=256 * 1024 * 1024, seconds=5.0),
    places=100,
    idle_seconds=30.0,
)
# What a login with an unknown name is checked against, so that it takes as long as one with a wrong password.
_NOBODY = _hasher.hash("nobody's password")


async def problems(password: str, username: str, *own_words: str) -> list[str]:
    """Return what is wrong with `password`, in sentences; empty if it will do.

    `own_words` are what else its owner is known by. Raises Busy where it cannot be judged at the moment.
    """
    found = []
    if len(password) < MIN_LENGTH:
        found.append(f"Must be at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        found.append(f"Must be at most {MAX_LENGTH} characters.")
    if password.isdigit():
        found.append("Must not be only digits.")
    return found or await _judged(password, username, *own_words)


async def warnings(password: str, username: str, *own_words: str) -> list[str]:
    """Return what is wrong with a password that is taken all the same; never raises Busy."""
    try:
        return await problems(password, username, *own_words)
    except Busy as busy:
        return [busy.detail]


async def _judged(password: str, *own_words: str) -> list[str]:
    parts = (part for word in own_words for part in (word, word.partition("@")[0]))
    # Initials say nothing of a password, which may well have these letters.
    known = [part for part in dict.fromkeys(parts) if len(part) > 2]
    try:
        problem = await _judge.ask(orjson.dumps([password, *known]))
    except (Busy, Exhausted, Crashed):
        raise Busy("The new password could not be checked.") from None
    return [problem.decode()] if problem else []


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, _composed(password))


async def verify(stored_hash: str | None, password: str) -> bool:
    """Whether `password` made `stored_hash`; without a hash False, after the same time."""
    matches = await asyncio.get_running_loop().run_in_executor(
        _threads, _verify, stored_hash or _NOBODY, password
    )
    return matches and bool(stored_hash)


def _verify(stored_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(stored_hash, _composed(password))
    except (VerificationError, InvalidHashError):
        return False


def _composed(password: str) -> str:
    """Systems differ in whether a letter with an accent is one character or two; it is the same password."""
    return unicodedata.normalize("NFC", password)
