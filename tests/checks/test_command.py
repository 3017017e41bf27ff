"""`eventhub check`: one line for each finding, an exit code for scripts, and the same for programs."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from eventhub import cli
from eventhub.checks import configuration
from eventhub.checks.run import Look, each
from eventhub.findings import Finding, ok
from eventhub.settings import Settings

Command = Callable[..., tuple[int, list[str]]]
NAMES = ["settings", "database", "redis", "storage", "mail", "payments"]


@pytest.fixture
def check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Run `eventhub check …`; return its code and its lines."""

    def run(*args: str, **environ: str) -> tuple[int, list[str]]:
        usual = {
            "DATABASE_URL": settings.database_url,
            "REDIS_URL": settings.redis_url,
            "EVENTHUB_SECRET_KEY": "hush" * 10,
            "EVENTHUB_DATA_DIR": str(tmp_path),
        }
        for name, value in {**usual, **environ}.items():
            monkeypatch.setenv(name, value)
        code = cli.main(["check", *args])
        printed = capsys.readouterr()
        assert "hush" not in printed.out + printed.err
        return code, (printed.out + printed.err).splitlines()

    return run


def test_each_finding_is_a_line_and_warnings_are_allowed_unless_they_are_not(check: Command) -> None:
    code, lines = check()
    assert code == 0
    assert list(dict.fromkeys(line.split()[0] for line in lines)) == NAMES
    assert {line.split()[1] for line in lines} == {"ok", "warning"}
    assert re.fullmatch(
        r"redis     ok       Redis at \S+ answers: Valkey \S+, with every right that Event Hub needs \(\d\.\d\d s\)",
        next(line for line in lines if line.startswith("redis")),
    )
    assert check("--strict")[0] == 1


def test_a_refusal_is_an_exit_code_whatever_else_is_right(check: Command) -> None:
    code, lines = check(
        REDIS_URL="redis://127.0.0.1:1", DATABASE_URL="postgres://eventhub:hush@127.0.0.1:1/x"
    )
    assert code == 1
    refused = [line for line in lines if line.split()[1] == "refused"]
    assert [line.split()[0] for line in refused] == ["database", "redis"]
    assert "storage   ok" in "\n".join(lines)


def test_every_bad_setting_is_a_line(check: Command) -> None:
    code, lines = check(PORT="x", REDIS_URL="redis://:hush@cache?x=1", EVENTHUB_CLOCK_INTERVAL="0")
    assert code == 1
    assert [line.split()[:3] for line in lines] == [
        ["settings", "refused", f"{name}:"] for name in ("REDIS_URL", "PORT", "EVENTHUB_CLOCK_INTERVAL")
    ]


def test_mail_settings_that_only_the_mailer_can_judge_are_a_line(check: Command) -> None:
    code, lines = check(EVENTHUB_EMAIL_URL="smtp://u:hush@mail?tls=yes")
    [line] = [line for line in lines if line.split()[1] == "refused"]
    assert (code, "has tls=yes; it must be one of none, starttls, implicit" in line) == (1, True)


def test_programs_get_json(check: Command) -> None:
    code, lines = check("--json", REDIS_URL="redis://127.0.0.1:1")
    told = json.loads("\n".join(lines))
    assert (code, told["ok"]) == (1, False)
    assert {each["name"] for each in told["checks"]} == set(NAMES)
    [redis] = [each for each in told["checks"] if each["name"] == "redis"]
    assert redis["severity"] == "refused"
    assert redis["seconds"] >= 0
    assert "127.0.0.1:1" in redis["text"]


def test_a_check_without_warnings_is_good_even_if_strict(
    check: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "warnings", lambda _: [])
    code, lines = check("--strict")
    assert (code, lines[0]) == (
        0,
        "settings  ok       nothing is wrong, and nothing is for development alone (0.00 s)",
    )


async def test_what_hangs_or_breaks_is_a_line_and_keeps_nothing_from_being_said() -> None:
    async def hangs() -> list[Finding]:
        await asyncio.Event().wait()
        return []

    async def breaks() -> list[Finding]:
        raise KeyError("what\nnobody expected")

    async def is_long() -> list[Finding]:
        return [ok("a\n b" * 1000)]

    looks = [Look("one", hangs), Look("two", breaks), Look("three", is_long)]
    one, two, three = [seen async for seen in each(looks, seconds=0.05)]
    assert one.findings[0].text == "no answer within 0.05 s"
    assert two.findings[0].text.startswith("could not be looked at: KeyError('what")
    assert three.findings[0].text.startswith("a ba b")
    assert len(three.findings[0].text) < 1100
