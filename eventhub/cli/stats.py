"""`eventhub stats` prints what runs, waits, was sold and is owed; `eventhub booking` one booking's story."""

import argparse
import asyncio
from collections.abc import Iterator, Sequence

from eventhub.cli.data_dir import settings_for_tools
from eventhub.cli.opening import open_database
from eventhub.cli.tables import age, as_json, cell, moment, size, table
from eventhub.errors import EventHubError, NotFound
from eventhub.services.operations import actions, stats, story
from eventhub.services.operations.actions import Action
from eventhub.services.operations.stats import ForPeople, OpenPayment, Overview
from eventhub.services.operations.story import Story
from eventhub.settings import Settings

_FOR_PEOPLE = {
    "refunds_by_hand": "refunds to make by hand",
    "failed_refunds": "refunds that failed",
    "transfers": "transfers under way",
    "disputes": "open disputes",
}


def show_stats(args: argparse.Namespace) -> int:
    with settings_for_tools() as settings:
        found = asyncio.run(_read_stats(settings))
    print(as_json(found) if args.json else "\n\n".join(_tables(found)))
    return 0


async def _read_stats(settings: Settings) -> Overview:
    async with open_database(settings) as database:
        return await stats.overview(database)


def _tables(found: Overview) -> Iterator[str]:
    at = found.store.now
    yield table(
        [
            (
                one.kind,
                one.host,
                one.pid,
                one.version,
                age((at - one.started_at).total_seconds()),
                "live" if one.is_live else f"silent for {age((at - one.seen_at).total_seconds())}",
                one.queues or "",
            )
            for one in found.processes
        ],
        ("process", "host", "pid", "version", "runs for", "heartbeat", "queues"),
    )
    ended = {rate.queue: rate.minutes for rate in found.rates}
    yield table(
        [
            (
                one.queue,
                one.waiting,
                one.due,
                one.running,
                one.failed,
                age(one.oldest_due_seconds),
                sum(minute.ended for minute in ended.get(one.queue, ())),
                age(max((minute.slowest_seconds for minute in ended.get(one.queue, ())), default=None)),
            )
            for one in found.backlogs.queues
        ],
        ("queue", "waiting", "due", "running", "failed", "oldest due", "ended in 60 min", "slowest"),
    )
    if found.backlogs.kinds:
        yield table(
            [
                (
                    one.kind,
                    one.queue,
                    one.waiting,
                    one.due,
                    one.running,
                    one.failed,
                    age(one.oldest_due_seconds),
                )
                for one in found.backlogs.kinds
            ],
            ("kind", "queue", "waiting", "due", "running", "failed", "oldest due"),
        )
    yield table(_facts(found).items())
    if found.money:
        yield table(
            [(one.status, one.currency, one.payments, one.amount) for one in found.money],
            ("payments", "currency", "number", "amount"),
        )
    yield from _for_people(found.for_people)


def _facts(found: Overview) -> dict[str, object]:
    return {
        "events": found.sales.events or "none",
        "seats": f"{found.sales.seats_taken} of {found.sales.seats} taken, {found.sales.seats_held} of them held only",
        "bookings pending": found.sales.bookings_pending,
        "people waiting": found.sales.waiting,
        "owed": {name: number for name, number in vars(found.owed).items() if number} or "nothing",
        "database": f"{found.store.name}, {size(found.store.size_bytes)}, PostgreSQL {found.store.server_version}",
        "schema": found.store.schema_version,
    }


def _for_people(found: ForPeople) -> Iterator[str]:
    if not any(found.counts.values()) and not found.failed_jobs:
        yield "Nothing waits for a person."
        return
    if found.failed_jobs:
        yield f"Failed jobs: {found.failed_jobs} (`eventhub jobs`)"
    for name, text in _FOR_PEOPLE.items():
        payments: Sequence[OpenPayment] = getattr(found, name)
        if payments:
            rows = [
                (
                    one.payment_id,
                    one.booking_id,
                    f"{one.amount} {one.currency}",
                    one.transaction_id,
                    one.since,
                    one.event_title,
                    one.error,
                )
                for one in payments
            ]
            yield f"{text.capitalize()}: {found.counts[name]}\n" + table(
                rows, ("payment", "booking", "amount", "transaction", "since", "event", "")
            )


def show_booking(args: argparse.Namespace) -> int:
    with settings_for_tools() as settings:
        found = asyncio.run(_read_booking(settings, args.id))
    print(as_json(found) if args.json else _told(found))
    return 0


async def _read_booking(settings: Settings, booking_id: int) -> Story:
    async with open_database(settings) as database:
        try:
            return await story.tell(database, booking_id)
        except NotFound:
            raise EventHubError(f"No booking has the id {booking_id}.") from None


def _told(found: Story) -> str:
    one = found.booking
    head = {
        "booking": f"{one.id} {one.status}{f' ({one.cancel_reason})' if one.cancel_reason else ''}",
        "event": f"{one.event_id} {one.event_title} ({one.event_status})",
        "user": f"{one.user_id} {one.username} {one.email}",
        "tickets": f"{one.number_of_tickets} for {one.total_price} {one.currency}",
    }
    entries = [
        (
            moment(entry.moment),
            entry.request_id,
            f"{entry.about} {entry.id}",
            entry.what,
            cell({name: value for name, value in entry.details.items() if value is not None}),
        )
        for entry in found.entries
    ]
    return f"{table(head.items())}\n\n{table(entries, ('time (UTC)', 'request', 'row', 'what', ''))}"


def show_actions(args: argparse.Namespace) -> int:
    with settings_for_tools() as settings:
        found = asyncio.run(_read_actions(settings, args.limit))
    if args.json:
        print(as_json(found))
    elif found:
        rows = [
            (moment(one.acted_at), one.actor, one.action, one.subject, one.request_id, dict(one.details))
            for one in found
        ]
        print(table(rows, ("time (UTC)", "who", "did", "to", "request", "")))
    else:
        print("Nobody has done anything by hand.")
    return 0


async def _read_actions(settings: Settings, limit: int) -> tuple[Action, ...]:
    async with open_database(settings) as database:
        return await actions.list_actions(database, limit)
