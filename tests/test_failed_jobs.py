"""`eventhub jobs`: what failed for good, listed, queued again and discarded; one, all of a kind, or all."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import asyncpg
import pytest

from eventhub import cli
from eventhub.models.jobs import DELETE_FILE, SEND_TOKEN
from eventhub.settings import Settings

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run `eventhub jobs …` on a database with three failed jobs and one that goes on; return its code and words."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("EVENTHUB_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("EVENTHUB_PAYMENT_GATEWAYS", "mock=mock")
    sql(settings, f"{_EMPTY}; {_JOBS}")

    def run(*args: str) -> tuple[int, str]:
        try:
            code = cli.main(["jobs", *args])
        except SystemExit as error:  # argparse's way to say what is wrong
            code = int(str(error.code))
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    yield run
    sql(settings, f"{_EMPTY};")


_EMPTY = (
    "DELETE FROM jobs; DELETE FROM job_log; DELETE FROM admin_actions; ALTER SEQUENCE jobs_id_seq RESTART"
)
_JOBS = """
INSERT INTO jobs (kind, version, queue, payload, unique_key, state, run_at, attempts, max_attempts, error, created_at)
SELECT kind, 1, queue, '{}', key, state, now() + interval '1 hour', tries, 20, error, now() FROM (VALUES
    ('delete_file', 'certificates', NULL, 'failed', 20, 'OSError: no space'),
    ('send_token', 'notifications', 'the-key', 'failed', 20, 'PermanentFailure: 550 no such user'),
    ('send_token', 'notifications', 'the-key', 'failed', 20, 'PermanentFailure: 550 no such user'),
    ('process_payment', 'payments', 'pay', 'queued', 9, 'Retry: no answer'),
    ('process_payment', 'payments', 'other', 'queued', 1, 'Retry: no answer')
) AS job (kind, queue, key, state, tries, error)
"""


def sql(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    async def run() -> Sequence[asyncpg.Record]:
        connection = await asyncpg.connect(settings.database_url)
        try:
            if ";" in statement:
                await connection.execute(statement)
                return []
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return [tuple(row) for row in asyncio.run(run())]


def states(settings: Settings) -> list[tuple[object, ...]]:
    return sql(settings, "SELECT id, state, attempts FROM jobs WHERE kind <> 'process_payment' ORDER BY id")


def test_the_list_has_what_failed_and_what_is_tried_again_and_again(command: Command) -> None:
    code, words = command()
    assert code == 0
    assert [line.split("\t")[0] for line in words.splitlines()] == ["1", "2", "3", "4"]
    assert "failed\tOSError: no space" in words
    assert "UTC\tRetry: no answer" in words
    assert command("list", "--kind", DELETE_FILE.name)[1].startswith("1\tdelete_file\t")


@pytest.mark.parametrize(
    ("args", "said", "queued"),
    [
        (["3"], "Job 3 is queued again.", {3}),
        (["--kind", SEND_TOKEN.name], "2 failed send_token jobs queued again.", {2, 3}),
        (["--kind", DELETE_FILE.name], "1 failed delete_file job queued again.", {1}),
        (["--kind", "send_invoice"], "0 failed send_invoice jobs queued again.", set()),
        (["--all"], "3 failed jobs queued again.", {1, 2, 3}),
    ],
)
def test_one_or_many_are_queued_again_with_all_their_tries(
    command: Command, settings: Settings, args: list[str], said: str, queued: set[int]
) -> None:
    assert command("retry", *args) == (0, f"{said}\n")
    assert states(settings) == [(n, "queued", 0) if n in queued else (n, "failed", 20) for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("args", "said", "left"),
    [
        (["1"], "Job 1 is discarded.", {2, 3}),
        (["--kind", SEND_TOKEN.name], "2 failed send_token jobs discarded.", {1}),
        (["--all"], "3 failed jobs discarded.", set()),
    ],
)
def test_one_or_many_are_discarded(
    command: Command, settings: Settings, args: list[str], said: str, left: set[int]
) -> None:
    assert command("discard", *args) == (0, f"{said}\n")
    assert {row[0] for row in states(settings)} == left
    assert sql(settings, "SELECT count(*) FROM job_log WHERE outcome LIKE 'discarded: %'") == [
        (3 - len(left),)
    ]


@pytest.mark.parametrize("action", ["retry", "discard"])
@pytest.mark.parametrize("args", [[], ["1", "--all"], ["--kind", "send_token", "--all"]])
def test_which_jobs_are_meant_has_to_be_said_once(
    command: Command, settings: Settings, action: str, args: list[str]
) -> None:
    code, words = command(action, *args)
    assert (code, words) == (2, f"eventhub: jobs {action} needs one of a job's id, --kind and --all\n")
    assert {row[1] for row in states(settings)} == {"failed"}


def test_a_kind_that_there_is_not_is_an_error_that_names_those_there_are(command: Command) -> None:
    code, words = command("retry", "--kind", "send_invoices")
    assert code == 2
    assert "send_invoices" in words
    assert "send_invoice'" in words or "send_invoice," in words


def test_a_job_that_has_not_failed_is_an_error(command: Command) -> None:
    assert command("retry", "5") == (1, "eventhub: No failed job has the id 5.\n")
