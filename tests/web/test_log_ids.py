"""Which ids the lines of a request and of its jobs bear."""

import logging
from collections.abc import Iterator

import pytest

from eventhub import logs
from tests.api import Api
from tests.conftest import MakeApi

Said = list[tuple[str, dict[str, object]]]


class Listener(logging.Handler):
    """Keeps each message together with the ids that its line has."""

    def __init__(self) -> None:
        super().__init__()
        self.said: Said = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.getMessage(), logs.known_ids()))

    def last(self, start: str) -> dict[str, object]:
        """Return the ids of the last line that begins so, less that of its request."""
        ids = [ids for message, ids in self.said if message.startswith(start)][-1]
        return {name: value for name, value in ids.items() if name != "request_id"}


@pytest.fixture
def log() -> Iterator[Listener]:
    listener, logger = Listener(), logging.getLogger("eventhub")
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    yield listener
    logger.removeHandler(listener)
    logger.setLevel(level)


@pytest.fixture
async def api(make_api: MakeApi) -> Api:
    return await make_api(access_log=True)


async def test_a_line_names_who_asks_and_what_for(api: Api, log: Listener) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(price="10.00")
    assert log.last("POST /api/events/ 201") == {"user_id": organizer.id, "event_id": event["id"]}
    await api.anonymous.get(f"/api/events/{event['id']}/")
    assert log.last("GET /api/events/") == {"event_id": event["id"]}
    booking = await person.book(event)
    ids = {"user_id": person.id, "event_id": event["id"], "booking_id": booking["id"]}
    assert log.last("POST /api/bookings/ 201") == ids
    payment = (await person.post("/api/payments/", {"booking": booking["id"], "method": "mock"})).data
    ids = {"user_id": person.id, "booking_id": booking["id"], "payment_id": payment["id"]}
    assert log.last("POST /api/payments/ 201") == ids
    await person.get(f"/api/payments/{payment['id']}/")
    assert log.last("GET /api/payments/") == {"user_id": person.id, "payment_id": payment["id"]}
    await person.get(f"/api/users/{organizer.id}/")
    assert log.last("GET /api/users/") == {"user_id": person.id}


async def test_a_refused_request_is_named_too(api: Api, log: Listener) -> None:
    person = await api.person()
    await person.patch("/api/bookings/4711/", {"special_requirements": "x"})
    assert log.last("PATCH /api/bookings/4711/ 404") == {"user_id": person.id, "booking_id": 4711}
    await api.anonymous.get("/api/bookings/4711/")
    assert log.last("GET /api/bookings/4711/ 401") == {"booking_id": 4711}
    await person.get(f"/api/bookings/{'9' * 5000}/")
    assert log.last("GET /api/bookings/9") == {"user_id": person.id}


async def test_a_job_bears_its_own_ids_and_those_of_its_request(api: Api, log: Listener) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    headers = {"X-Request-ID": "mine-1"}
    booked = await person.post("/api/bookings/", {"event": event["id"]}, headers=headers)
    await api.run_jobs()
    [(_, ids)] = [said for said in log.said if "confirm_booking done" in said[0]]
    job_id = ids.pop("job_id")
    assert isinstance(job_id, int)
    assert ids == {"request_id": "mine-1", "booking_id": booked.data["id"]}
