"""Many people want the few seats of one event: a rush of 400 and a flash sale of 10,000, on both servers in turns."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import asyncpg

from bench.figures import percentile
from bench.seed import FIRST_BUYER
from bench.system import BUYERS, System, Target, request

SEATS_OF_RUSH, PEOPLE_OF_RUSH = 50, 400
SEATS_OF_FLASH, AT_ONCE = 500, 400
READS_PER_SECOND = 50.0
_COLUMNS = """
title, description, category, organizer_id, location, is_online, status, start_date, end_date, registration_deadline,
max_attendees, price, currency, timezone, tags, created_at, updated_at
"""
_EVENT = f"""
INSERT INTO events ({_COLUMNS}{{more}})
SELECT 'On sale', '', 'meetup', 1, '', false, 'published', day, day + interval '3 hours', day, $1, 20, currency, timezone, '',
       now(), now(){{values}}
FROM (SELECT now() + interval '30 days' AS day, currency, timezone FROM events WHERE id = 1) AS soon RETURNING id
"""
_HUB_EVENT = _EVENT.format(more=", online_url, published_at", values=", '', now()")
_CEILING_EVENT = _EVENT.format(more="", values="")
_CEILING_BUYERS = """
INSERT INTO users (id, username, password_hash, full_name)
SELECT i, 'buyer' || i, '-', 'Buyer ' || i FROM generate_series($1::bigint, $2::bigint) AS i ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Sale:
    """How one sale went. Milliseconds of answers; `reads` are of other events, before the sale and during it."""

    wall_seconds: float
    sold: int
    oversold: int
    errors: int
    sold_out_seconds: float
    p50: float
    p99: float
    reads_before_p50: float
    reads_before_p99: float
    reads_p50: float
    reads_p99: float

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


async def new_event(database_url: str, seats: int, *, on_ceiling: bool = False) -> int:
    """Return the id of an event that goes on sale now."""
    connection = await asyncpg.connect(database_url)
    event: int = await connection.fetchval(_CEILING_EVENT if on_ceiling else _HUB_EVENT, seats)
    await connection.close()
    return event


async def _held(database_url: str, event: int) -> int:
    connection = await asyncpg.connect(database_url)
    held: int = await connection.fetchval(
        "SELECT coalesce(sum(number_of_tickets), 0) FROM bookings WHERE event_id = $1", event
    )
    await connection.close()
    return held


def hold(
    system: System,
    target: Target,
    event: int,
    *,
    people: int,
    seats: int,
    at_once: int,
    bodies: Sequence[Mapping[str, object]] = ({},),
) -> Sale:
    """Let so many people come at once, each for one ticket as one of `bodies` asks for it, while others read."""
    buyers = [
        request(
            "POST", "/api/bookings/", FIRST_BUYER + number, {"event": event, **bodies[number % len(bodies)]}
        )
        for number in range(people)
    ]
    readers = [
        request("GET", f"/api/events/{1 + number * 7919 % system.size.events}/", 1) for number in range(2000)
    ]
    system.settle()
    bought, before, during = system.client.sale(target.port, buyers, at_once, readers, READS_PER_SECOND)
    held = asyncio.run(_held(target.database_url, event))
    times = {f"p{percent}": percentile(bought.seconds, percent / 100) * 1000 for percent in (50, 99)}
    for name, answers in (("reads_before", before), ("reads", during)):
        times |= {
            f"{name}_p{percent}": percentile(answers.seconds, percent / 100) * 1000 for percent in (50, 99)
        }
    return Sale(
        wall_seconds=bought.wall,
        sold=held,
        oversold=max(0, held - seats),
        errors=people - bought.statuses[201] - bought.statuses[409] + before.failed + during.failed,
        sold_out_seconds=bought.last_created_at,
        **times,
    )


def in_turns(system: System, runs: int, *, people: int, seats: int) -> dict[str, list[Sale]]:
    """Hold the same sale on both, `runs` times in turns; print each. People come from the first buyer on."""
    asyncio.run(_prepare(system.ceiling.database_url))
    found: dict[str, list[Sale]] = {"ceiling": [], "hub": []}
    for _ in range(runs):
        for target in (system.ceiling, system.hub):
            event = asyncio.run(new_event(target.database_url, seats, on_ceiling=target is system.ceiling))
            sale = hold(system, target, event, people=people, seats=seats, at_once=min(people, AT_ONCE))
            found[target.name].append(sale)
            print(
                f"{people} on {seats} seats, {target.name:8} wall {sale.wall_seconds:5.2f} s, sold {sale.sold} within "
                f"{sale.sold_out_seconds:.2f} s, oversold {sale.oversold}, errors {sale.errors}; p50 {sale.p50:.0f} ms, p99 "
                f"{sale.p99:.0f} ms; others' reads p50/p99 {sale.reads_before_p50:.1f}/{sale.reads_before_p99:.1f} ms before, "
                f"{sale.reads_p50:.1f}/{sale.reads_p99:.1f} ms during",
                flush=True,
            )
    return found


async def _prepare(ceiling_url: str) -> None:
    connection = await asyncpg.connect(ceiling_url)
    await connection.execute(_CEILING_BUYERS, FIRST_BUYER, FIRST_BUYER + BUYERS - 1)
    await connection.close()


def rush(system: System, runs: int) -> dict[str, list[Sale]]:
    return in_turns(system, runs, people=PEOPLE_OF_RUSH, seats=SEATS_OF_RUSH)


def flash(system: System, runs: int) -> dict[str, list[Sale]]:
    return in_turns(system, runs, people=BUYERS, seats=SEATS_OF_FLASH)
