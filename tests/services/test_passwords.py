"""Which passwords are taken, and their hashes."""

import threading

import pytest

from eventhub.services import passwords

SHORT = "Must be at least 8 characters."
LONG = "Must be at most 1024 characters."
DIGITS = "Must not be only digits."
SAME = "Must not be the username."
COMMON = "Is too common."


@pytest.mark.parametrize(
    ("password", "username", "problems"),
    [
        ("secure_password", "newuser", []),
        ("a-good-password-1", "", []),
        ("пароль-из-букв", "newuser", []),
        ("x" * 7 + "é", "newuser", []),
        (" " * 8, "newuser", []),
        ("", "newuser", [SHORT]),
        ("x-y-z-7", "newuser", [SHORT]),
        ("x" * 1025, "newuser", [LONG]),
        ("x" * 1024, "newuser", []),
        ("8402957316", "newuser", [DIGITS]),
        ("٣٤٥٦٧٨٩٠", "newuser", [DIGITS]),
        ("NewUser-long", "newuser-LONG", [SAME]),
        ("password", "newuser", [COMMON]),
        ("PASSWORD", "newuser", [COMMON]),
        ("12345678", "newuser", [DIGITS, COMMON]),
        ("admin123", "admin", [COMMON]),
    ],
)
def test_problems_are_told_in_sentences(password: str, username: str, problems: list[str]) -> None:
    assert passwords.problems(password, username) == problems


async def test_a_hash_is_argon2id_salted_and_of_this_password_alone() -> None:
    one, two = await passwords.hash_password("secret-1"), await passwords.hash_password("secret-1")
    assert one.startswith("$argon2id$")
    assert one != two
    assert await passwords.verify(one, "secret-1")
    for wrong in ("secret-2", "", "Secret-1", "secret-1 "):
        assert not await passwords.verify(one, wrong)


async def test_a_password_is_the_same_however_its_accents_are_encoded() -> None:
    for stored, typed in (("Zo\u00eb", "Zoe\u0308"), ("Zoe\u0308", "Zo\u00eb")):
        assert await passwords.verify(await passwords.hash_password(stored), typed)


async def test_without_a_usable_hash_nothing_matches() -> None:
    for stored in (None, "", "-", "plain", "$argon2id$broken"):
        assert not await passwords.verify(stored, "nobody's password")


async def test_hashing_stays_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    class Hasher:
        def hash(self, password: str) -> str:
            threads.append(threading.current_thread())
            return f"hash of {password}"

    monkeypatch.setattr(passwords, "_hasher", Hasher())
    assert await passwords.hash_password("x") == "hash of x"
    assert threads[0] is not threading.main_thread()
