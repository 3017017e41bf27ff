"""What a check found: one line for the person who runs Event Hub, and how much it matters."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters: to `eventhub check`, and to a process that starts."""

    OK = "ok"  # said by `check` alone
    WARNING = "warning"  # said at start as well
    AWAY = "away"  # cannot be reached now: `check` fails, a process says so and starts all the same
    REFUSAL = "refusal"  # cannot work, or is dangerous: `check` fails, and no process starts


@dataclass(frozen=True)
class Finding:
    """One line, without a secret in it: what was found, and what to do."""

    severity: Severity
    text: str


def ok(text: str) -> Finding:
    return Finding(Severity.OK, text)


def warning(text: str) -> Finding:
    return Finding(Severity.WARNING, text)


def away(text: str) -> Finding:
    return Finding(Severity.AWAY, text)


def refusal(text: str) -> Finding:
    return Finding(Severity.REFUSAL, text)
