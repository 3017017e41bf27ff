"""The settings of commands that do one thing: the environment's, or those of the data directory of `eventhub up`."""

import contextlib
import os
from collections.abc import Iterator, Mapping

from eventhub import embedded, logs
from eventhub.processes import unwind_on_signals
from eventhub.settings import Settings, read_settings
from eventhub.up.data_dir import chosen_data_dir, kept_secret, up_environ


@contextlib.contextmanager
def settings_for_tools() -> Iterator[Settings]:
    """Yield the settings; without a DATABASE_URL those of the data dir that `up` made, with its servers running."""
    with environ_for_tools() as environ:
        settings = read_settings(environ)
        logs.configure("tools", "WARNING", settings.log_format)
        yield settings


@contextlib.contextmanager
def environ_for_tools() -> Iterator[Mapping[str, str]]:
    """Yield the environment that those settings are read from."""
    if not is_of_up():
        yield os.environ
        return
    data_dir = chosen_data_dir()
    unwind_on_signals()
    with embedded.start(data_dir) as servers:
        yield up_environ(data_dir, servers, kept_secret(data_dir))


def is_of_up() -> bool:
    """Whether commands work on the data dir that `up` made: there is one, and no DATABASE_URL."""
    return not os.environ.get("DATABASE_URL", "").strip() and (chosen_data_dir() / "postgres").is_dir()
