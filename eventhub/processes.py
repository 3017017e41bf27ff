"""How a process ends: together with its parent, and without being cut off while it cleans up."""

import os
import signal
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import FrameType

# Set by the supervisor for its direct children; names the process without which they have no reason to run.
SUPERVISOR_PID = "EVENTHUB_SUPERVISOR_PID"


def exit_with_parent(
    parent: int | None = None, *, poll_seconds: float = 0.25, grace_seconds: float = 3.0
) -> None:
    """End this process soon after its `parent` (a pid; default: the present one) is gone. Returns at once.

    The process gets SIGTERM, and `grace_seconds` later a hard exit with code 1. A thread does not survive a
    fork: each process that is to end calls this itself.
    """
    watched = os.getppid() if parent is None else parent
    threading.Thread(
        target=_outlive, args=(watched, poll_seconds, grace_seconds), name="exit-with-parent", daemon=True
    ).start()


def exit_with_supervisor(
    environ: MutableMapping[str, str] | None = None, *, grace_seconds: float = 3.0
) -> bool:
    """Do `exit_with_parent` if the supervisor started this process; returns whether it did.

    Without a supervisor nothing is watched: a process that systemd, a container or `nohup` started may well
    outlive whoever started it.
    """
    # Taken out of the environment, because a child of this process has another parent.
    supervisor = (os.environ if environ is None else environ).pop(SUPERVISOR_PID, None)
    if supervisor is None:
        return False
    # The pid comes from the supervisor: one that died before this line would go unnoticed otherwise.
    exit_with_parent(int(supervisor), grace_seconds=grace_seconds)
    return True


def unwind_on_signals() -> None:
    """From now on the first SIGINT, SIGTERM or SIGHUP raises SystemExit, so that every `with` gets to clean up.

    Later ones are ignored: an impatient second Ctrl-C must not cut the clean-up short. For entry points, in the
    main thread. The exit code is 128 + the signal's number, as shells have it.
    """

    def unwind(number: int, _frame: FrameType | None) -> None:
        ignore_stop_signals()
        raise SystemExit(128 + number)

    for number in stop_signals():
        signal.signal(number, unwind)


def ignore_stop_signals() -> None:
    """From now on stop signals do nothing: this process is on its way out."""
    for number in stop_signals():
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def ignoring_stop_signals() -> Iterator[None]:
    """In this block stop signals do nothing: for clean-up that is bounded in time. Without effect in a thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def stop_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask this process to stop."""
    # SIGINT even where it is ignored (a shell script's `eventhub up &`): a sender who names this pid means it.
    # SIGHUP only where it is not: `nohup` is a wish to outlive the terminal.
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    return (signal.SIGINT, signal.SIGTERM, *hang_up)


def _outlive(parent: int, poll_seconds: float, grace_seconds: float) -> None:
    while os.getppid() == parent:
        time.sleep(poll_seconds)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    os._exit(1)
