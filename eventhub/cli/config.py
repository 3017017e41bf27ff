"""`eventhub config` says which settings a process would have here, and no secret."""

import argparse
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from typing import Any

from eventhub.cli.data_dir import is_of_up
from eventhub.cli.tables import as_json, table
from eventhub.settings import VARIABLE, Settings, SettingsError, read_settings, texts_in

MASK = "•••"
_URLS = ("_URL", "_DSN")  # of secrets those that are shown without their passwords


@dataclass(frozen=True)
class Setting:
    """A setting as it takes effect; a secret's `value` says only whether there is one."""

    variable: str
    value: str
    is_default: bool


def show(args: argparse.Namespace) -> int:
    settings = effective(os.environ)
    if args.json:
        print(as_json(settings))
    else:
        rows = [(one.variable, "default" if one.is_default else "set", one.value) for one in settings]
        print(table(rows, ("variable", "", "value")))
    for name in _unknown(os.environ):
        print(f"eventhub: {name}: is set, and no setting has this name", file=sys.stderr)
    if is_of_up():
        print(
            "eventhub: without DATABASE_URL, commands work on the data directory of `eventhub up`",
            file=sys.stderr,
        )
        return 0
    try:
        read_settings()
    except SettingsError as error:
        print(*(f"eventhub: {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return 2
    return 0


def effective(environ: Mapping[str, str]) -> list[Setting]:
    """Return every setting as `environ` has it, or its default."""
    texts = texts_in(environ)
    return [_effective(texts.get(one.metadata[VARIABLE]), one) for one in fields(Settings)]


def _effective(text: str | None, one: Field[Any]) -> Setting:
    value = one.metadata["default"] if text is None else text
    if value is None:
        shown = "not set, and required"
    elif not one.repr and value and not one.metadata[VARIABLE].endswith(_URLS):
        shown = "set"
    else:
        shown = masked(value) or "not set"
    return Setting(one.metadata[VARIABLE], shown, not text)


# Who signs in to a URL's server may be known, but for Sentry's, whose name is its key.
_USER = re.compile(r"(?<=//)([^@?#]*)@")
_IN_QUERY = re.compile(r"([?&][^=&]*(?:pass|secret|key|token)[^=&]*=)[^&]*", re.IGNORECASE)


def masked(text: str) -> str:
    """Return a text whose URLs, if it has any, tell no password."""
    if "://" not in text:
        return text
    return _IN_QUERY.sub(rf"\1{MASK}", _USER.sub(_masked_user, text))


def _masked_user(match: re.Match[str]) -> str:
    user, separator, _ = match[1].partition(":")
    return f"{user}:{MASK}@" if separator else f"{MASK}@"


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {one.metadata[VARIABLE] for one in fields(Settings)}
    return sorted(name for name in environ if name.startswith("EVENTHUB_") and name not in known)
