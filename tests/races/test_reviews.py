"""The counters of reviews and votes equal the rows, whoever writes at once."""

import asyncio
import random

from tests.api import Api

REVIEW = {"rating": 4, "title": "Good", "review": "I liked it."}

COUNTS = """
SELECT e.reviews_count, e.rating_sum, count(r.id) AS reviews, coalesce(sum(r.rating), 0) AS ratings
FROM events e LEFT JOIN reviews r ON r.event_id = e.id GROUP BY e.id
"""
VOTES = """
SELECT r.helpful_count, r.unhelpful_count,
       count(*) FILTER (WHERE v.is_helpful) AS helpful, count(*) FILTER (WHERE NOT v.is_helpful) AS unhelpful
FROM reviews r LEFT JOIN review_votes v ON v.review_id = r.id GROUP BY r.id
"""


async def check_counters(api: Api) -> None:
    """Hold every counter against the rows that it stands for."""
    for row in await api.database.fetch(COUNTS):
        assert (row["reviews_count"], row["rating_sum"]) == (row["reviews"], row["ratings"])
    for row in await api.database.fetch(VOTES):
        assert (row["helpful_count"], row["unhelpful_count"]) == (row["helpful"], row["unhelpful"])


async def test_a_user_who_writes_ten_times_at_once_has_one_review(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    body = {"event": event["id"], **REVIEW}
    answers = await asyncio.gather(*(person.post("/api/reviews/", body) for _ in range(10)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    await check_counters(api)


async def test_twenty_identical_votes_at_once_count_once(api: Api) -> None:
    organizer, author, voter = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()
    review = (await author.post("/api/reviews/", {"event": event["id"], **REVIEW})).data["id"]
    answers = await asyncio.gather(*(voter.post(f"/api/reviews/{review}/mark_helpful/") for _ in range(20)))
    assert {(answer.status, answer.data["helpful_count"]) for answer in answers} == {(200, 1)}
    await check_counters(api)


async def test_a_vote_that_flips_to_and_fro_at_once_counts_once(api: Api) -> None:
    organizer, author, voter = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()
    review = (await author.post("/api/reviews/", {"event": event["id"], **REVIEW})).data["id"]
    votes = ["mark_helpful", "mark_unhelpful"] * 10
    answers = await asyncio.gather(*(voter.post(f"/api/reviews/{review}/{vote}/") for vote in votes))
    assert {answer.status for answer in answers} == {200}
    assert all(answer.data["helpful_count"] + answer.data["unhelpful_count"] == 1 for answer in answers)
    await check_counters(api)


async def test_counters_equal_rows_after_anything_at_once(api: Api) -> None:
    chance = random.Random(20261123)
    organizer = await api.person("organizer")
    people = [await api.person() for _ in range(5)]
    events = [(await organizer.create_event())["id"] for _ in range(2)]
    statuses: set[int] = set()

    async def act() -> None:
        person, event = chance.choice(people), chance.choice(events)
        ids = [row["id"] for row in await api.database.fetch("SELECT id FROM reviews")] or [1]
        path = f"/api/reviews/{chance.choice(ids)}/"
        rating = chance.randint(1, 5)
        match chance.choice(["write", "write", "edit", "delete", "helpful", "helpful", "unhelpful"]):
            case "write":
                answer = await person.post("/api/reviews/", {"event": event, **REVIEW, "rating": rating})
            case "edit":
                answer = await person.patch(path, {"rating": rating})
            case "delete":
                answer = await person.delete(path)
            case vote:
                answer = await person.post(f"{path}mark_{vote}/")
        statuses.add(answer.status)

    for _ in range(8):
        await asyncio.gather(*(act() for _ in range(25)))
        await check_counters(api)
    assert statuses <= {200, 201, 204, 403, 404, 409}
    assert {200, 201, 204} <= statuses
