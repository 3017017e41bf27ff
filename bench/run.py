"""`make bench`: what a request costs on this machine, as a multiple of the least that it could cost here.

Starts PostgreSQL (durable commits), Valkey, two web processes of Event Hub and two of the ceiling (bench/ceiling.py) in
a temporary folder, fills in a year of events and bookings, and asks both the same in turns. `server`, `db` and `client`
are CPU milliseconds for each request; `ratio` is server and db together as a multiple of the ceiling's, the median over
the runs. Ratios are what to compare on a noisy machine, and only within one run of this program.

    make bench                                            every scenario, the rush, and the pipeline
    make bench ARGS="--runs 1 --scenarios list,book --pipeline none"
    make bench ARGS="--size large --json large.json"

Scenarios: {scenarios}; rush. By name only, and without a ceiling: {more}.
Parts of the pipeline: burst and steady (payments to their invoices), flash (10,000 people on 500 seats), mails.
"""

import argparse
import asyncio
import json
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import psutil

from bench import sales
from bench.compare import HEAD, Comparison, check_alike
from bench.pipeline import Flow, Pipeline, row_bytes
from bench.scenarios import MORE, SCENARIOS
from bench.seed import SIZES
from bench.system import System, running

PARTS = ("burst", "steady", "flash", "mails")
RUSH = "rush"


def measure(system: System, args: argparse.Namespace) -> dict[str, Any]:
    """Run everything that is asked for; return the figures."""
    found: dict[str, Any] = {"scenarios": {}, "sales": {}, "pipeline": {}}
    check_alike(system)
    print(HEAD, flush=True)
    comparison = Comparison(system, args.seconds, args.runs)
    for scenario in [*SCENARIOS, *MORE]:
        if scenario.name in args.scenarios:
            runs = comparison.run(scenario)
            found["scenarios"][scenario.name] = {
                name: [run.as_dict() for run in each] for name, each in runs.items()
            }
    if RUSH in args.scenarios:
        found["sales"][RUSH] = _as_dicts(sales.rush(system, args.runs))
    if "flash" in args.pipeline:
        found["sales"]["flash"] = _as_dicts(sales.flash(system, args.runs))
    flows = [name for name in ("burst", "steady", "mails") if name in args.pipeline]
    if flows:
        asyncio.run(system.begin_working())
    pipeline = Pipeline(system)
    for name in flows:
        runs = args.runs if name == "burst" else 1
        found["pipeline"][name] = [_print(name, getattr(pipeline, name)()) for _ in range(runs)]
    found["memory"] = system.memory_mb()
    print("PSS       " + ", ".join(f"{name} {size:.0f} MB" for name, size in found["memory"].items()))
    found["row_bytes"] = asyncio.run(row_bytes(system.hub.database_url))
    print("bytes     " + ", ".join(f"{table} {size}" for table, size in found["row_bytes"].items()))
    return found


def _as_dicts(found: Mapping[str, Sequence[sales.Sale]]) -> dict[str, list[dict[str, float]]]:
    for key in ("wall_seconds", "reads_p99"):
        hub, ceiling = (median(getattr(sale, key) for sale in found[name]) for name in ("hub", "ceiling"))
        print(f"  {key}: {hub:.2f} against {ceiling:.2f}, {hub / ceiling:.2f} times")
    return {name: [sale.as_dict() for sale in each] for name, each in found.items()}


def _print(name: str, flow: Flow) -> dict[str, float]:
    print(
        f"{name:9} {flow.number} of them: {flow.per_second:.0f}/s, p50 {flow.p50:.0f} ms, p99 {flow.p99:.0f} ms, unfinished "
        f"{flow.unfinished}; CPU ms each: web {flow.web:.2f}, worker {flow.worker:.2f}, db {flow.database:.2f}",
        flush=True,
    )
    return flow.as_dict()


async def _postgresql(url: str) -> str:
    connection = await asyncpg.connect(url)
    found: str = await connection.fetchval("SHOW server_version")
    await connection.close()
    return found


def _circumstances(system: System, args: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "size": args.size,
        "rows": system.size.rows,
        "runs": args.runs,
        "seconds": args.seconds,
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "versions": {
            "Python": platform.python_version(),
            "PostgreSQL": asyncio.run(_postgresql(system.hub.database_url)).split()[0],
            **{name: version(name) for name in ("aiohttp", "asyncpg", "uvloop")},
        },
        "command": f'make bench ARGS="--size {args.size} --runs {args.runs} --seconds {args.seconds:g}"',
    }


def _names(known: Sequence[str]) -> Any:
    def read(text: str) -> list[str]:
        if text in {"all", "none"}:
            return list(known) if text == "all" else []
        names = text.split(",")
        if unknown := set(names) - {*known, *(scenario.name for scenario in MORE)}:
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not among {', '.join(known)}")
        return names

    return read


def main() -> None:
    names = [scenario.name for scenario in SCENARIOS]
    told = (__doc__ or "").format(
        scenarios=", ".join(names), more=", ".join(scenario.name for scenario in MORE)
    )
    parser = argparse.ArgumentParser(
        description=told, formatter_class=argparse.RawDescriptionHelpFormatter, prog="python -m bench.run"
    )
    parser.add_argument(
        "--size",
        choices=SIZES,
        default="small",
        help="large has ten times the rows of small (the default), tiny a tenth: to see that all of this runs",
    )
    parser.add_argument("--runs", type=int, default=3, help="of each scenario on each target (default: 3)")
    parser.add_argument("--seconds", type=float, default=3.0, help="that a run takes (default: 3)")
    everything = [*names, RUSH]
    parser.add_argument("--scenarios", type=_names(everything), default=everything, help="default: all")
    parser.add_argument(
        "--pipeline", type=_names(PARTS), default=list(PARTS), help="its parts (default: all)"
    )
    parser.add_argument("--json", type=Path, help="the file to write all figures to")
    args = parser.parse_args()
    # So that what it started ends with it, as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with running(SIZES[args.size]) as system:
        found = _circumstances(system, args) | measure(system, args)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
