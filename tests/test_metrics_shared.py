"""Processes of one master count together, whatever becomes of each."""

import os
import subprocess
import sys
from pathlib import Path

import eventhub
from eventhub.metrics import families

# In a process of its own: a test run counts alone, and decided so when it imported the library.
_SCRIPT = """
import os, sys
from eventhub import metrics
from eventhub.metrics import families

def child(place, reads, open_connections):
    pid = os.fork()
    if not pid:
        families.take_place(place)
        for _ in range(reads):
            metrics.CACHE.inc("hit")
            metrics.STATEMENTS.observe(0.002)
        metrics.CONNECTIONS.set(open_connections)
        os._exit(0)
    os.waitpid(pid, 0)

def show():
    text = metrics.exposition("")[0].decode()
    wanted = ('eventhub_cache_lookups_total{outcome="hit"}', "eventhub_http_connections ", "eventhub_database_statement_seconds_count ")
    print([line.split()[-1] for start in wanted for line in text.splitlines() if line.startswith(start)])

with families.shared():
    folder = os.environ[families.SHARED_FOLDER]
    child("0", 3, 5)
    child("1", 4, 7)
    show()
    families.leave_place("0")
    show()
    for _ in range(5):
        child("0", 1, 1)
        families.leave_place("0")
    child("0", 1, 2)
    show()
    pid = os.fork()
    if not pid:
        families.take_place("1")
        metrics.CACHE.inc("hit")
        for number in range(1000):
            metrics.CACHE.inc(f"outcome {number}")
        metrics.CACHE.inc("hit")
        print(os.path.getsize(os.path.join(folder, "counter_1.db")) > 65536, flush=True)
        os._exit(0)
    os.waitpid(pid, 0)
    show()
    print(sorted(name for name in os.listdir(folder) if name.endswith(".db")))
    print(oct(os.stat(folder).st_mode & 0o777))
print(os.path.exists(folder))
"""


def test_counts_outlive_children_and_gauges_do_not(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", _SCRIPT],
        env={**os.environ, "PYTHONPATH": str(Path(eventhub.__file__).parent.parent), "TMPDIR": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stdout.splitlines() == [
        "['7.0', '12.0', '7.0']",
        "['7.0', '7.0', '7.0']",
        "['13.0', '9.0', '13.0']",
        # A number that was there before its file grew goes on counting in it.
        "True",
        "['15.0', '9.0', '13.0']",
        # However many children there were, no place has more files than one.
        str([f"{kind}_{place}.db" for kind in ("counter", "gauge_livesum", "histogram") for place in "01"]),
        "0o700",
        "False",
    ]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_master_left_is_removed_by_the_next_and_what_lives_is_not(tmp_path: Path) -> None:
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(eventhub.__file__).parent.parent),
        "TMPDIR": str(tmp_path),
    }
    holding = (
        "import sys\nfrom eventhub.metrics import families\n"
        "with families.shared():\n    print('there', flush=True)\n    sys.stdin.read()"
    )

    def start() -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", holding]
        started = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert started.stdout is not None
        assert started.stdout.readline() == b"there\n"
        return started

    first, second = start(), start()
    assert len(list(tmp_path.iterdir())) == 2
    first.kill()
    first.communicate()
    third = start()
    assert len(list(tmp_path.iterdir())) == 2  # the second's and the third's
    for running in (second, third):
        running.communicate()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_counts_alone_leaves_no_files() -> None:
    assert families.SHARED_FOLDER not in os.environ
