"""`python -m bench.report small.json large.json`: the tables and the chart of docs/performance.md, from what bench.run wrote.

Only what stands between the markers of that file is replaced; the words around it are people's.
"""

import argparse
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.chart import Bar, Group, draw
from bench.figures import Figures, cpu_ratio, medians
from bench.scenarios import ANONYMOUS, CEILING, SCENARIOS, SIGNED_IN, Scenario

DOCS = Path(__file__).parent.parent / "docs"
TEXT, CHART = DOCS / "performance.md", DOCS / "performance.svg"
MARKS = "<!-- written by bench.report: {} -->", "<!-- end: {} -->"
WALL_TARGETS = {"rush": 1.7, "flash": 2.0}
SALES = {"rush": "400 people, 50 seats", "flash": "10,000 people, 500 seats"}
READS_P99, BURST, STEADY_P50, PSS_MB, GROWTH = 50, 600, 20, 90, 1.2

Run = Mapping[str, Any]


def figures(run: Run, scenario: Scenario) -> dict[str, list[Figures]]:
    """Return the runs of a scenario by who asked; none where it was left out."""
    found = run["scenarios"].get(scenario.name, {})
    return {name: [Figures(**each) for each in runs] for name, runs in found.items()}


def ratio(run: Run, scenario: Scenario, name: str) -> float | None:
    found = figures(run, scenario)
    return cpu_ratio(found[name], found[CEILING]) if name in found else None


def held(value: float, target: float | None, *, most: bool = True) -> str:
    """Return a value in bold where it misses its target, with the target behind it."""
    text = f"{value:.2f}" if value < 10 and isinstance(value, float) else f"{value:,.0f}"
    if target is None:
        return text
    is_held = value <= target if most else value >= target
    return f"{text if is_held else f'**{text}**'} ({'≤' if most else '≥'} {target:,g})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def requests(run: Run) -> str:
    """Return the table of scenarios."""
    rows = []
    for scenario in SCENARIOS:
        found = {name: medians(runs) for name, runs in figures(run, scenario).items()}
        if not found:
            continue
        row = [scenario.text, f"{found[CEILING].per_second:,.0f} · {_cpu(found[CEILING])}"]
        for name in (ANONYMOUS, SIGNED_IN):
            if name not in found:
                row += ["", ""]
                continue
            value = ratio(run, scenario, name)
            assert value is not None
            each = found[name]
            row += [
                f"{each.per_second:,.0f} · {_cpu(each)} · {each.p50:.1f} / {each.p99:.1f}",
                held(value, scenario.targets[name]),
            ]
        errors, client = (
            sum(each.errors for each in found.values()),
            median(each.client for each in found.values()),
        )
        rows.append([*row, f"{client:.3f}", f"{errors:.0f}"])
    return table(
        ["", "ceiling", "anonymous", "x ceiling", "signed in", "x ceiling", "client", "errors"], rows
    )


def _cpu(each: Figures) -> str:
    return f"{each.server:.2f} + {each.database:.2f}"


def sales(run: Run) -> str:
    """Return the table of sales."""
    rows = []
    for name, text in SALES.items():
        if name not in run["sales"]:
            continue
        hub, ceiling = (run["sales"][name][target] for target in ("hub", "ceiling"))
        value = {key: median(sale[key] for sale in hub) for key in hub[0]}
        wall = median(sale["wall_seconds"] for sale in ceiling)
        rows.append(
            [
                text,
                f"{wall:.2f} s",
                f"{value['wall_seconds']:.2f} s",
                held(_wall_ratio(run, name), WALL_TARGETS[name]),
                f"{value['sold_out_seconds']:.2f} s",
                f"{value['p50']:.0f} / {value['p99']:.0f} ms",
                f"{value['reads_before_p50']:.1f} / {value['reads_before_p99']:.1f} ms",
                f"{value['reads_p50']:.1f} / {held(value['reads_p99'], READS_P99 if name == 'flash' else None)} ms",
                f"{sum(sale['oversold'] for sale in hub):.0f}, {sum(sale['errors'] for sale in hub):.0f}",
            ]
        )
    head = [
        "",
        "ceiling's wall",
        "wall",
        "x ceiling",
        "sold out after",
        "buyers p50 / p99",
        "others' reads before",
    ]
    return table([*head, "others' reads during", "oversold, errors (all runs)"], rows)


def _wall_ratio(run: Run, name: str) -> float:
    pairs = zip(*(run["sales"][name][target] for target in ("hub", "ceiling")), strict=True)
    return median(hub["wall_seconds"] / ceiling["wall_seconds"] for hub, ceiling in pairs)


def pipeline(run: Run) -> str:
    """Return the table of what goes through workers."""
    texts = {
        "burst": "500 payments at once, to their invoices",
        "steady": "payments at 10 a second",
        "mails": "2,000 mails, composed and handed over",
    }
    targets: dict[str, tuple[float | None, float | None]] = {
        "burst": (BURST, None),
        "steady": (None, STEADY_P50),
    }
    rows = []
    for name, flows in run["pipeline"].items():
        value = {key: median(flow[key] for flow in flows) for key in flows[0]}
        per_second, p50 = targets.get(name, (None, None))
        rows.append(
            [
                texts[name],
                held(value["per_second"], per_second, most=False),
                held(value["p50"], p50),
                f"{value['p99']:,.0f}",
                *(f"{value[part]:.2f}" for part in ("web", "worker", "database")),
                f"{sum(flow['unfinished'] for flow in flows):.0f}",
            ]
        )
    return table(["", "a second", "p50 ms", "p99 ms", "web", "worker", "database", "unfinished"], rows)


def growth(small: Run, large: Run) -> str:
    """Return by how much ten times the rows make a request dearer."""
    rows = []
    for scenario in SCENARIOS:
        before, after = figures(small, scenario), figures(large, scenario)
        if before and after:
            grown = {name: medians(after[name]).cpu / medians(before[name]).cpu for name in before}
            hub = (held(grown[name], GROWTH) if name in grown else "" for name in (ANONYMOUS, SIGNED_IN))
            rows.append([scenario.text, f"{grown[CEILING]:.2f}", *hub])
    return table(["", "ceiling", "anonymous", "signed in"], rows)


def memory(run: Run) -> str:
    return table(
        ["process", "PSS in MB"],
        [
            [name, held(round(size), None if "master" in name else PSS_MB)]
            for name, size in run["memory"].items()
        ],
    )


def circumstances(runs: Sequence[Run]) -> str:
    """Return when, where and how this was measured."""
    first = runs[0]
    versions = ", ".join(f"{name} {number}" for name, number in first["versions"].items())
    where = (
        f"Measured on {first['date']} on a machine with {first['cores']} cores and {first['memory_gb']} GB, which servers, "
        f"PostgreSQL and client share; {versions}. Medians of {first['runs']} runs of {first['seconds']:g} s."
    )
    return "\n".join([where, "", *(f"- {run['size']}: {run['rows']}; `{run['command']}`" for run in runs)])


def chart(runs: Sequence[Run]) -> str:
    """Return the picture of all ratios."""
    panels = {}
    for run in runs:
        groups = []
        for scenario in SCENARIOS:
            found = [
                Bar(place, value, scenario.targets[name])
                for place, name in enumerate((ANONYMOUS, SIGNED_IN))
                if name in scenario.targets and (value := ratio(run, scenario, name)) is not None
            ]
            if found:
                groups.append(Group(scenario.text, found))
        groups += [
            Group(text, [Bar(1, _wall_ratio(run, name), WALL_TARGETS[name])])
            for name, text in SALES.items()
            if all(name in each["sales"] for each in runs)
        ]
        panels[f"{run['size']}: {run['rows'].split(', ')[0]}"] = groups
    return draw(
        panels,
        (ANONYMOUS, SIGNED_IN),
        "Server and database CPU per request (sales: wall time), times the ceiling's",
    )


def replaced(text: str, parts: Mapping[str, str]) -> str:
    """Return the text with each part between its markers. Raises ValueError where a part has none."""
    for name, part in parts.items():
        begin, end = (mark.format(name) for mark in MARKS)
        if begin not in text or end not in text:
            raise ValueError(f"There are no markers for {name}.")
        text = re.sub(
            f"(?s){re.escape(begin)}.*?{re.escape(end)}", lambda _, new=f"{begin}\n{part}\n{end}": new, text
        )
    return text


def parts_of(runs: Sequence[Run]) -> dict[str, str]:
    """Return the generated parts by the names of their markers."""
    parts = {"circumstances": circumstances(runs), "sales": sales(runs[0]), "pipeline": pipeline(runs[0])}
    parts |= {f"requests, {run['size']}": requests(run) for run in runs}
    parts["memory"] = memory(runs[0])
    if len(runs) == 2:
        parts["growth"] = growth(*runs)
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="+", type=Path, help="what `bench.run --json` wrote, small before large"
    )
    args = parser.parse_args()
    runs = [json.loads(file.read_text()) for file in args.files]
    TEXT.write_text(replaced(TEXT.read_text(), parts_of(runs)))
    CHART.write_text(chart(runs))


if __name__ == "__main__":
    main()
