"""What the overview says: what is wrong, in sentences, and each queue with its last hour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from eventhub.models.jobs import Queue
from eventhub.models.operations import ProcessKind
from eventhub.services.operations.stats import Backlog, Backlogs, ForPeople, Rate, RunningProcess
from eventhub.web.ops import charts
from eventhub.web.ops.charts import Bars
from eventhub.web.ops.render import counted, duration

LATE_SECONDS = 60.0  # that the oldest due job of a queue may wait before the page says so
VERY_LATE_SECONDS = 300.0
RECENT_MINUTES = 5


@dataclass(frozen=True)
class Concern:
    """Something that a person should look at: `bad` where things stand still or money does."""

    text: str
    is_bad: bool = False
    path: str = ""


@dataclass(frozen=True)
class QueueLine:
    """A queue: its backlog, its last hour in bars, and the last minutes in numbers."""

    backlog: Backlog
    rate: Bars
    per_minute: float
    refused: int
    latency: Bars
    median_seconds: float | None
    slowest_seconds: float | None


def concerns(processes: Sequence[RunningProcess], backlogs: Backlogs, for_people: ForPeople) -> list[Concern]:
    """Return what is wrong, the worst first."""
    found = [*_of_processes(processes), *_of_queues(backlogs), *_of_people(backlogs, for_people)]
    return sorted(found, key=lambda concern: not concern.is_bad)


def _of_processes(processes: Sequence[RunningProcess]) -> Iterator[Concern]:
    live = [process for process in processes if process.is_live]
    done = {queue for process in live for queue in process.queues}
    if idle := [queue for queue in map(str, Queue) if queue not in done]:
        what = "any queue" if len(idle) == len(Queue) else f"the queue{'s' * (len(idle) > 1)} {_listed(idle)}"
        yield Concern(f"No worker does {what}: start one.", is_bad=True)
    if not any(process.kind == ProcessKind.CLOCK for process in live):
        yield Concern("No clock runs: nothing expires, begins or ends on time.", is_bad=True)
    for process in processes:
        if not process.is_live:
            yield Concern(f"The {process.kind} process {process.pid} on {process.host} has fallen silent.")
    versions = sorted({process.version for process in live})
    if len(versions) > 1:
        yield Concern(f"Processes of several versions run: {_listed(versions)}. A deploy may be under way.")


def _of_queues(backlogs: Backlogs) -> Iterator[Concern]:
    for queue in backlogs.queues:
        late = queue.oldest_due_seconds or 0.0
        if late >= LATE_SECONDS:
            yield Concern(
                f"The queue {queue.queue} is late: its oldest due job has waited for {duration(late)}.",
                is_bad=late >= VERY_LATE_SECONDS,
            )


def _of_people(backlogs: Backlogs, for_people: ForPeople) -> Iterator[Concern]:
    if failed := sum(queue.failed for queue in backlogs.queues):
        yield Concern(f"{counted(failed, 'job has', 'jobs have')} failed.", path="/ops/failed/")
    counts = for_people.counts
    if number := counts["failed_refunds"]:
        yield Concern(
            f"{counted(number, 'refund has', 'refunds have')} failed.",
            is_bad=True,
            path="/ops/waiting/#failed_refunds",
        )
    if number := counts["disputes"]:
        yield Concern(
            f"{counted(number, 'dispute is', 'disputes are')} open: the bank waits for evidence.",
            is_bad=True,
            path="/ops/waiting/#disputes",
        )
    if number := counts["refunds_by_hand"]:
        yield Concern(
            f"{counted(number, 'refund has', 'refunds have')} to be made by hand.",
            path="/ops/waiting/#refunds_by_hand",
        )


def queue_lines(backlogs: Backlogs, rates: Sequence[Rate], now: datetime) -> list[QueueLine]:
    """Return a line for each queue."""
    minutes = {rate.queue: rate.minutes for rate in rates}
    return [
        _line(backlog, charts.by_minute(minutes.get(backlog.queue, ()), now)) for backlog in backlogs.queues
    ]


def _line(backlog: Backlog, slots: Sequence[charts.Slot]) -> QueueLine:
    hour = [slot for slot in slots if slot is not None]
    recent = [slot for slot in slots[-RECENT_MINUTES:] if slot is not None]
    return QueueLine(
        backlog=backlog,
        rate=charts.bars(
            [slot.ended if slot else 0 for slot in slots], [slot.not_done if slot else 0 for slot in slots]
        ),
        per_minute=sum(slot.ended for slot in recent) / RECENT_MINUTES,
        refused=sum(slot.not_done for slot in hour),
        latency=charts.bars(
            [slot.slowest_seconds if slot else 0 for slot in slots],
            [slot.median_seconds if slot else 0 for slot in slots],
        ),
        median_seconds=hour[-1].median_seconds if hour else None,
        slowest_seconds=max((slot.slowest_seconds for slot in hour), default=None),
    )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
