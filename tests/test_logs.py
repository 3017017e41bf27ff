"""What a line of the log looks like, and that nobody's text forges one."""

import asyncio
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from eventhub import logs

START = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LINE = re.compile(rf"{START} (DEBUG|INFO|WARNING|ERROR|CRITICAL) +\w+\[\d+\] [\w.]+ [\w.:-]+ .")
FORGED = "2026-11-23T08:15:02.114Z INFO    web[812] eventhub.access - GET /forged/ 200 1.0ms"


@pytest.fixture
def booking_known() -> Iterator[None]:
    token = logs.begin(request_id="06c3-1", booking_id=33, payment_id=None, route="/api/bookings/{id}/")
    logs.add(user_id=7)
    yield
    logs.end(token)


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord("eventhub.web", logging.INFO, __file__, 1, message, args, exc_info)


def raised(text: str) -> ValueError:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_text_line_ends_with_the_ids_that_are_known(booking_known: None) -> None:
    line = logs.TextLines("web").format(record("%s done", "it"))
    assert re.fullmatch(rf"{START} INFO    web\[\d+\] eventhub\.web 06c3-1 it done user=7 booking=33", line)
    assert LINE.match(line)


def test_a_line_of_no_request_names_none() -> None:
    assert logs.TextLines("web").format(record("up")).endswith("] eventhub.web - up")
    assert "request_id" not in json.loads(logs.JsonLines("web").format(record("up")))


def test_a_json_line_has_the_ids_that_are_known_and_no_others(booking_known: None) -> None:
    said = json.loads(logs.JsonLines("web").format(record("%s done", "it")))
    assert list(said) == [
        *("time", "level", "process", "pid", "logger"),
        *("request_id", "user_id", "booking_id", "message"),
    ]
    assert (said["request_id"], said["user_id"], said["booking_id"]) == ("06c3-1", 7, 33)
    assert (said["process"], said["logger"], said["message"]) == ("web", "eventhub.web", "it done")
    assert re.fullmatch(START, said["time"])


def test_a_traceback_is_a_key_of_its_own_in_json() -> None:
    said = json.loads(logs.JsonLines("web").format(record("failed", error=raised("broken"))))
    assert said["message"] == "failed"
    assert said["exception"].startswith("Traceback ")
    assert said["exception"].endswith("ValueError: broken")


def forgeries(end: str) -> list[logging.LogRecord]:
    return [
        record("%s", f"a{end}{FORGED}"),
        record("failed", error=raised(f"a{end}{FORGED}")),
        record("%s", f"a{end}{FORGED}", error=raised("broken")),
    ]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_no_text_of_a_client_begins_a_line(end: str) -> None:
    for forgery in forgeries(end):
        first, *more = logs.TextLines("web").format(forgery).splitlines()
        assert LINE.match(first)
        assert all(line.startswith("  ") for line in more)
        assert not set("\r\n\v\f") & set(logs.JsonLines("web").format(forgery))


def test_what_moves_the_cursor_of_a_terminal_is_written_out() -> None:
    assert logs.TextLines("web").format(record("%s", "\x1b[2J\x07")).endswith(r"- \x1b[2J\x07")


def test_half_a_character_is_written_out() -> None:
    """As aiohttp has of a header that is no UTF-8."""
    assert logs.TextLines("web").format(record("%s", "\udcff")).endswith(r"- \udcff")
    assert json.loads(logs.JsonLines("web").format(record("%s", "\udcff")))["message"] == "\udcff"


async def test_tasks_of_a_request_say_what_it_is_about_and_others_do_not(booking_known: None) -> None:
    async def ask() -> dict[str, object]:
        await asyncio.sleep(0)
        return logs.known_ids()

    async def other() -> dict[str, object]:
        token = logs.begin(request_id="other")
        try:
            return await ask()
        finally:
            logs.end(token)

    mine, others = await asyncio.gather(asyncio.create_task(ask()), asyncio.create_task(other()))
    assert mine["booking_id"] == 33
    assert others == {"request_id": "other"}


def test_nothing_is_added_where_nothing_has_begun() -> None:
    logs.add(user_id=7)
    assert logs.known_ids() == {}


LIBRARIES = """
import io, logging, sys, threading, warnings
from eventhub import logs
sys.stderr = io.StringIO()  # a pipe of Dramatiq's
logs.configure("web", "INFO", sys.argv[1])
for name in ("dramatiq.worker", "asyncio", "tortoise", "aiohttp.server"):
    logging.getLogger(name).warning("said by %s", name)
warnings.warn("something will change", UserWarning)
thread = threading.Thread(target=lambda: 1 / 0, name="sender")
thread.start()
thread.join()
raise RuntimeError("nobody expected this")
"""


@pytest.mark.parametrize("style", ["text", "json"])
def test_lines_of_libraries_threads_and_ends_have_the_same_form(style: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARIES, style], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not (style == "text" and line.startswith("  "))]
    for expected in ("aiohttp.server", "will change", "thread sender", "the process ends by an error"):
        assert any(expected in line for line in lines), expected
    assert len(lines) == 7
    for line in lines:
        assert LINE.match(line) if style == "text" else json.loads(line)["process"] == "web"


def test_a_process_says_in_one_line_what_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    logs.announce("clock, every 15 s", "816a83b")
    logs.announce("clock, every 15 s", "")
    with_commit, without = caplog.messages
    assert re.fullmatch(
        r"Event Hub [\d.]+ \(commit 816a83b\) on Python [\d.]+: clock, every 15 s", with_commit
    )
    assert re.fullmatch(r"Event Hub [\d.]+ on Python [\d.]+: clock, every 15 s", without)
