"""Which passwords are taken, and their hashes."""

import asyncio
import threading
import time

import pytest

from eventhub.errors import Busy
from eventhub.sandbox import Limits, Sandbox
from eventhub.services import password_judge, passwords

SHORT = "Must be at least 8 characters."
LONG = "Must be at most 1024 characters."
DIGITS = "Must not be only digits."
HELP = "Add another word or two: uncommon words are best."
OWN = f"Is too weak. Your name, your address and the name of this service are guessed first. {HELP}"
COMMON = f"Is too weak. This is a very common password. {HELP}"
ALIKE = f"Is too weak. This is similar to a commonly used password. {HELP}"
REPEATS = f'Is too weak. Repeats like "aaa" are easy to guess. {HELP}'
REPEATED = f'Is too weak. Repeats like "abcabcabc" are only slightly harder to guess than "abc". {HELP}'
WEAK = f"Is too weak. {HELP}"
WHO = ("newuser", "ann.meadowsweet@example.com", "Ann", "Meadowsweet")


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("secure_password", []),
        ("a-good-password-1", []),
        ("пароль-из-букв", []),
        ("correct horse", []),
        ("", [SHORT]),
        ("x-y-z-7", [SHORT]),
        ("x" * 1025, [LONG]),
        ("8402957316", [DIGITS]),
        ("٣٤٥٦٧٨٩٠", [DIGITS]),
        ("12345678", [DIGITS]),
        ("x" * 1024, [REPEATS]),
        ("x" * 7 + "é", [REPEATS]),
        ("aaaaaaaa", [REPEATS]),
        (" " * 8, [REPEATS]),
        ("PASSWORD", [f"Is too weak. This is a top-10 common password. {HELP}"]),
        ("admin123", [COMMON]),
        ("p@ssw0rd!", [ALIKE]),
        ("organizer123", [WEAK]),
        ("newuser1", [OWN]),
        ("NewUser_", [OWN]),
        ("ann.meadowsweet@example.com", [OWN]),
        ("Ann.Meadowsweet", [OWN]),
        ("meadowsweet", [OWN]),
        ("M3adowsweet", [OWN]),
        ("teewswodaem", [OWN]),
        ("eventhub", [OWN]),
        ("Event Hub", [OWN]),
        ("event-hub1", [OWN]),
        ("eventhubeventhub", [REPEATED]),
        ("meadowsweet in a blue kettle", []),
    ],
)
async def test_problems_are_told_in_sentences_that_help(password: str, problems: list[str]) -> None:
    assert await passwords.problems(password, *WHO) == problems


async def test_a_long_address_is_no_password_although_only_its_beginning_is_looked_at() -> None:
    address = f"{'kestrel' * 7}@{'willow-herb.' * 5}example.com"
    assert len(address) > password_judge.MAX_LENGTH
    assert await passwords.problems(address, "newuser", address) == [OWN]


async def test_initials_do_not_count_against_a_password() -> None:
    for initials in ("s", "e", "se"):
        assert await passwords.problems("secure_password", initials, "", initials, initials) == []


def test_no_password_takes_long_to_judge() -> None:
    symbols = "4@8({[<369!1|7/0$5+%2"
    for password in (
        symbols * 4,
        "a".join(symbols) * 2,
        "p@$$w0rd" * 9,
        "é" * 1024,
        "\N{COMBINING ACUTE ACCENT}" * 99,
    ):
        started = time.process_time()
        password_judge.problem(password, "x" * 150, "y" * 254)
        assert time.process_time() - started < 1


async def test_a_password_that_cannot_be_judged_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Sandbox("tests.fakes.answers", Limits(cpu_seconds=1, memory_bytes=2**30, seconds=0.1), places=1)
    monkeypatch.setattr(passwords, "_judge", slow)
    with pytest.raises(Busy, match="could not be checked"):
        await passwords.problems("secure_password", "newuser")
    # The cheap checks need nobody, and what is taken in any case is taken.
    assert await passwords.problems("short", "newuser") == [SHORT]
    assert await passwords.warnings("secure_password", "newuser") == [
        "The new password could not be checked. Try again in 5 seconds."
    ]


async def test_passwords_at_once_are_judged_by_one_process() -> None:
    await asyncio.gather(
        *(passwords.problems(f"secure_password-{number}", "newuser") for number in range(20))
    )
    child = passwords._judge._child
    assert await passwords.problems("secure_password", "newuser") == []
    assert child is not None
    assert passwords._judge._child is child


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
