"""How processes start and stop: requests finish, exits are quick, and what ops can mend is one line."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from functools import partial

import pytest

from eventhub.database.migrations import versions
from tests.cluster import SOURCE, Cluster
from tests.faults.conftest import still_there
from tests.faults.programs import program
from tests.waiting import until, until_now

SLOW_SECONDS = 1.0


async def _slow_bookings(cluster: Cluster) -> None:
    """Let each booking take a second."""
    await cluster.sql(
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN PERFORM pg_sleep({SLOW_SECONDS}); RETURN NEW; END $$"
    )
    await cluster.sql(
        "CREATE TRIGGER take_time BEFORE INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION take_time()"
    )


async def test_requests_that_run_when_web_is_told_to_stop_are_answered(cluster: Cluster) -> None:
    cluster.start("web")
    organizer, *people = [*await cluster.people(1, "organizer"), *await cluster.people(6)]
    # Events of their own: bookings of one event wait for each other. No more than may write at once in one process, which
    # may get them all.
    events = [await cluster.event(organizer) for _ in people]
    await _slow_bookings(cluster)
    [main] = cluster.processes["web"]
    pids = [main.pid, *cluster.workers("web")]
    async with cluster.http() as http:
        # With a key each is a transaction of its own; without, bookings of one moment are one statement.
        key = {"Idempotency-Key": "once"}
        asked = [
            asyncio.create_task(http.request("POST", "/api/bookings/", token, {"event": event}, key))
            for token, event in zip(people, events, strict=True)
        ]
        await cluster.eventually(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
            len(people),
        )
        main.terminate()
        stopped_at = time.monotonic()
        answers = await asyncio.gather(*asked)
    assert Counter(status for status, _ in answers) == {201: len(people)}
    assert await asyncio.to_thread(main.wait, 20) == 0
    assert time.monotonic() - stopped_at < 10
    assert still_there(pids) == []
    assert (await cluster.sql("SELECT count(*) FROM jobs"))[0][0] == len(people)


async def test_web_that_is_told_to_stop_takes_no_new_connections(cluster: Cluster) -> None:
    cluster.start("web")
    cluster.stop("web", 10)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", cluster.port), 1):
        pass


@pytest.mark.long
@pytest.mark.parametrize("name", ["web", "worker", "clock"])
async def test_a_stop_at_any_moment_of_the_start_is_heeded(cluster: Cluster, name: str) -> None:
    for tenth in range(12):
        cluster.processes.setdefault(name, []).append(_begin(cluster, name))
        await asyncio.sleep(tenth / 10 + 0.5)
        pids = [process.pid for process in cluster.processes[name]] + cluster.workers(name)
        # Before its handlers are there, SIGTERM ends a process by itself.
        assert cluster.stop(name, 20) in {0, -signal.SIGTERM}
        gone = f"{name} is gone, stopped after {tenth} tenths of a second"
        await until(partial(_are_gone, pids), gone)


def _are_gone(pids: list[int]) -> bool:
    return not still_there(pids)


def _begin(cluster: Cluster, name: str) -> "subprocess.Popen[bytes]":
    """Start without waiting until it is ready."""
    return subprocess.Popen(
        [sys.executable, "-m", "eventhub.cli", name],
        env=cluster.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


# Each web process leaves a process behind once, which the master inherits as the first process of a container would.
ORPHANS = """
    import ctypes, gc, os, time
    from types import SimpleNamespace
    from eventhub.web import server

    def serve(settings, open_sender):
        if os.fork() == 0:
            if os.fork() == 0:
                time.sleep(0.5)
            os._exit(0)
        os.wait()
        os.write(1, b"web process, no garbage: %d\\n" % (gc.get_freeze_count() > 10_000))
        time.sleep(60)

    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    server._serve_in_this_process = serve
    server._Master(SimpleNamespace(web_concurrency=2, payment_gateways={}), None).run()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs a system where orphans can be inherited")
def test_the_end_of_an_inherited_process_starts_no_web_process() -> None:
    with program(ORPHANS) as master:
        assert master.stdout is not None
        assert [master.stdout.readline() for _ in range(2)] == ["web process, no garbage: 1\n"] * 2
        time.sleep(1.5)
        master.terminate()
        assert master.communicate(timeout=10)[0] == ""


async def test_a_web_process_that_dies_is_replaced(cluster: Cluster) -> None:
    cluster.start("web")
    await cluster.people(1)
    await until(lambda: len(cluster.workers("web")) >= 3, "three web processes are there", 20)
    victim, *_ = cluster.workers("web")
    os.kill(victim, signal.SIGKILL)

    def is_replaced() -> bool:
        return victim not in (now := cluster.workers("web")) and len(now) >= 3

    await until(is_replaced, "the killed process is replaced", 20)
    async with cluster.http() as http:
        assert (await http.request("GET", "/api/events/"))[0] == 200


def _run(cluster: Cluster, *arguments: str, **environ: str) -> tuple[int, list[str]]:
    """Return the exit code of `eventhub` with these arguments, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "eventhub.cli", *arguments],
        env={**cluster.environ, **environ},
        cwd=cluster.folder,  # `-m` would look there before PYTHONPATH
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # no terminal to ask at
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            {"EVENTHUB_SECRET_KEY": ""},
            ["EVENTHUB_SECRET_KEY: is required and not set"],
        ),
        (
            {"EVENTHUB_SECRET_KEY": "short"},
            ["EVENTHUB_SECRET_KEY: must be at least 32 bytes long, e.g. from `openssl rand -hex 32`"],
        ),
        ({"DATABASE_URL": ""}, ["DATABASE_URL: is required and not set"]),
        (
            {"DATABASE_URL": "mysql://db/eventhub"},
            ["DATABASE_URL: must be a URL that starts with postgres: or postgresql:"],
        ),
        (
            {"DATABASE_URL": "postgres://u:hush@h:bad/x", "REDIS_URL": "redis://:hush@h:bad/x"},
            [
                f"{name}: has no valid host or port; percent-encode : / ? # [ ] @ in user and password"
                for name in ("DATABASE_URL", "REDIS_URL")
            ],
        ),
        (
            {"REDIS_URL": "amqp://mq", "WEB_CONCURRENCY": "0"},
            [
                "REDIS_URL: must be a URL that starts with redis: or rediss: or unix: or redis+sentinel: or rediss+sentinel:",
                "WEB_CONCURRENCY: must be between 1 and 256, got 0",
            ],
        ),
    ],
)
def test_each_bad_setting_is_one_line(cluster: Cluster, environ: dict[str, str], expected: list[str]) -> None:
    assert _run(cluster, "web", **environ) == (2, [f"eventhub: {line}" for line in expected])


COMMANDS = [
    "web",
    "worker",
    "clock",
    "createadmin --username root --email root@example.com --password a-good-password-1",
    "demo",
    "jobs",
    "stats",
    "booking 1",
]


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_process_refuses_a_database_that_lacks_a_migration(
    cluster: Cluster, command: str
) -> None:
    newest = versions()[-1]
    await cluster.sql("DELETE FROM aerich WHERE version = $1", newest)
    started_at = time.monotonic()
    assert _run(cluster, *command.split()) == (
        1,
        [f"eventhub: The database lacks {newest}: run `eventhub migrate`, then start again."],
    )
    assert time.monotonic() - started_at < 20


async def test_an_empty_database_lacks_every_migration(cluster: Cluster) -> None:
    await cluster.sql("DROP SCHEMA public CASCADE")
    await cluster.sql("CREATE SCHEMA public")
    line = f"eventhub: The database lacks {', '.join(versions())}: run `eventhub migrate`, then start again."
    assert _run(cluster, "clock") == (1, [line])


async def test_a_database_that_is_newer_than_the_code_will_do(cluster: Cluster) -> None:
    """Old processes go on, and start again, while a release rolls out."""
    await cluster.sql(
        "INSERT INTO aerich (version, app, content) SELECT '9999_20991231_newer.py', app, content FROM aerich LIMIT 1"
    )
    cluster.start("worker", "clock", "web")
    until_now(lambda: "worker ready" in cluster.log("worker"), "the worker is ready", 60)
    organizer, person = [*await cluster.people(1, "organizer"), *await cluster.people(1)]
    async with cluster.http() as http:
        booked = await http.request(
            "POST", "/api/bookings/", person, {"event": await cluster.event(organizer)}
        )
    assert booked[0] == 201
    await cluster.eventually("SELECT status FROM bookings", "confirmed")
    assert cluster.stop("clock") == 0
    assert _run(cluster, "jobs") == (0, ["No job has failed."])


def test_code_without_its_migrations_says_so(cluster: Cluster) -> None:
    """Nothing to apply would pass for a schema that is up to date."""
    shutil.copytree(SOURCE / "eventhub", cluster.folder / "copy" / "eventhub")
    code, said = _run(cluster, "migrate", PYTHONPATH=str(cluster.folder / "copy"))
    assert (code, len(said)) == (1, 1)
    assert said[0].startswith("eventhub: There are no migrations in ")


@pytest.mark.parametrize("name", ["web", "worker", "clock", "migrate"])
def test_every_process_refuses_a_bad_setting(cluster: Cluster, name: str) -> None:
    assert _run(cluster, name, DATABASE_URL="nonsense") == (
        2,
        ["eventhub: DATABASE_URL: must be a URL that starts with postgres: or postgresql:"],
    )


@pytest.mark.parametrize("name", ["web", "worker", "clock", "up"])
@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"EVENTHUB_EMAIL_URL": "smtp://u:hush@mail?tls=yes"},
            "EVENTHUB_EMAIL_URL: has tls=yes; it must be one of none, starttls, implicit",
        ),
        ({"EVENTHUB_EMAIL_FROM": "nobody"}, "EVENTHUB_EMAIL_FROM: "),
    ],
)
def test_every_process_refuses_mail_settings_that_cannot_work(
    cluster: Cluster, name: str, environ: dict[str, str], line: str
) -> None:
    up = {"DATABASE_URL": "", "REDIS_URL": ""} if name == "up" else {}
    code, said = _run(cluster, name, **environ, **up)
    assert (code, len(said)) == (2, 1)
    assert said[0].startswith(f"eventhub: {line}")
    assert "hush" not in said[0]


def _start_without(cluster: Cluster, name: str, check: str, **environ: str) -> None:
    """Start `name` with one of the command's checks left out."""
    code = f"import sys; from eventhub import cli; cli.processes.{check} = lambda *_: []; sys.exit(cli.main(['{name}']))"
    with (cluster.folder / f"{name}.log").open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**cluster.environ, **environ},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    cluster.processes[name] = [process]


def test_a_worker_that_cannot_boot_ends_and_is_started_again(cluster: Cluster) -> None:
    # Without the check at the start, so that what goes wrong does so at the boot.
    _start_without(cluster, "worker", "build_mailer", EVENTHUB_EMAIL_FROM="nobody")
    refusal = "the worker cannot start: EVENTHUB_EMAIL_FROM: "
    until_now(lambda: cluster.log("worker").count(refusal) > 1, f"{refusal!r} comes twice", 60)
    assert "worker ended unexpectedly with exit code 1; starting it again" in cluster.log("worker")
    assert "Traceback" not in cluster.log("worker")


@pytest.mark.parametrize("name", ["web", "worker"])
async def test_a_process_that_finds_an_older_schema_later_says_so(cluster: Cluster, name: str) -> None:
    newest = versions()[-1]
    await cluster.sql("DELETE FROM aerich WHERE version = $1", newest)
    # As where the database is away at the start.
    _start_without(cluster, name, "look_before_start")
    line = f"cannot start: The database lacks {newest}: run `eventhub migrate`"
    until_now(lambda: line in cluster.log(name), f"{name} says {line!r}", 60)
    assert "Traceback" not in cluster.log(name)


@pytest.mark.parametrize(
    ("username", "email", "expected"),
    [
        ("we@ird", "a@example.com", "--username: May hold letters, digits and . + - _ only."),
        ("u" * 151, "a@example.com", "--username: Length must be between 1 and 150."),
        ("root", "nobody", "--email: Not a valid email address."),
        ("root", f"{'a' * 250}@example.com", "--email: Longer than maximum length 254."),
    ],
)
def test_an_admin_is_held_to_the_rules_of_a_registration(
    cluster: Cluster, username: str, email: str, expected: str
) -> None:
    arguments = ("--username", username, "--email", email, "--password", "a-good-password-1")
    code, said = _run(cluster, "createadmin", *arguments)
    assert (code, len(said)) == (2, 1)
    assert said[0].startswith(f"eventhub: {expected[:30]}"), said


def test_an_admin_without_a_password_or_a_terminal_is_one_line(cluster: Cluster) -> None:
    code, said = _run(cluster, "createadmin", "--username", "root", "--email", "root@example.com")
    assert code == 1
    assert said[-1].startswith("eventhub: No password came: ")
    assert "Traceback" not in " ".join(said)


def test_an_unknown_queue_is_one_line(cluster: Cluster) -> None:
    assert _run(cluster, "worker", "--queues", "waitlist,parcels") == (
        2,
        [
            "eventhub: no queue named parcels; there are bookings, payments, waitlist, notifications, certificates"
        ],
    )


def test_a_busy_port_is_one_line(cluster: Cluster) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", cluster.port))
        other.listen()
        assert _run(cluster, "web") == (
            1,
            [
                f"eventhub: Port {cluster.port} on 127.0.0.1 is in use: stop what listens there, or set PORT to another."
            ],
        )


@pytest.mark.parametrize(
    "url",
    [
        "postgres://nobody@/nothing?host=/nonexistent&port=5432",
        "postgres://nobody@127.0.0.1:1/nothing",
        "postgres://nobody@name.invalid/nothing",
    ],
)
def test_a_database_that_is_away_is_one_line(cluster: Cluster, url: str) -> None:
    code, said = _run(cluster, "migrate", DATABASE_URL=url)
    assert code == 1
    assert len(said) == 1
    assert said[0].startswith("eventhub: cannot reach the database of DATABASE_URL: ")
