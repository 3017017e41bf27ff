"""What Schemathesis draws, brought near what is there: ids of the demo's rows rather than any of 2^63."""

from collections.abc import Mapping
from typing import Any

import schemathesis

from eventhub.services.listing import MAX_ID

# About as many rows as the demo has of most kinds.
ROWS = 60
IDS = {"id", "event", "session", "booking", "user", "organizer"}


def near(values: Any) -> Any:
    """Return `values` with each good id brought among those that exist; bad ones stay what they are."""
    if not isinstance(values, Mapping):
        return values
    return {name: _near(value) if name in IDS else value for name, value in values.items()}


def _near(value: object) -> object:
    is_good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ID
    return (value - 1) % ROWS + 1 if is_good else value  # type: ignore[operator]


@schemathesis.hook
def map_path_parameters(_: schemathesis.HookContext, path_parameters: Any) -> Any:
    return near(path_parameters)


@schemathesis.hook
def map_query(_: schemathesis.HookContext, query: Any) -> Any:
    return near(query)


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    return near(body)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]) -> None:
    """Send no cursor: nothing that is drawn is one, and forged ones have tests of their own."""
    if isinstance(case.query, dict):
        case.query.pop("cursor", None)
