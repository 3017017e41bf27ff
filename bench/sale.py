"""`python -m bench.sale`: a contended sale, with ticket types and without: who gets the seats, and how long everybody waits.

5,000 people want one of 500 seats at once, 400 at a time, through two web processes: first a standard ticket, then a
ticket of one of three types, whose capacities add up to more than the seats. The two take turns, so that they are
measured alike; exactly 500 are sold each time, and no type sells more than it has.
"""

import argparse
import asyncio
from statistics import median

import asyncpg

from bench.sales import Sale, hold, new_event
from bench.system import System, running

BUYERS = 5_000
SEATS = 500
AT_ONCE = 400
CAPACITIES = (200, 250, 300)
_TYPES = """
INSERT INTO ticket_types (event_id, name, price, capacity, created_at, updated_at)
SELECT $1, 'Type ' || capacity, 20, capacity, now(), now() FROM unnest($2::int[]) AS capacity RETURNING id
"""
_OVERSOLD = "SELECT count(*) FROM ticket_types WHERE event_id = $1 AND seats_held > capacity"


def _sell(system: System, *, with_types: bool) -> Sale:
    """Hold one sale and print its line."""
    event = asyncio.run(new_event(system.hub.database_url, SEATS))
    types = asyncio.run(_fetch(system, _TYPES, event, CAPACITIES)) if with_types else []
    wanted = [{"items": [{"ticket_type": each, "quantity": 1}]} for each in types] or [{}]
    sale = hold(system, system.hub, event, people=BUYERS, seats=SEATS, at_once=AT_ONCE, bodies=wanted)
    [over] = asyncio.run(_fetch(system, _OVERSOLD, event))
    print(
        f"{'three types' if with_types else 'standard ticket':16} wall {sale.wall_seconds:5.2f} s, p50 {sale.p50:5.0f} ms, "
        f"p99 {sale.p99:5.0f} ms; sold {sale.sold}, types oversold {over}, errors {sale.errors}",
        flush=True,
    )
    if (sale.sold, over, sale.errors) != (SEATS, 0, 0):
        raise SystemExit("not exactly the seats were sold")
    return sale


async def _fetch(system: System, sql: str, *args: object) -> list[int]:
    connection = await asyncpg.connect(system.hub.database_url)
    rows = await connection.fetch(sql, *args)
    await connection.close()
    return [row[0] for row in rows]


def measure(system: System, laps: int) -> None:
    """Hold the two sales in turns, and print the medians of what types cost."""
    _sell(system, with_types=True)  # to warm up
    found = [(_sell(system, with_types=False), _sell(system, with_types=True)) for _ in range(laps)]
    wall = median(typed.wall_seconds / plain.wall_seconds for plain, typed in found)
    tail = median(typed.p99 / plain.p99 for plain, typed in found)
    print(f"with types: {wall:.2f} times the wall time, {tail:.2f} times the p99 (medians of {laps} pairs)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--laps", type=int, default=5, help="how often either sale is held (default: 5)")
    args = parser.parse_args()
    with running() as system:
        measure(system, args.laps)


if __name__ == "__main__":
    main()
