"""Runs a scenario on each target in turns, after a look whether they answer alike."""

import json
import random
import urllib.request
from typing import Any

from bench.client import Answers
from bench.figures import Figures, cpu_ratio, medians, percentile
from bench.scenarios import (
    ANONYMOUS,
    BOOKINGS,
    CEILING,
    FILTER,
    LIST,
    SEARCH,
    SIGNED_IN,
    Scenario,
)
from bench.system import System, Target, token, tree_ms

WARM_UP_SECONDS = 1.0
DIFFERENT, MOST_PER_SECOND = (
    20_000,
    12_000,
)  # requests that are asked in a circle, bookings that a target may make
LOOKED_AT = 20
HEAD = f"{'':34} {'req/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'server':>7} {'db':>7} {'client':>7} {'errors':>6} {'ratio':>6}"


def check_alike(system: System) -> None:
    """Raise SystemExit where the two servers do not show the same."""
    events = random.Random(1).sample(range(1, system.size.events + 1), LOOKED_AT)
    paths = [LIST, FILTER, SEARCH, "/api/events/100/"]
    paths += [f"/api/events/{event}/{suffix}" for event in events for suffix in ("", "statistics/")]
    asked: list[tuple[str, int | None]] = [(path, None) for path in paths]
    for path, user in [*asked, *((BOOKINGS, user) for user in range(1, 6))]:
        expected, found = (_shown(target, path, user) for target in (system.ceiling, system.hub))
        if expected != found:
            raise SystemExit(f"{path} is not the same for both:\nceiling   {expected}\nEvent Hub {found}")


def _shown(target: Target, path: str, user: int | None) -> Any:
    headers = {"Authorization": f"Bearer {token(user)}"} if user else {}
    asked = urllib.request.Request(f"http://127.0.0.1:{target.port}{path}", headers=headers)
    with urllib.request.urlopen(asked, timeout=30) as response:
        return json.load(response)


class Comparison:
    """Runs of scenarios. Bookings are numbered on, so that each is a new one."""

    def __init__(self, system: System, seconds: float, runs: int) -> None:
        self.system = system
        self.seconds = seconds
        self.runs = runs
        self._booked = {CEILING: 0, ANONYMOUS: 0, SIGNED_IN: 0}

    def run(self, scenario: Scenario) -> dict[str, list[Figures]]:
        """Return the figures of each run, by who was asked, or who asked; print their medians."""
        names = [CEILING, *scenario.targets] if scenario.is_compared else list(scenario.targets)
        found: dict[str, list[Figures]] = {name: [] for name in names}
        for name in names:
            self._measure(scenario, name, 0, min(WARM_UP_SECONDS, self.seconds))
        for turn in range(self.runs):
            first = turn % len(names)
            for name in [*names[first:], *names[:first]]:
                found[name].append(self._measure(scenario, name, turn, self.seconds))
        for name, runs in found.items():
            ratio = cpu_ratio(runs, found[CEILING]) if scenario.is_compared else None
            print(_line(f"{scenario.name:11}{name:10}", medians(runs), ratio), flush=True)
        return found

    def _measure(self, scenario: Scenario, name: str, turn: int, seconds: float) -> Figures:
        system = self.system
        target = system.ceiling if name == CEILING else system.hub
        signed_in = name == SIGNED_IN or (name == CEILING and ANONYMOUS not in scenario.targets)
        is_new = scenario.ask is None
        requests = scenario.requests(
            system.size,
            round(seconds * MOST_PER_SECOND) if is_new else DIFFERENT,
            seed=turn,
            signed_in=signed_in,
            first=self._booked[name],
        )
        system.settle()
        server, database = target.cpu_ms, tree_ms(system.postgres)
        answers = system.client.load(target.port, requests, scenario.connections, seconds, again=not is_new)
        server, database = target.cpu_ms - server, tree_ms(system.postgres) - database
        if is_new:
            self._booked[name] += len(answers.seconds)
        return as_figures(answers, server, database, scenario.due)


def as_figures(answers: Answers, server_ms: float, database_ms: float, due: int) -> Figures:
    """Return what a run came to; each answer with another status than the one that is `due` is an error."""
    number = len(answers.seconds)
    return Figures(
        requests=number,
        per_second=number / answers.wall,
        p50=percentile(answers.seconds, 0.5) * 1000,
        p99=percentile(answers.seconds, 0.99) * 1000,
        server=server_ms / number,
        database=database_ms / number,
        client=answers.cpu * 1000 / number,
        errors=number - answers.statuses[due],
    )


def _line(what: str, figures: Figures, ratio: float | None) -> str:
    return (
        f"{what:34} {figures.per_second:8.0f} {figures.p50:8.2f} {figures.p99:8.2f} {figures.server:7.3f} "
        f"{figures.database:7.3f} {figures.client:7.3f} {figures.errors:6.0f} "
        + (f"{ratio:6.2f}" if ratio else "")
    )
