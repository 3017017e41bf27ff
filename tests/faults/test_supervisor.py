"""One log, one Ctrl-C, and no process left behind."""

import os
import re
import signal
import time

import pytest

from tests.faults.programs import alive_in, is_alive, private_folder, program, read_until
from tests.waiting import until_now

# Runs the programs given as name=code; options for run() come from the first argument.
SUPERVISOR = """
    import json, sys
    from eventhub import supervisor
    commands = [supervisor.Command(name, [sys.executable, "-c", code])
                for name, _, code in (argument.partition("=") for argument in sys.argv[2:])]
    sys.exit(supervisor.run(commands, **json.loads(sys.argv[1])))
"""
# The same around the embedded servers, which is what `eventhub up` does.
UP = """
    import sys
    from pathlib import Path
    from eventhub import embedded, supervisor
    from eventhub.processes import unwind_on_signals
    child = "import os, time; os.chdir(os.environ['DATA']); print('at work', flush=True); time.sleep(60)"
    unwind_on_signals()
    with embedded.start(Path(sys.argv[1]), revive=True) as services:
        env = {"DATA": sys.argv[1]}
        commands = [supervisor.Command(n, [sys.executable, "-c", child], env) for n in ("web", "worker")]
        code = supervisor.run(commands)
    sys.exit(code)
"""
SLEEPER = "import os, time; print('pid', os.getpid()); time.sleep(60)"
# A master with a worker in its group; both ignore SIGTERM, and say so (in one write: they share the pipe).
STUBBORN = """
import os, signal, time
who = 'worker' if os.fork() == 0 else 'master'
signal.signal(signal.SIGTERM, lambda *_: os.write(1, f'{who} got SIGTERM\\n'.encode()))
os.write(1, f'{who} pid {os.getpid()}\\n'.encode())
while True:
    time.sleep(60)
"""


def pids(text: str) -> list[int]:
    return [int(pid) for pid in re.findall(r"pid (\d+)", text)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_children(number: signal.Signals) -> None:
    with program(SUPERVISOR, "{}", f"web={SLEEPER}", f"worker={SLEEPER}") as supervisor:
        seen = read_until(supervisor, "web    | pid", "worker | pid")
        started = time.monotonic()
        supervisor.send_signal(number)
        assert supervisor.wait() == 0
        assert time.monotonic() - started < 5, "none is waited for until it is killed"
    assert len(pids(seen)) == 2
    assert not [pid for pid in pids(seen) if is_alive(pid)]


def test_sigterm_goes_to_the_master_alone_and_what_stays_is_killed() -> None:
    with program(SUPERVISOR, '{"stop_seconds": 0.5}', f"web={STUBBORN}") as supervisor:
        seen = read_until(supervisor, "master pid", "worker pid")
        started = time.monotonic()
        supervisor.terminate()
        rest = read_until(supervisor, "web did not stop within 0.5 s: killed")
        assert supervisor.wait() == 0
        assert time.monotonic() - started < 5
    assert "master got SIGTERM" in rest
    assert "worker got SIGTERM" not in rest
    assert not [pid for pid in pids(seen) if is_alive(pid)]


def test_a_child_that_dies_is_started_again_without_leftovers() -> None:
    with program(
        SUPERVISOR, '{"restart_seconds": 0.1, "stop_seconds": 0.1}', f"web={STUBBORN}"
    ) as supervisor:
        seen = read_until(supervisor, "master pid", "worker pid")
        os.kill(int(re.findall(r"master pid (\d+)", seen)[0]), signal.SIGKILL)
        again = read_until(supervisor, "master pid", "worker pid")
        assert re.search(r"up  \| web was killed by SIGKILL; starting it again in 0.1 s", again)
        assert not [pid for pid in pids(seen) if is_alive(pid)]
        assert all(is_alive(pid) for pid in pids(again))
        supervisor.terminate()
        assert supervisor.wait() == 0
    assert not [pid for pid in pids(again) if is_alive(pid)]


def test_a_child_that_never_works_ends_everything_with_code_1() -> None:
    broken = "import sys; sys.exit('no such setting')"
    with program(SUPERVISOR, '{"restart_seconds": 0.01}', f"web={SLEEPER}", f"worker={broken}") as supervisor:
        seen = read_until(supervisor, "worker failed 5 times in a row: giving up")
        assert supervisor.wait() == 1
    assert seen.count("worker | no such setting") == 5
    assert seen.count("ended unexpectedly with exit code 1") == 5
    assert not [pid for pid in pids(seen) if is_alive(pid)]


def test_children_of_a_killed_supervisor_end_by_themselves() -> None:
    child = f"from eventhub import processes\nassert processes.exit_with_supervisor()\n{SLEEPER}"
    stubborn = child.replace("exit_with_supervisor()", "exit_with_supervisor(grace_seconds=0.5)")
    stubborn = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{stubborn}"
    with program(SUPERVISOR, "{}", f"web={child}", f"worker={stubborn}") as supervisor:
        seen = read_until(supervisor, "web    | pid", "worker | pid")
        supervisor.kill()
        supervisor.wait()
        until_now(lambda: not [pid for pid in pids(seen) if is_alive(pid)], "the children are gone")


def test_a_process_of_its_own_is_not_watched() -> None:
    code = "from eventhub.processes import exit_with_supervisor\nprint(exit_with_supervisor())"
    with program(code) as alone:
        assert alone.communicate()[0] == "False\n"


def test_a_reader_that_stops_reading_does_not_hold_up_the_stop() -> None:
    chatter = "while True: print('x' * 1000)"
    with program(SUPERVISOR, "{}", f"web={chatter}") as supervisor:
        time.sleep(0.5)
        started = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait() == 0
        assert time.monotonic() - started < 10


def test_names_are_coloured_on_a_terminal_alone() -> None:
    master, terminal = os.openpty()
    with program(SUPERVISOR, "{}", f"web={SLEEPER}", stdout=terminal):
        os.close(terminal)
        assert os.read(master, 1000).startswith(b"\x1b[36mweb |\x1b[0m pid ")
    os.close(master)


def test_ctrl_c_stops_children_and_servers_within_5_seconds() -> None:
    with private_folder() as data_dir, program(UP, data_dir) as up:
        read_until(up, "web    | at work", "worker | at work")
        assert len(alive_in(data_dir)) > 4
        started = time.monotonic()
        # As a terminal does it: to the whole foreground group, and an impatient user does it twice.
        for _ in range(2):
            os.killpg(up.pid, signal.SIGINT)
            time.sleep(0.1)
        assert up.wait() == 0
        assert time.monotonic() - started < 5
        assert not alive_in(data_dir)


def test_ctrl_c_counts_where_a_script_started_it_in_the_background() -> None:
    with program(
        SUPERVISOR, "{}", f"web={SLEEPER}", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
    ) as supervisor:
        read_until(supervisor, "web | pid")
        supervisor.send_signal(signal.SIGINT)
        assert supervisor.wait() == 0
