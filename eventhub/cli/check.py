"""`eventhub check` looks at all that the settings name; and what a process looks at before it starts."""

import argparse
import asyncio
from collections.abc import Callable, Sequence

from eventhub.checks.run import Look, Seen, all_looks, each, looks_at_start
from eventhub.cli.tables import as_json
from eventhub.database import Timeouts
from eventhub.findings import Finding, Severity, refusal
from eventhub.settings import Settings, SettingsError, read_settings

# What cannot be reached now would not do after a deploy either.
_WORDS = {
    Severity.OK: "ok",
    Severity.WARNING: "warning",
    Severity.AWAY: "refused",
    Severity.REFUSAL: "refused",
}


class CannotStart(Exception):
    """Raised when a process could never do its work; `problems` has one line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def check(args: argparse.Namespace) -> int:
    """Print a line for each finding; return 1 where one is a refusal, or with --strict a warning."""
    tell: Callable[[Seen], None] = (lambda _: None) if args.json else _tell
    try:
        seen = asyncio.run(_look(all_looks(read_settings()), tell))
    except SettingsError as error:
        seen = [Seen("settings", [refusal(problem) for problem in error.problems], 0.0)]
        tell(seen[0])
    words = {_WORDS[finding.severity] for one in seen for finding in one.findings}
    is_good = not words & ({"refused", "warning"} if args.strict else {"refused"})
    if args.json:
        print(
            as_json(
                {"ok": is_good, "checks": [_line(one, finding) for one in seen for finding in one.findings]}
            )
        )
    return 0 if is_good else 1


def look_before_start(settings: Settings, name: str, timeouts: Timeouts) -> list[str]:
    """Return what is to be said loudly of a process that may start; raise CannotStart where it could never do its work."""
    seen = asyncio.run(_look(looks_at_start(settings, name, timeouts), lambda _: None))
    findings = [finding for one in seen for finding in one.findings]
    if refused := [finding.text for finding in findings if finding.severity is Severity.REFUSAL]:
        raise CannotStart(refused)
    return [finding.text for finding in findings if finding.severity is not Severity.OK]


async def _look(looks: Sequence[Look], tell: Callable[[Seen], None]) -> list[Seen]:
    found = []
    async for seen in each(looks):
        tell(seen)
        found.append(seen)
    return found


def _tell(seen: Seen) -> None:
    for number, finding in enumerate(seen.findings):
        took = f" ({seen.seconds:.2f} s)" if number == 0 else ""
        print(f"{seen.name:<9} {_WORDS[finding.severity]:<8} {finding.text}{took}", flush=True)


def _line(seen: Seen, finding: Finding) -> dict[str, object]:
    return {
        "name": seen.name,
        "severity": _WORDS[finding.severity],
        "text": finding.text,
        "seconds": round(seen.seconds, 3),
    }
