"""Dramatiq's own command, in a process that ends with its supervisor: `eventhub worker` starts it."""

import os
import signal
import sys

from dramatiq.cli import HANDLED_SIGNALS, main

from eventhub.processes import SUPERVISOR_PID, exit_with_supervisor

if __name__ == "__main__":
    # The watching thread takes no signals: while its workers boot, Dramatiq holds them back in the main thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)
    exit_with_supervisor()
    # This process is the workers' own; they know it by this, even where it dies before they look.
    os.environ[SUPERVISOR_PID] = str(os.getpid())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
    sys.exit(main())  # type: ignore[no-untyped-call]
