"""What the commands print and which code they end with: for people, and as JSON."""

import asyncio
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from eventhub import cli
from eventhub.cli import config, surroundings, tables
from eventhub.database import Database, migrations
from eventhub.services.operations.doctor import Verdict
from eventhub.settings import Settings
from tests.conftest import fresh_database
from tests.rows import NOW, insert_booking, insert_event, insert_payment, insert_users
from tests.test_failed_jobs import sql

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """Run `eventhub …`; return its code and what it wrote to standard output and standard error."""
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("EVENTHUB_SECRET_KEY", settings.secret_key)
    monkeypatch.setenv("EVENTHUB_PAYMENT_GATEWAYS", "mock=mock")
    monkeypatch.setenv("EVENTHUB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("EVENTHUB_CLOCK_INTERVAL", "0.05")

    def run(*args: str) -> tuple[int, str, str]:
        try:
            code = cli.main(args)
        except SystemExit as error:  # argparse's way to say what is wrong
            code = int(str(error.code))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.fixture
def booking(settings: Settings) -> Iterator[int]:
    """One booking with a refund to be made by hand, and a failed job; none of it is left afterwards."""

    async def fill() -> int:
        database = await Database.open(settings.database_url, deliver=lambda _: None)
        try:
            organizer, payer = await insert_users(database, 2)
            event = await insert_event(database, organizer, title="The Fair", seats_held=0)
            made = await insert_booking(
                database, event, payer, status="cancelled", cancel_reason="refunded", cancelled_at=NOW
            )
            await insert_payment(
                database,
                made,
                payer,
                status="refunded",
                refund_state="by_hand",
                refunded_at=NOW,
                processed_at=NOW,
            )
            await database.execute(
                "INSERT INTO jobs (kind, version, queue, payload, state, run_at, attempts, max_attempts, error, created_at, "
                "request_id) VALUES ('send_token', 1, 'notifications', '{\"token_id\": 3}', 'failed', now(), 20, 20, "
                "'550 no such user', now(), 'the-request')"
            )
            await database.execute(
                "INSERT INTO job_log (job_id, kind, payload, outcome, attempts, request_id, created_at, finished_at) "
                "VALUES (77, 'process_payment', '{\"payment_id\": 1}', 'done', 1, 'the-request', now(), now())"
            )
            return made
        finally:
            await database.close()

    yield asyncio.run(fill())
    sql(settings, _EMPTY)


_EMPTY = (
    "; ".join(
        f"DELETE FROM {table}"
        for table in "admin_actions payments bookings events profiles sign_ins users jobs job_log processes".split()
    )
    + "; ALTER SEQUENCE jobs_id_seq RESTART; ALTER SEQUENCE payments_id_seq RESTART"
)


def test_stats_are_tables_for_people(command: Command, booking: int) -> None:
    code, out, err = command("stats")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "queue waiting due running failed oldest due ended in 60 min slowest" in lines
    assert "notifications 0 0 0 1 - 0 -" in lines
    assert "refunded USD 1 5.00" in lines
    assert "Failed jobs: 1 (`eventhub jobs`)" in lines
    assert "Refunds to make by hand: 1" in lines
    assert any(line.endswith("The Fair") for line in lines)


def test_stats_of_an_empty_database_say_that_nothing_waits(command: Command) -> None:
    assert command("stats")[1].endswith("\nNothing waits for a person.\n")


def test_stats_are_json_for_programs(command: Command, booking: int) -> None:
    found = json.loads(command("stats", "--json")[1])
    assert found["money"] == [{"status": "refunded", "currency": "USD", "payments": 1, "amount": "5.00"}]
    assert found["for_people"]["counts"]["refunds_by_hand"] == 1
    assert next(queue["queue"] for queue in found["backlogs"]["queues"]) == "bookings"


def test_a_booking_is_told_in_lines_and_as_json(command: Command, booking: int) -> None:
    code, out, _ = command("booking", str(booking))
    assert code == 0
    assert f"booking  {booking} cancelled (refunded)" in out
    assert "refund_state=by_hand" in out
    told = json.loads(command("booking", str(booking), "--json")[1])
    assert told["booking"]["id"] == booking
    whats = [entry["what"] for entry in told["entries"]]
    assert whats.index("booking created") < whats.index("booking cancelled")
    assert command("booking", "4711") == (1, "", "eventhub: No booking has the id 4711.\n")


def test_jobs_are_listed_and_shown_with_what_their_request_caused(command: Command, booking: int) -> None:
    (job,) = json.loads(command("jobs", "list", "--json")[1])
    assert (job["kind"], job["payload"], job["error"]) == ("send_token", {"token_id": 3}, "550 no such user")
    code, out, _ = command("jobs", "show", str(job["id"]))
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert {"kind send_token", "payload token_id=3", "attempts 20 of 20", "550 no such user"} <= set(lines)
    assert "Of the same request (the-request):" in lines
    assert lines[-1].endswith("77 process_payment payment_id=1 attempts 1 done")
    shown = json.loads(command("jobs", "show", "77", "--json")[1])
    assert (shown["job"], [one["outcome"] for one in shown["ended"]]) == (None, ["done"])
    assert command("jobs", "show", "4711")[0] == 1


def test_jobs_in_any_state_can_be_listed(command: Command, settings: Settings, booking: int) -> None:
    assert command("jobs", "list", "--state", "running")[1] == "No job is running.\n"
    sql(settings, "UPDATE jobs SET state = 'queued', attempts = 0;")
    assert command("jobs")[1] == "No job has failed.\n"
    assert "again at" in command("jobs", "list", "--state", "queued")[1]


def test_what_a_command_does_to_jobs_is_written_down(command: Command, booking: int) -> None:
    assert command("actions")[1] == "Nobody has done anything by hand.\n"
    assert command("jobs", "retry", "--all")[0] == 0
    (act,) = json.loads(command("actions", "--json")[1])
    assert (act["action"], act["subject"], act["details"]["count"]) == ("retry", "all jobs", 1)
    assert act["actor"].startswith("cli:")
    assert "@" in act["actor"]
    assert "all jobs" in command("actions", "--limit", "1")[1]


@pytest.fixture
def empty(servers: Any, settings: Settings, worker_id: str) -> str:
    """The URL of a database without a single table."""
    name = f"empty_{worker_id}"

    async def make() -> str:
        url = await fresh_database(settings.database_url, name)
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()
        return url

    return asyncio.run(make())


def test_migrate_needs_the_database_and_nothing_else(
    command: Command, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDIS_URL", "EVENTHUB_SECRET_KEY", "EVENTHUB_PAYMENT_GATEWAYS"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PORT", "none")
    monkeypatch.setenv("DATABASE_URL", empty)
    names = migrations.versions()
    code, out, _ = command("migrate", "--status")
    assert (code, out.split()) == (1, [word for name in names for word in ("missing", name)])
    code, out, _ = command("migrate", "--plan")
    assert code == 0
    assert [line[3:] for line in out.splitlines() if line.startswith("-- ") and line.endswith(".py")] == list(
        names
    )
    assert 'CREATE TABLE IF NOT EXISTS "admin_actions"' in out
    assert command("migrate", "--status")[0] == 1, "the plan changed nothing"
    assert command("migrate")[:2] == (0, f"Applied {', '.join(names)}.\n")
    code, out, _ = command("migrate", "--status")
    assert (code, out.split()) == (0, [word for name in names for word in ("applied", name)])
    assert command("migrate", "--plan")[:2] == (0, "-- The schema is up to date.\n")


def test_migrate_says_what_is_wrong_with_its_one_setting(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "nonsense")
    code, _, err = command("migrate", "--status")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("eventhub: DATABASE_URL: ")


def test_a_migration_of_a_newer_version_is_no_fault(command: Command, settings: Settings) -> None:
    sql(settings, "INSERT INTO aerich (version, app, content) VALUES ('99_newer.py', 'models', '{}');")
    try:
        code, out, _ = command("migrate", "--status")
        assert (code, out.splitlines()[-1]) == (0, "applied  99_newer.py (of a newer version)")
    finally:
        sql(settings, "DELETE FROM aerich WHERE version = '99_newer.py';")


async def test_the_plan_is_what_migrate_runs(empty: str) -> None:
    """Each migration's SQL alone makes the tables that `migrate` makes."""
    connection = await asyncpg.connect(empty)
    try:
        for version in migrations.versions():
            await connection.execute(await migrations.sql_of(version))
        assert await connection.fetchval("SELECT count(*) FROM admin_actions") == 0
    finally:
        await connection.close()


@pytest.mark.parametrize("option", [["--password-stdin"], []])
def test_createadmin_reads_the_password_from_standard_input(
    command: Command, settings: Settings, monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a very good password 1\nand more\n"))
    who = ("--username", "root", "--email", "root@example.com")
    try:
        assert command("createadmin", *who, *option)[:2] == (0, "Admin root created.\n")
        assert sql(settings, "SELECT user_type FROM users") == [("admin",)]
    finally:
        sql(settings, _EMPTY)


def test_createadmin_without_a_password_is_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    code, _, err = command("createadmin", "--username", "root", "--email", "root@example.com")
    assert code == 1
    assert (
        err == "eventhub: No password came: pipe it to standard input, give --password, or use a terminal.\n"
    )


def test_the_doctor_finds_repairs_and_says_so(command: Command, settings: Settings, booking: int) -> None:
    sql(settings, "UPDATE events SET seats_held = 2; DELETE FROM jobs;")
    code, out, _ = command("doctor")
    assert code == 1
    (line,) = [line for line in out.splitlines() if line.startswith("wrong")]
    assert " ".join(line.split()).startswith("wrong seats not so in 1 row: an event counts the seats")
    code, out, _ = command("doctor", "--repair")
    assert code == 0, out
    assert "seats_held 2 → 0" in out
    assert json.loads(command("actions", "--json")[1])[0]["action"] == "repair"
    code, out, _ = command("doctor", "--json", "--gateway")
    results = {result["name"]: result["verdict"] for result in json.loads(out)}
    assert code == 0
    assert {name for name, verdict in results.items() if verdict != "ok"} == {"processes"}
    assert {
        "settings",
        "redis",
        "clock of Redis",
        "storage",
        "database",
        "texts",
        "promises",
        "gateways",
    } <= set(results)


def test_the_doctor_says_what_is_away_and_goes_on_where_it_can(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    code, out, _ = command("doctor")
    assert code == 1
    assert "wrong    redis             cannot be reached: " in out
    assert "ok       numbers" in out
    monkeypatch.setenv("DATABASE_URL", "postgres://127.0.0.1:1/none")
    code, out, _ = command("doctor")
    assert code == 1
    assert "wrong    database          cannot be reached: " in out


def test_the_doctor_finds_a_schema_that_is_behind(
    command: Command, empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty)
    code, out, _ = command("doctor")
    assert code == 1
    assert "wrong    database          The database lacks 0_" in out


def test_the_doctor_finds_settings_that_cannot_be_read(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "none")
    code, out, _ = command("doctor", "--json")
    assert code == 1
    (result,) = json.loads(out)
    assert (result["name"], result["verdict"]) == ("settings", "wrong")
    assert result["text"].startswith("PORT: ")


async def test_the_doctor_finds_a_storage_that_keeps_nothing(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file where a folder should be")
    found = await surroundings.examine_storage(replace(settings, data_dir=tmp_path))
    assert found.verdict is Verdict.WRONG
    empty = tmp_path / "empty"
    assert (await surroundings.examine_storage(replace(settings, data_dir=empty))).verdict is Verdict.OK
    assert not list(empty.rglob("*.pdf")), "nothing is left of what was tried"


async def test_the_doctor_finds_clocks_that_are_apart(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = {result.name: result for result in await surroundings.examine_redis(settings)}
    assert apart["clock of Redis"].verdict is Verdict.OK
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 60)
    apart = {result.name: result for result in await surroundings.examine_redis(settings)}
    assert apart["clock of Redis"].verdict is Verdict.WRONG
    assert apart["clock of Redis"].text.startswith("60.0 s behind this machine's")


@pytest.mark.parametrize(
    ("memory", "verdict"),
    [
        ({"used_memory": 10, "maxmemory": 0, "maxmemory_policy": "noeviction"}, Verdict.OK),
        ({"used_memory": 10, "maxmemory": 100, "maxmemory_policy": "noeviction"}, Verdict.OK),
        ({"used_memory": 95, "maxmemory": 100, "maxmemory_policy": "noeviction"}, Verdict.WARNING),
        ({"used_memory": 10, "maxmemory": 100, "maxmemory_policy": "allkeys-lru"}, Verdict.WARNING),
    ],
)
async def test_the_doctor_advises_a_redis_that_throws_nothing_away(
    memory: dict[str, Any], verdict: Verdict
) -> None:
    class Client:
        async def info(self, _section: str) -> dict[str, Any]:
            return memory

    found = await surroundings._examine_memory(Client())  # type: ignore[arg-type]
    assert found.verdict is verdict


def test_the_doctor_finds_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert surroundings.examine_disk("disk", tmp_path / "not" / "yet").verdict is Verdict.OK
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: (10**12, 10**12, 10**8))
    found = surroundings.examine_disk("disk", tmp_path)
    assert (found.verdict, found.text) == (Verdict.WRONG, f"100 MB of 1e+03 GB are free at {tmp_path}")


def test_config_tells_every_setting_and_no_secret(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:hush@db:5432/hub?sslmode=require&sslpassword=hush")
    monkeypatch.setenv("EVENTHUB_EMAIL_URL", "smtp://ann:hu%40sh@mail:25")
    monkeypatch.setenv("EVENTHUB_STRIPE_API_KEY", "sk_hush")
    monkeypatch.delenv("EVENTHUB_TEST_HOME")
    monkeypatch.setenv("EVENTHUB_SECRET_KEY", "hush" * 10)
    monkeypatch.setenv("PORT", "81")
    code, out, err = command("config")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert "hush" not in out
    assert (
        lines["DATABASE_URL"][-1]
        == f"postgres://ann:{config.MASK}@db:5432/hub?sslmode=require&sslpassword={config.MASK}"
    )
    assert lines["EVENTHUB_EMAIL_URL"][-1] == f"smtp://ann:{config.MASK}@mail:25"
    assert lines["EVENTHUB_STRIPE_API_KEY"] == ["set", "set"]
    assert lines["EVENTHUB_STRIPE_WEBHOOK_SECRET"] == ["default", "not", "set"]
    assert lines["PORT"] == ["set", "81"]
    assert lines["EVENTHUB_HOST"] == ["default", "0.0.0.0"]
    as_json = json.loads(command("config", "--json")[1])
    assert {"variable": "PORT", "value": "81", "is_default": False} in as_json
    assert len(as_json) == len(lines) - 1, "all but the heads of the table"


def test_config_tells_of_mistakes(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "none")
    monkeypatch.setenv("EVENTHUB_MAIL_BUGDET", "3")
    monkeypatch.delenv("REDIS_URL")
    code, out, err = command("config")
    assert code == 2
    assert "not set, and required" in out
    assert "EVENTHUB_MAIL_BUGDET: is set, and no setting has this name" in err
    assert "PORT: " in err
    assert "REDIS_URL: is required" in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@host:6379/0", f"redis://:{config.MASK}@host:6379/0"),
        ("postgres://ann:p/w@host/db", f"postgres://ann:{config.MASK}@host/db"),
        (
            "postgres://a:b@one,two:5433/db?target_session_attrs=read-write",
            f"postgres://a:{config.MASK}@one,two:5433/db?target_session_attrs=read-write",
        ),
        ("https://key@sentry.example/1", f"https://{config.MASK}@sentry.example/1"),
        ("postgres:///hub?host=/run/pg", "postgres:///hub?host=/run/pg"),
        ("mailto:a@b", "mailto:a@b"),
        (
            "s3://bucket/x?endpoint=https://s3.example&region=eu",
            "s3://bucket/x?endpoint=https://s3.example&region=eu",
        ),
    ],
)
def test_urls_are_shown_without_what_proves_who_asks(text: str, shown: str) -> None:
    assert config.masked(text) == shown


COMMANDS = [
    ["stats"],
    ["booking"],
    ["actions"],
    ["config"],
    ["doctor"],
    ["migrate"],
    ["createadmin"],
    ["jobs"],
    ["jobs", "list"],
    ["jobs", "show"],
    ["jobs", "retry"],
    ["jobs", "discard"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does(command: Command, words: list[str]) -> None:
    code, out, _ = command(*words, "--help")
    assert code == 0
    description = " ".join(out.partition("\n\n")[2].partition("\n\n")[0].split())
    assert len(description) > 20
    assert description[0].isupper()


def test_tables_are_aligned_and_one_line_a_row() -> None:
    rows = [
        (1, "two\nlines", datetime(2026, 1, 2, 3, 4, 5, 6000, UTC)),
        (22, None, {"a": [1, 2], "b": Decimal("1.50")}),
    ]
    assert tables.table(rows, ("n", "text", "")).splitlines() == [
        "n   text",
        "1   two lines  2026-01-02 03:04:05.006",
        "22  -          a=1,2 b=1.50",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "-"),
        (0.123, "0.12 s"),
        (12.3, "12 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7200, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_ages_are_said_in_one_unit(seconds: float | None, said: str) -> None:
    assert tables.age(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"), [(999, "999 bytes"), (1500, "1.5 kB"), (11_600_000, "11.6 MB"), (2 * 10**9, "2 GB")]
)
def test_sizes_are_said_in_one_unit(number: int, said: str) -> None:
    assert tables.size(number) == said
