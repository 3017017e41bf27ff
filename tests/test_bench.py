"""The parts of the benchmark that could be wrong without anybody seeing it: percentiles, ratios, requests, the report."""

import asyncio
import itertools
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from aiohttp import web

from bench import report
from bench.chart import Bar, Group, draw
from bench.client import Answers, ask_at_rate, ask_in_turn
from bench.compare import as_figures
from bench.figures import Figures, cpu_ratio, medians, percentile
from bench.pipeline import Flow
from bench.sales import Sale
from bench.scenarios import CEILING, SCENARIOS, booking
from bench.seed import SMALL

FIGURES = Figures(
    requests=100, per_second=50.0, p50=1.0, p99=2.0, server=0.2, database=0.1, client=0.01, errors=0
)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(share: float, expected: int) -> None:
    values = list(range(1, 101))
    random.Random(1).shuffle(values)
    assert percentile(values, share) == expected


def test_of_a_single_value_each_percentile_is_that_one_and_of_none_there_is_none() -> None:
    assert {percentile([7.0], share) for share in (0.0, 0.5, 0.99, 1.0)} == {7.0}
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_each_figure_has_a_median_of_its_own() -> None:
    runs = [replace(FIGURES, p50=p50, server=server) for p50, server in ((1, 9), (5, 1), (2, 3))]
    assert (medians(runs).p50, medians(runs).server) == (2, 3)


def test_a_ratio_is_of_the_runs_that_took_turns() -> None:
    """A machine that becomes slower in the middle makes both slower: their medians apart would say 1.0 or 4.0."""
    base = [replace(FIGURES, server=server, database=0.0) for server in (1.0, 1.0, 4.0)]
    runs = [replace(FIGURES, server=server, database=0.0) for server in (2.0, 2.0, 8.0)]
    assert cpu_ratio(runs, base) == 2.0
    with pytest.raises(ValueError, match="argument"):
        cpu_ratio(runs, base[:2])


def test_whatever_is_not_due_is_an_error() -> None:
    answers = Answers([0.001, 0.002, 0.003, 0.01], Counter({201: 3, 409: 1}), wall=2.0, cpu=0.004)
    found = as_figures(answers, server_ms=8.0, database_ms=4.0, due=201)
    assert (found.requests, found.per_second, found.errors) == (4, 2.0, 1)
    assert (found.server, found.database, found.client, found.cpu) == (2.0, 1.0, 1.0, 3.0)
    assert (found.p50, found.p99) == (2.0, 10.0)


def test_no_two_bookings_are_of_the_same_person_and_event() -> None:
    lap = SMALL.events // 5
    asked = {
        _without_times(booking(SMALL, number))
        for first in (0, lap, 57 * lap)
        for number in range(first, first + 300)
    }
    assert len(asked) == 900


def _without_times(request: bytes) -> tuple[bytes, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    return head.partition(b"Authorization: ")[2].split(b"\r\n")[0], body


def test_each_target_is_asked_the_same() -> None:
    for scenario in SCENARIOS[:-1]:
        anonymous, again, signed_in = (
            [
                request.split(b"\r\n")[0]
                for request in scenario.requests(SMALL, 50, seed=3, signed_in=signed_in, first=0)
            ]
            for signed_in in (False, False, True)
        )
        assert anonymous == again == signed_in


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that answers each third request by 201, and each fifth in several packets."""
    numbers = itertools.count(1)

    async def answer(_: web.BaseRequest) -> web.Response:
        number = next(numbers)
        await asyncio.sleep(0.01)
        return web.Response(
            body=b"x" * (500_000 if number % 5 == 0 else 20), status=201 if number % 3 == 0 else 200
        )

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_each_request_is_sent_once_and_each_answer_counted(port: int) -> None:
    answers = await ask_in_turn(port, iter([GET] * 30), 4)
    assert answers.statuses == {200: 20, 201: 10}
    assert len(answers.seconds) == 30
    assert all(0.01 <= each <= answers.wall for each in answers.seconds)
    assert 0 < answers.last_created_at <= answers.wall


async def test_requests_that_are_due_do_not_wait_for_the_answers_before_them(port: int) -> None:
    answers = await ask_at_rate(port, iter([GET] * 30), 300.0)
    assert answers.statuses == {200: 20, 201: 10}
    # One after the other they would take 0.3 s.
    assert 29 / 300 <= answers.wall < 0.3


async def test_a_server_that_leaves_in_the_middle_ends_the_run() -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(leave, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ConnectionError, match="closed a connection"):
            await ask_in_turn(port, iter([GET] * 3), 1)
        with pytest.raises(ConnectionError, match="closed a connection"):
            await ask_at_rate(port, iter([GET] * 3), 100.0)


SALE = Sale(
    wall_seconds=3.0,
    sold=500,
    oversold=0,
    errors=0,
    sold_out_seconds=0.5,
    p50=10.0,
    p99=90.0,
    reads_before_p50=1.0,
    reads_before_p99=2.0,
    reads_p50=3.0,
    reads_p99=70.0,
)
FLOW = Flow(number=500, per_second=700, p50=400, p99=900, web=1, worker=2, database=3, unfinished=0)


def measured(size: str, database: float = 0.2) -> dict[str, Any]:
    """Return what a run writes, where Event Hub costs twice what the ceiling does."""
    hub = [replace(FIGURES, server=0.4, database=database).as_dict()] * 3
    runs = {
        each.name: {CEILING: [FIGURES.as_dict()] * 3, **dict.fromkeys(each.targets, hub)}
        for each in SCENARIOS
    }
    fast = replace(SALE, wall_seconds=1.0).as_dict()
    return {
        "date": "2026-01-02",
        "size": size,
        "rows": "10 events, 20 bookings",
        "runs": 3,
        "seconds": 2.0,
        "cores": 2,
        "memory_gb": 8,
        "versions": {"Python": "3.11"},
        "command": "make bench",
        "scenarios": runs,
        "sales": {name: {"ceiling": [fast], "hub": [SALE.as_dict()]} for name in ("rush", "flash")},
        "pipeline": {name: [FLOW.as_dict()] for name in ("burst", "steady", "mails")},
        "memory": {"web, master": 120.0, "web, child 1": 95.0},
    }


def test_the_report_says_each_ratio_and_which_targets_are_missed() -> None:
    parts = report.parts_of([measured("small"), measured("large", database=0.6)])
    lines = {
        line.split(" | ")[0].removeprefix("| "): line for part in parts.values() for line in part.splitlines()
    }
    [detail] = [line for line in parts["requests, small"].splitlines() if "an event, of all" in line]
    assert "**2.00** (≤ 1.2)" in detail
    assert "| 2.00 (≤ 2) |" in detail
    assert "**3.00** (≤ 2)" in lines["10,000 people, 500 seats"]
    assert "**70** (≤ 50)" in lines["10,000 people, 500 seats"]
    assert "700 (≥ 600)" in lines["500 payments at once, to their invoices"]
    assert "**400** (≤ 20)" in lines["payments at 10 a second"]
    assert lines["web, child 1"].endswith("**95** (≤ 90) |")
    assert lines["web, master"].endswith("| 120 |")
    [grown] = [line for line in parts["growth"].splitlines() if "list of events" in line]
    assert grown == "| list of events, 20 rows | 1.00 | **1.67** (≤ 1.2) | **1.67** (≤ 1.2) |"


def test_only_what_is_between_the_markers_is_replaced() -> None:
    begin, end = (mark.format("sales") for mark in report.MARKS)
    text = f"Before\n{begin}\nold\n{end}\nafter \\1"
    assert report.replaced(text, {"sales": "new \\1"}) == f"Before\n{begin}\nnew \\1\n{end}\nafter \\1"
    with pytest.raises(ValueError, match="markers for memory"):
        report.replaced(text, {"memory": ""})


def test_the_document_has_a_place_for_each_part() -> None:
    report.replaced(report.TEXT.read_text(), report.parts_of([measured("small"), measured("large")]))


def test_bars_begin_at_0_and_end_where_their_values_are() -> None:
    groups = [Group("a < b", [Bar(0, 1.0, 2.0), Bar(1, 3.0, None)])]
    picture = ET.fromstring(draw({"one": groups}, ("x", "y"), "Title & more"))
    widths = {
        each.get("class"): float(each.get("width", 0))
        for each in picture.iter("{http://www.w3.org/2000/svg}rect")
    }
    assert widths["b1"] == pytest.approx(3 * widths["b0"], abs=0.2)


@pytest.mark.long
def test_it_runs(tmp_path: Path) -> None:
    """Its rows fit the schema, the ceiling answers as Event Hub does, and the report reads what it writes."""
    file, names = tmp_path / "tiny.json", ["list", "filter", "rare", "detail", "statistics", "mine", "book"]
    command = [sys.executable, "-m", "bench.run", "--size", "tiny", "--runs", "1", "--seconds", "0.2"]
    asked = ["--scenarios", ",".join([*names, "rush"]), "--pipeline", "steady", "--json", str(file)]
    with subprocess.Popen([*command, *asked]) as bench:
        try:
            assert bench.wait(timeout=150) == 0
        finally:
            bench.terminate()  # and what it has started
    run = json.loads(file.read_text())
    assert list(run["scenarios"]) == names
    figures = [each for scenario in run["scenarios"].values() for runs in scenario.values() for each in runs]
    assert [each["errors"] for each in figures] == [0] * len(figures)
    [sale] = run["sales"]["rush"]["hub"]
    assert (sale["sold"], sale["oversold"], sale["errors"]) == (50, 0, 0)
    assert run["pipeline"]["steady"][0]["unfinished"] == 0
    assert "400 people" in report.sales(run)
    assert "payments at 10 a second" in report.pipeline(run)
    assert report.chart([run]).startswith("<svg")
