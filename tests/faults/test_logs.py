"""What real processes write: plain lines of one form to stderr, each process and in one line what it is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.test_logs import LINE
from tests.waiting import until_now

STARTS = {
    "web": "web on 127.0.0.1:{port}, 3 processes",
    "worker": "worker for bookings, payments, 2 processes of 3 threads",
    "clock": "clock, every 0.2 s",
}
ARGUMENTS = {"worker": ["--queues", "bookings,payments", "--processes", "2", "--threads", "3"]}
READY = {"web": "listening on", "worker": "worker ready", "clock": "clock, every"}
COMMIT = "816a83bd7c1f"


@contextmanager
def running(cluster: Cluster, name: str, **environ: str) -> Iterator[tuple[Path, Path]]:
    """Let a process run until it is ready; yields what it writes to stdout and stderr."""
    out, err = cluster.folder / f"{name}.out", cluster.folder / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "eventhub.cli", name, *ARGUMENTS.get(name, [])],
            env={**cluster.environ, "HEROKU_SLUG_COMMIT": COMMIT, **environ},
            cwd=cluster.folder,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    cluster.processes[name] = [process]
    until_now(lambda: READY[name] in err.read_text(), f"{name} is ready", 60)
    yield out, err
    cluster.stop(name)


@pytest.mark.parametrize("name", STARTS)
def test_a_process_writes_plain_lines_to_stderr_alone(cluster: Cluster, name: str) -> None:
    with running(cluster, name) as (out, err):
        pass
    lines = err.read_text().splitlines()
    assert out.read_text() == ""
    assert [line for line in lines if not LINE.match(line)] == []
    assert {line.split("[")[0].split()[-1] for line in lines} == {name}
    [start] = [line for line in lines if " on Python " in line]
    assert f"(commit {COMMIT}) on Python" in start
    assert start.endswith(STARTS[name].format(port=cluster.port))


@pytest.mark.parametrize("name", STARTS)
def test_every_line_of_a_process_can_be_json(cluster: Cluster, name: str) -> None:
    with running(cluster, name, EVENTHUB_LOG_FORMAT="json", EVENTHUB_COMMIT="mine") as (_, err):
        if name == "worker":
            victim = cluster.workers("worker")[-1]
            subprocess.run(["kill", "-9", str(victim)], check=True)
            # Dramatiq's master and the supervisor have something to say of it.
            until_now(lambda: err.read_text().count(" on Python ") > 1, "the worker is started again", 60)
    lines = [json.loads(line) for line in err.read_text().splitlines()]
    assert {line["process"] for line in lines} == {name}
    assert any("(commit mine)" in line["message"] for line in lines)
    if name == "worker":
        assert {"dramatiq.MainProcess", "eventhub.supervisor"} <= {line["logger"] for line in lines}
