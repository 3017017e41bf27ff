"""Dramatiq's own command, in a process that ends with its supervisor: `eventhub worker` starts it."""

import contextlib
import os
import signal
import sys

from dramatiq.cli import HANDLED_SIGNALS, main, make_argument_parser

from eventhub import logs
from eventhub.metrics import Readers, families
from eventhub.metrics.server import served
from eventhub.processes import SUPERVISOR_PID, exit_with_supervisor
from eventhub.settings import read_settings

if __name__ == "__main__":
    # The threads of this process take no signals: while its workers boot, Dramatiq holds them back in the main thread.
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED_SIGNALS)
    exit_with_supervisor()
    # This process is the workers' own; they know it by this, even where it dies before they look.
    os.environ[SUPERVISOR_PID] = str(os.getpid())
    settings = read_settings()
    logs.configure("worker", settings.log_level, settings.log_format)
    told = make_argument_parser().parse_args()  # type: ignore[no-untyped-call]
    size = f"{told.processes} process{'es' if told.processes > 1 else ''} of {told.threads} threads"
    logs.announce(f"worker for {', '.join(told.queues)}, {size}", settings.commit)
    readers = Readers(settings.metrics_token, settings.metrics_networks)
    # What its processes count is put together here, whichever of them is asked for it.
    together = families.shared() if settings.metrics_port else contextlib.nullcontext()
    with together, served(settings.host, settings.metrics_port, readers):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
        sys.exit(main(told))  # type: ignore[no-untyped-call]
