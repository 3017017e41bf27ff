"""`eventhub up` runs all of Event Hub on this machine, with servers of its own and demo data."""

import argparse
import os
import sys

from eventhub import embedded
from eventhub.cli.processes import checked_settings
from eventhub.models.jobs import Queue
from eventhub.settings.parsers import MIN_SECRET_BYTES
from eventhub.up import running
from eventhub.up.data_dir import chosen_data_dir, up_environ
from eventhub.web.port import check_port

# Stands in for the servers while the settings are checked, before those run.
PLACE_OF_SERVERS = embedded.Services(database_url="postgres://", redis_url="redis://")


def up(args: argparse.Namespace) -> int:
    if given := [name for name in ("DATABASE_URL", "REDIS_URL") if os.environ.get(name, "").strip()]:
        print(f"eventhub: up runs servers of its own: {' and '.join(given)} not used", file=sys.stderr)
    # Whatever is wrong with the settings or the port is said before anything is started.
    environ = up_environ(chosen_data_dir(), PLACE_OF_SERVERS, secret="-" * MIN_SECRET_BYTES)
    settings = checked_settings(environ)
    check_port(settings.host, settings.port)
    plan = running.Plan(
        host=settings.host,
        port=settings.port,
        metrics_port=settings.metrics_port,
        has_demo=not args.no_demo,
        queues=list(Queue),
        log_format=settings.log_format,
    )
    for port in plan.metrics_ports:
        check_port(settings.host, port, running.METRICS_PORT)
    running.become(plan)
