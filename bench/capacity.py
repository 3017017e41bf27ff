"""From people and events per day to processes, connections, disk and money: a model on paper, with what was measured.

    python -m bench.capacity --people 50000 --events 300 --sales 20000

CPU costs are those of `make bench` (docs/scaling.md says where and when); put in your own. The model sizes for the
busiest hour, and keeps every core below UTILIZATION in it, so that the line before it stays short.
"""

import argparse
import math
from dataclasses import dataclass

UTILIZATION = 0.6
BUSIEST_HOUR = 0.15  # the part of a day's work that comes in its busiest hour
RUSH = 3.0  # what the busiest minutes of that hour have over its mean
POOL, PUBLIC_POOL, CLOCK_POOL, OWN = 10, 6, 4, 1  # connections of a process (docs/operations.md)


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds that one of something takes of web, worker and PostgreSQL, its jobs included."""

    web: float
    worker: float
    database: float


# Measured by `make bench` on 2 shared cores; see docs/scaling.md.
COSTS = {
    "page from the cache": Cost(0.05, 0, 0.0),
    "page of one's own": Cost(0.30, 0, 0.13),
    "search": Cost(0.45, 0, 1.35),
    "sign-in": Cost(22, 0, 0.3),
    "booking": Cost(0.90, 1.0, 2.2),
    "payment": Cost(1.05, 2.3, 4.3),
    "mail": Cost(0, 3.5, 1.2),
    "certificate": Cost(0, 35, 1.5),
}
# Bytes of a row with its part of the indexes, and how many of each a sale, a person or an event brings.
BYTES = {
    "booking": 340,
    "payment": 1000,
    "invoice": 950,
    "notification": 650,
    "job_log": 330,
    "mailed_notice": 370,
    "event": 3100,
    "person": 1200,
    "certificate": 500,
}
CERTIFICATE_FILE_BYTES = 60_000


@dataclass(frozen=True)
class Day:
    """What happens in a day."""

    people: int
    events: int
    sales: int
    paid: float
    pages: float

    @property
    def work(self) -> dict[str, float]:
        """How often each of COSTS is called for."""
        pages = self.people * self.pages
        return {
            "page from the cache": pages * 0.6,
            "page of one's own": pages * 0.3,
            "search": pages * 0.1,
            "sign-in": self.people * 0.2,
            "booking": self.sales,
            "payment": self.sales * self.paid,
            # Confirmation, money with its invoice, reminder, survey.
            "mail": self.sales * (3 + 2 * self.paid),
            "certificate": self.sales * 0.5,
        }

    @property
    def bytes_a_year(self) -> float:
        mails = self.work["mail"]
        rows = {
            "booking": self.sales,
            "payment": self.sales * self.paid,
            "invoice": self.sales * self.paid,
            "notification": mails,
            "event": self.events,
            "person": self.people * 0.1,
            "certificate": self.work["certificate"],
        }
        return 365 * sum(BYTES[name] * number for name, number in rows.items())

    @property
    def bytes_of_logs(self) -> float:
        """What job_log keeps for its 14 days, and mailed_notices for their two."""
        jobs = self.work["mail"] + self.sales * (2 + self.paid)
        return 14 * jobs * BYTES["job_log"] + 2 * self.work["mail"] * BYTES["mailed_notice"]


@dataclass(frozen=True)
class Prices:
    """A month of one core with 4 GB, of a GB on disk, of a thousand mails."""

    core: float
    gigabyte: float
    mails: float


def cores(day: Day, part: str) -> float:
    """Return how many cores `part` (web, worker, database) keeps busy in the rush of the busiest hour."""
    ms = sum(getattr(COSTS[name], part) * number for name, number in day.work.items())
    rush = RUSH if part != "worker" else 1.0  # jobs may wait for a minute
    return ms / 1000 * BUSIEST_HOUR / 3600 * rush


def report(day: Day, prices: Prices) -> str:
    """Return the lines to print."""
    busy = {part: cores(day, part) for part in ("web", "worker", "database")}
    # Two of each, so that one may be lost.
    processes = {part: max(2, math.ceil(busy[part] / UTILIZATION)) for part in ("web", "worker")}
    connections = (
        processes["web"] * (POOL + PUBLIC_POOL + OWN)
        + processes["worker"] * (POOL + OWN)
        + 2 * (CLOCK_POOL + OWN)
    )
    database_cores = max(2, math.ceil(busy["database"] / UTILIZATION))
    gigabytes = (day.bytes_a_year + day.bytes_of_logs) / 1e9
    files = day.work["certificate"] * CERTIFICATE_FILE_BYTES * 365 / 1e9
    requests = sum(day.work[name] for name in COSTS if COSTS[name].web)
    month = (
        (processes["web"] + processes["worker"]) * prices.core
        + 2 * database_cores * prices.core  # with a standby
        + (2 * gigabytes + files) * prices.gigabyte
        + day.work["mail"] * 30 / 1000 * prices.mails
    )
    lines = [
        f"requests     {requests:12,.0f} a day, {requests * BUSIEST_HOUR / 3600 * RUSH:,.0f} a second in the rush",
        f"jobs         {day.work['mail'] + day.sales * (1 + day.paid) + day.work['certificate']:12,.0f} a day",
        f"web          {processes['web']:12} processes ({busy['web']:.2f} cores busy in the rush)",
        f"worker       {processes['worker']:12} processes ({busy['worker']:.2f} cores busy in the busiest hour)",
        f"database     {database_cores:12} cores ({busy['database']:.2f} busy in the rush), and a standby like it",
        f"connections  {connections:12}{' (more than 300: take a pooler)' if connections > 300 else ''}",
        f"disk         {gigabytes:12.1f} GB after a year, {files:.1f} GB of certificates",
        f"money        {month:12,.0f} a month",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=50_000, help="who come in a day (default: 50,000)")
    parser.add_argument("--events", type=int, default=300, help="published in a day (default: 300)")
    parser.add_argument("--sales", type=int, default=20_000, help="bookings in a day (default: 20,000)")
    parser.add_argument("--paid", type=float, default=0.6, help="the part of bookings that cost something")
    parser.add_argument("--pages", type=float, default=12, help="requests for pages that a person makes")
    parser.add_argument("--core", type=float, default=20, help="a month of a core with 4 GB (default: 20)")
    parser.add_argument("--gigabyte", type=float, default=0.1, help="a month of a GB on disk (default: 0.1)")
    parser.add_argument("--mails", type=float, default=0.1, help="a thousand mails (default: 0.1)")
    args = parser.parse_args()
    day = Day(args.people, args.events, args.sales, args.paid, args.pages)
    print(report(day, Prices(args.core, args.gigabyte, args.mails)))


if __name__ == "__main__":
    main()
