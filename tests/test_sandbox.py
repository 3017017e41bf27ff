"""Work in a process of its own: what it may take, and that nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import orjson
import pytest

from eventhub.errors import Busy
from eventhub.sandbox import Crashed, Exhausted, Limits, Sandbox
from tests.faults.programs import program
from tests.waiting import until

SECONDS = 20.0


def sandbox(*, seconds: float = SECONDS, places: int = 4, idle_seconds: float = 0.0) -> Sandbox:
    limits = Limits(cpu_seconds=1, memory_bytes=2**30, seconds=seconds)
    return Sandbox("tests.fakes.answers", limits, places=places, idle_seconds=idle_seconds)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until_gone(pid: int, seconds: float = 10.0) -> None:
    await until(lambda: not is_alive(pid), f"process {pid} is gone", seconds)


async def test_large_questions_and_answers_come_through() -> None:
    question = b"echo " + os.urandom(10 * 1024 * 1024)
    assert await sandbox().ask(question) == question
    assert await sandbox().ask(b"echo ", bytearray(b"in "), b"parts") == b"echo in parts"


async def test_what_a_library_prints_is_no_answer() -> None:
    assert await sandbox().ask(b"print") == b"printed"


async def test_secrets_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTHUB_SECRET_KEY", "a secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:password@host/eventhub")
    environ = orjson.loads(await sandbox().ask(b"environ"))
    assert "PATH" in environ
    assert not {name for name in environ if name.startswith(("EVENTHUB_", "DATABASE", "REDIS", "AWS_"))}


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (b"spin", Exhausted),
        pytest.param(
            b"hoard",
            Exhausted,
            marks=pytest.mark.skipif(
                sys.platform != "linux", reason="others do not bound a process's memory"
            ),
        ),
        (b"segfault", Crashed),
        (b"raise", RuntimeError),
    ],
)
async def test_what_goes_wrong_is_told_apart_and_the_next_question_is_answered(
    question: bytes, error: type[Exception]
) -> None:
    asked = sandbox(idle_seconds=60)
    pid = int(await asked.ask(b"pid"))
    started = time.monotonic()
    with pytest.raises(error):
        await asked.ask(question)
    assert time.monotonic() - started < SECONDS
    assert not is_alive(pid)
    assert await asked.ask(b"echo") == b"echo"


async def test_what_takes_too_long_by_the_clock_is_killed() -> None:
    asked = sandbox(seconds=1.0)
    started = time.monotonic()
    with pytest.raises(Busy):
        await asked.ask(b"sleep")
    assert time.monotonic() - started < 10
    assert asked._child is None


async def test_each_question_has_a_process_and_its_computing_to_itself() -> None:
    asked = sandbox()
    pids = {int(await asked.ask(b"pid")) for _ in range(3)}
    assert len(pids) == 3
    assert not any(map(is_alive, pids))


async def test_questions_that_come_soon_share_a_process_which_ends_when_none_does() -> None:
    asked = sandbox(idle_seconds=0.5)
    [pid] = {int(await asked.ask(b"pid")) for _ in range(3)}
    assert is_alive(pid)
    await until_gone(pid)
    assert int(await asked.ask(b"pid")) != pid


async def test_many_questions_leave_one_thread_that_waits_for_the_end() -> None:
    def timers() -> int:
        return sum(isinstance(thread, threading.Timer) for thread in threading.enumerate())

    before = timers()
    asked = sandbox(idle_seconds=60)
    for _ in range(30):
        assert await asked.ask(b"echo") == b"echo"
    await until(lambda: timers() <= before + 1, "the watchdogs are gone")


async def test_where_no_process_can_be_started_one_is_told_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError("no more processes")

    asked = sandbox()
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(Busy):
            await asked.ask(b"echo")
    assert await asked.ask(b"echo") == b"echo"


async def test_a_process_that_was_killed_while_idle_is_replaced() -> None:
    asked = sandbox(idle_seconds=60)
    pid = int(await asked.ask(b"pid"))
    os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(0.2)
    assert int(await asked.ask(b"pid")) != pid


async def test_one_works_at_a_time_and_who_finds_no_place_is_told_at_once() -> None:
    asked = sandbox(places=2, idle_seconds=60)
    pid = int(await asked.ask(b"pid"))
    first, second = (asyncio.create_task(asked.ask(word)) for word in (b"spin", b"pid"))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await asked.ask(b"pid")
    with pytest.raises(Exhausted):
        await first
    assert int(await second) != pid
    assert await asked.ask(b"echo") == b"echo"


async def test_nothing_works_on_for_who_no_longer_waits() -> None:
    asked = sandbox(idle_seconds=60)
    pid = int(await asked.ask(b"pid"))
    task = asyncio.create_task(asked.ask(b"sleep"))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(pid, 5.0)
    assert await asked.ask(b"echo") == b"echo"


_ASKING = """
import asyncio, sys
from eventhub.sandbox import Limits, Sandbox
async def main():
    asked = Sandbox("tests.fakes.answers", Limits(60, 2**30, 60.0), places=2, idle_seconds=60)
    print((await asked.ask(b"pid")).decode(), flush=True)
    if sys.argv[1] != "idle":
        await asked.ask(sys.argv[1].encode())
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.parametrize("question", ["idle", "sleep", "spin"])
async def test_a_child_ends_with_the_process_that_asks_even_if_that_is_killed(question: str) -> None:
    with program(_ASKING, question, cwd=Path(__file__).parent.parent) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        await asyncio.sleep(0.3)
        assert is_alive(pid)
        process.kill()
        process.wait()
        await until_gone(pid)
