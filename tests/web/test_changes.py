"""The feed of changes by cursor: whose one sees, in which order, from where, and until when."""

from typing import Any

import pytest

from eventhub.database import Actor
from eventhub.models.facts import FactType, Via
from eventhub.services import facts
from eventhub.services.facts import reads
from tests.api import Api, Person


async def record(
    api: Api,
    fact: FactType,
    event: int | None,
    user: int | None = None,
    actor: int | None = None,
    **data: Any,
) -> None:
    """Let something have happened, and be numbered."""
    async with api.database.transaction(actor=Actor(Via.USER, actor)) as tx:
        tx.record(fact, event, user, **data)
    await facts.number_all(api.database)


async def seqs(person: Person, query: str = "") -> list[int]:
    answer = await person.get(f"/api/changes/{query}")
    assert answer.status == 200, answer.data
    return [change["seq"] for change in answer.data]


async def forget(api: Api, last: int) -> None:
    """Let facts up to a number be too old to be kept."""
    await api.database.execute(
        "UPDATE facts SET occurred_at = now() - interval '9 days' WHERE seq <= $1", last
    )
    async with api.database.transaction() as tx:
        await facts.purge(tx, kept_days=5)


@pytest.fixture
async def people(api: Api) -> dict[str, Person]:
    kinds = {"buyer": "attendee", "organizer": "organizer", "rival": "organizer", "admin": "admin"}
    return {name: await api.person(kind) for name, kind in kinds.items()}


@pytest.fixture
async def events(people: dict[str, Person]) -> dict[str, int]:
    made = {name: await people[name].create_event() for name in ("organizer", "rival")}
    return {name: event["id"] for name, event in made.items()}


@pytest.fixture
async def log(api: Api, people: dict[str, Person], events: dict[str, int]) -> None:
    """Let four things have happened, and nothing else."""
    await api.database.execute("DELETE FROM facts")
    await api.database.execute("UPDATE fact_cursors SET seq = 0")
    buyer, organizer, rival = (people[name].id for name in ("buyer", "organizer", "rival"))
    await record(
        api, FactType.BOOKING_CREATED, events["organizer"], buyer, buyer, booking=7, number_of_tickets=2
    )
    await record(api, FactType.BOOKING_CONFIRMED, events["organizer"], buyer, organizer, booking=7)
    await record(api, FactType.BOOKING_CREATED, events["rival"], rival, rival, booking=8)
    await record(api, FactType.PAYMENT_COMPLETED, events["rival"], buyer, payment=3, amount="5.00")


@pytest.mark.usefixtures("log")
async def test_a_change_says_what_happened_to_what_and_who_did_it(
    api: Api, people: dict[str, Person], events: dict[str, int]
) -> None:
    answer = await people["buyer"].get("/api/changes/")
    row = await api.database.fetch_one("SELECT id, occurred_at FROM facts WHERE seq = 1")
    assert row is not None
    assert answer.data[0] == {
        "seq": 1,
        "id": f"fact_{row['id']}",
        "type": "booking.created",
        "timestamp": row["occurred_at"].isoformat().replace("+00:00", "Z"),
        "event": events["organizer"],
        "actor": people["buyer"].id,
        "data": {"booking": 7, "number_of_tickets": 2},
    }
    assert list(answer.data[0]) == ["seq", "id", "type", "timestamp", "event", "actor", "data"]
    assert answer.data[1]["actor"] == people["organizer"].id
    assert answer.data[2]["actor"] is None
    assert answer.headers["X-Last-Seq"] == "4"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("log")
async def test_everybody_sees_what_is_theirs(people: dict[str, Person], events: dict[str, int]) -> None:
    assert await seqs(people["buyer"]) == [1, 2, 4]
    assert await seqs(people["rival"]) == [3]
    assert await seqs(people["organizer"]) == []
    assert await seqs(people["organizer"], "?organized=true") == [1, 2]
    assert await seqs(people["organizer"], "?organized=false&all=false") == []
    assert await seqs(people["organizer"], f"?event={events['organizer']}") == [1, 2]
    assert await seqs(people["rival"], "?organized=true") == [3, 4]
    assert await seqs(people["admin"]) == []
    assert await seqs(people["admin"], "?all=true") == [1, 2, 3, 4]
    assert await seqs(people["admin"], f"?event={events['rival']}") == [3, 4]


@pytest.mark.usefixtures("log")
async def test_who_does_not_manage_an_event_is_refused(
    api: Api, people: dict[str, Person], events: dict[str, int]
) -> None:
    for name in ("buyer", "rival"):
        assert (await people[name].get(f"/api/changes/?event={events['organizer']}")).status == 403
        assert (await people[name].get("/api/changes/?all=true")).status == 403
    assert (await people["buyer"].get("/api/changes/?organized=true")).status == 403
    draft = await people["organizer"].create_event(publish=False)
    assert (await people["rival"].get(f"/api/changes/?event={draft['id']}")).status == 404
    assert (await people["rival"].get("/api/changes/?event=999999")).status == 404
    assert (await api.anonymous.get("/api/changes/")).status == 401
    # An organizer who is none any more.
    await people["admin"].patch(f"/api/users/{people['organizer'].id}/", {"user_type": "attendee"})
    again = await api.sign_in(people["organizer"].user["username"])
    assert (await again.get("/api/changes/?organized=true")).status == 403
    assert (await again.get(f"/api/changes/?event={events['organizer']}")).status == 403


@pytest.mark.usefixtures("log")
async def test_an_event_that_is_gone_leaves_its_story_to_its_organizer(
    api: Api, people: dict[str, Person]
) -> None:
    organizer = people["organizer"]
    draft = await organizer.create_event(publish=False)
    await record(api, FactType.EVENT_UPDATED, draft["id"], organizer.id, organizer.id)
    last = (await organizer.get("/api/changes/?organized=true")).data[-1]["seq"]
    assert (await organizer.delete(f"/api/events/{draft['id']}/")).status == 204
    assert last in await seqs(organizer, "?organized=true")
    assert (await organizer.get(f"/api/changes/?event={draft['id']}")).status == 404


@pytest.mark.usefixtures("log")
async def test_a_feed_is_read_on_from_the_last_number_or_from_where_an_empty_answer_ends(
    api: Api, people: dict[str, Person]
) -> None:
    buyer = people["buyer"]
    seen, after, empty = [], 0, 0
    for step in range(8):
        answer = await buyer.get(f"/api/changes/?page_size=1&after={after}")
        seen += answer.data
        empty += not answer.data
        after = answer.data[-1]["seq"] if answer.data else int(answer.headers["X-Last-Seq"])
        if step == 5:
            await record(api, FactType.REVIEW_CREATED, None, people["rival"].id)
            await record(api, FactType.REVIEW_CREATED, None, buyer.id)
    assert [change["seq"] for change in seen] == [1, 2, 4, 6]
    assert empty == 4
    assert await seqs(buyer, "?after=6") == []


@pytest.mark.usefixtures("log")
async def test_types_are_chosen_with_commas(people: dict[str, Person]) -> None:
    buyer = people["buyer"]
    assert await seqs(buyer, "?types=booking.created") == [1]
    assert await seqs(buyer, "?types=payment.completed,booking.created,booking.created") == [1, 4]
    assert await seqs(buyer, "?types=payment.completed&after=4") == []
    assert await seqs(buyer, "?types=event.created") == []


@pytest.mark.usefixtures("log")
async def test_what_is_rare_is_looked_for_bit_by_bit(
    api: Api, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reads, "LOOKED_AT", 2)
    admin = people["admin"]
    found, after, places = [], 0, []
    for _ in range(4):
        answer = await admin.get(f"/api/changes/?all=true&types=payment.completed&page_size=1&after={after}")
        found += answer.data
        places.append(after := answer.data[-1]["seq"] if answer.data else int(answer.headers["X-Last-Seq"]))
    assert [change["seq"] for change in found] == [4]
    assert places == [2, 4, 4, 4]


BAD = [
    ("types=booking.created,booking.eaten", "types", "booking.confirmed"),
    ("types=", "types", "booking.confirmed"),
    ("after=-1", "after", "from 0 to"),
    ("after=1.5", "after", "from 0 to"),
    ("after=9223372036854775807", "after", "from 0 to 9223372036854775806"),
    ("after=9223372036854775806", "after", "at most 4"),
    ("after=5", "after", "at most 4"),
    ("after=1&after=2", "after", "once"),
    ("page_size=501", "page_size", "from 1 to 500"),
    ("page_size=0", "page_size", "from 1 to 500"),
    ("event=0", "event", "from 1"),
    ("event=%00", "event", "from 1"),
    ("event=99999999999999999999", "event", "from 1"),
    ("organized=1", "organized", "true or false"),
    ("all=maybe", "all", "true or false"),
    ("organized=true&event=1", "organized", "Give one of event, organized and all."),
    ("organized=true&all=true", "all", "Give one of event, organized and all."),
]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(("query", "field", "allowed"), BAD)
async def test_what_cannot_be_asked_is_said_by_name(
    people: dict[str, Person], query: str, field: str, allowed: str
) -> None:
    for path in ("/api/changes/", "/api/changes/stream/"):
        if "page_size" in query and "stream" in path:
            continue
        answer = await people["admin"].get(f"{path}?{query}")
        assert answer.status == 400, (path, answer.text)
        assert allowed in " ".join(answer.data["errors"][field])


@pytest.mark.usefixtures("log")
async def test_five_hundred_fit_a_page(api: Api, people: dict[str, Person]) -> None:
    async with api.database.transaction() as tx:
        for _ in range(600):
            tx.record(FactType.EVENT_UPDATED, None, people["buyer"].id)
    await facts.number_all(api.database)
    assert len(await seqs(people["buyer"])) == 50
    assert len(await seqs(people["buyer"], "?page_size=500")) == 500


@pytest.mark.usefixtures("log")
async def test_who_reads_on_from_a_number_that_is_gone_is_told_so(
    api: Api, people: dict[str, Person]
) -> None:
    buyer = people["buyer"]
    await forget(api, 2)
    for query in ("?after=0", "?after=1", "?after=1&types=review.created"):
        for path in ("/api/changes/", "/api/changes/stream/"):
            answer = await buyer.get(f"{path}{query}")
            assert (answer.status, answer.data["code"]) == (410, "cursor_expired")
            assert "number 3" in answer.data["detail"]
            assert answer.data["error"] == "The requested data is not kept any more."
    assert await seqs(buyer, "?after=2") == [4]
    assert await seqs(buyer) == [4]
    await forget(api, 4)
    gone: Any = await buyer.get("/api/changes/?after=3")
    assert (gone.status, "number 5" in gone.data["detail"]) == (410, True)
    assert await seqs(buyer, "?after=4") == []
    empty = await buyer.get("/api/changes/")
    assert (empty.data, empty.headers["X-Last-Seq"]) == ([], "4")
    await record(api, FactType.REVIEW_CREATED, None, buyer.id)
    assert await seqs(buyer, "?after=4") == [5]
    assert await seqs(buyer) == [5]


async def test_before_anything_happened_there_is_nothing(people: dict[str, Person], api: Api) -> None:
    await api.database.execute("DELETE FROM facts")
    await api.database.execute("UPDATE fact_cursors SET seq = 0")
    answer = await people["buyer"].get("/api/changes/?after=0")
    assert (answer.status, answer.data, answer.headers["X-Last-Seq"]) == (200, [], "0")
    head = await people["buyer"].request("HEAD", "/api/changes/")
    assert (head.status, head.headers["X-Last-Seq"]) == (200, "0")
