"""What a process that is heard of no more was doing is due again at once, and what others do is left to them."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from eventhub.models.operations import ProcessKind
from eventhub.services import jobs
from eventhub.services.heartbeat import GAP_SECONDS, SILENT_SECONDS, Heartbeat
from eventhub.workers.runner import run_jobs
from tests.workers.conftest import WORK, MakeKind, Work, texts


async def a_process(work: Work, *, silent_seconds: float = 0.0, kind: str = "worker") -> UUID:
    """Return the id of a process that was last heard so long ago."""
    own = Heartbeat(work.database, ProcessKind(kind), version="test")
    await own.beat()
    await fall_silent(work, own.id, silent_seconds)
    return own.id


async def fall_silent(work: Work, process_id: UUID, seconds: float = SILENT_SECONDS + 1) -> None:
    await work.database.execute(
        "UPDATE processes SET seen_at = now() - make_interval(secs => $2) WHERE id = $1", process_id, seconds
    )


async def claim(work: Work, process_id: UUID | None, *names: str) -> list[jobs.ClaimedJob]:
    return await jobs.claim(work.database, WORK, await work.enqueue(*names), process_id)


async def bears(work: Work) -> list[UUID | None]:
    return [row["process_id"] for row in await work.rows()]


async def due(work: Work) -> list[int]:
    rows = await work.database.fetch("SELECT id FROM jobs WHERE lease_until <= now() ORDER BY id")
    return [row["id"] for row in rows]


async def test_jobs_of_silent_processes_alone_are_due_again(work: Work) -> None:
    clock = await a_process(work, kind="clock")
    dead, gone, alive = [await a_process(work) for _ in range(3)]
    [of_dead] = await claim(work, dead, "dead")
    [of_gone] = await claim(work, gone, "gone")
    await claim(work, alive, "alive")
    await claim(work, None, "of a worker of the version before")
    await fall_silent(work, dead)
    await work.database.execute("DELETE FROM processes WHERE id = $1", gone)
    assert await jobs.end_leases_of_the_dead(work.database, clock) == 2
    assert await due(work) == [of_dead.id, of_gone.id]
    assert await bears(work) == [None, None, alive, None], "who takes it over may not know of processes"
    assert await jobs.end_leases_of_the_dead(work.database, clock) == 0


@pytest.mark.parametrize("silent_seconds", [GAP_SECONDS + 0.5, None])
async def test_a_clock_that_is_not_heard_itself_judges_nobody(
    work: Work, silent_seconds: float | None
) -> None:
    clock = uuid4() if silent_seconds is None else await a_process(work, silent_seconds=silent_seconds)
    worker = await a_process(work)
    await claim(work, worker, "one")
    await fall_silent(work, worker)
    assert await jobs.end_leases_of_the_dead(work.database, clock) == 0
    assert await due(work) == []


async def test_what_somebody_is_ending_is_not_waited_for(work: Work) -> None:
    clock, worker = await a_process(work, kind="clock"), await a_process(work)
    ending, other = await claim(work, worker, "ending", "other")
    await fall_silent(work, worker)
    async with work.database.transaction() as tx:
        await jobs.finish(tx, ending)
        assert await jobs.end_leases_of_the_dead(work.database, clock) == 1
    assert await due(work) == [other.id]


async def test_a_process_that_is_not_heard_has_its_lease_alone(work: Work) -> None:
    """Its own connection may be refused while the pool has some: it would lose its jobs each second."""
    silent = await a_process(work, silent_seconds=SILENT_SECONDS + 1)
    for process_id in (silent, uuid4(), None):
        await claim(work, process_id, str(process_id))
    assert await bears(work) == [None, None, None]


async def test_a_job_that_is_not_running_bears_no_process(work: Work, make_kind: MakeKind) -> None:
    worker = await a_process(work)
    given_back, failed, put_off, buried = await claim(work, worker, *texts(4))
    assert await bears(work) == [worker] * 4
    async with work.database.transaction() as tx:
        await jobs.give_back(tx, [given_back])
        await jobs.record_failure(tx, failed, "failed")
        await jobs.put_off(tx, put_off, "away", 60)
        await tx.execute(
            "UPDATE jobs SET attempts = max_attempts, lease_until = now() WHERE id = $1", buried.id
        )
    await jobs.bury_the_dead(work.database)
    rows = await work.rows()
    assert [(row["state"], row["process_id"]) for row in rows] == [("queued", None)] * 3 + [("failed", None)]


async def test_a_worker_claims_in_the_name_of_its_process(work: Work, make_kind: MakeKind) -> None:
    seen = []

    async def look(run: object, text: str) -> None:
        seen.extend(await bears(work))

    kind = make_kind(look)
    await work.enqueue("one", kind=kind)
    worker = await a_process(work)
    await run_jobs(replace(work.resources, process_id=worker), kind.name, await work.ids())
    assert seen == [worker]


async def test_a_job_whose_process_died_again_and_again_ends_as_failed(work: Work) -> None:
    """Each death is found by the heartbeat; it counts, and goes alone, as one whose lease ran out."""
    clock = await a_process(work, kind="clock")
    killer, innocent = await work.enqueue("killer", "innocent")
    for attempt in range(1, WORK.max_attempts + 1):
        worker = await a_process(work)
        assert len(await jobs.claim(work.database, WORK, [killer], worker)) == 1
        if attempt <= 2:
            assert len(await jobs.claim(work.database, WORK, [innocent], worker)) == 1
        await fall_silent(work, worker)
        await jobs.end_leases_of_the_dead(work.database, clock)
        await jobs.bury_the_dead(work.database)
        await work.database.execute("UPDATE jobs SET sent_at = now() - interval '1 minute'")
        sent = await jobs.due_to_send(work.database, {})
        assert all(job.alone for job in sent)
        assert [job.id for job in sent] == ([killer, innocent], [killer], [innocent])[attempt - 1]
    rows = await work.rows()
    assert [(row["state"], row["attempts"]) for row in rows] == [("failed", 3), ("running", 2)]


async def test_who_is_about_to_send_finds_out_whether_the_job_is_still_his(work: Work) -> None:
    worker, other = await a_process(work), await a_process(work)
    [job] = await claim(work, worker, "one")
    await jobs.hold(work.database, job, worker)
    await work.let_lease_run_out()
    await jobs.hold(work.database, job, worker)
    assert await jobs.claim(work.database, WORK, [job.id], other) == [], "its lease runs again"
    await work.let_lease_run_out()
    assert len(await jobs.claim(work.database, WORK, [job.id], other)) == 1
    with pytest.raises(jobs.LeaseLost):
        await jobs.hold(work.database, job, worker)
