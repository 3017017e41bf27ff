"""Reviews over HTTP: who may write, change, delete and vote, and what is refused how."""

import pytest

from tests.api import Api, Person

REVIEW = {
    "rating": 5,
    "title": "Excellent workshop!",
    "review": "Very informative and well organized",
    "attended": True,
}
KEYS = (
    "id event event_title user user_name rating title review attended helpful_count unhelpful_count "
    "helpful_percentage created_at updated_at"
).split()


async def written(person: Person, event: int, **changes: object) -> int:
    made = await person.post("/api/reviews/", {"event": event, **REVIEW, **changes})
    assert made.status == 201, made.data
    return int(made.data["id"])


async def test_the_documented_example_makes_a_review_with_the_documented_keys(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    made = await person.post("/api/reviews/", {"event": event["id"], **REVIEW})
    assert made.status == 201
    assert list(made.data) == KEYS
    assert made.data["event_title"] == "Test Workshop"
    assert made.data["helpful_percentage"] == 0
    listed = await api.anonymous.get(f"/api/reviews/?event={event['id']}")
    assert listed.data == [made.data]


async def test_attended_is_stored_only_where_a_confirmed_booking_bears_it_out(api: Api) -> None:
    organizer, guest, stranger, modest = [
        await api.person("organizer"),
        *[await api.person() for _ in range(3)],
    ]
    event = await organizer.create_event()
    await guest.book(event)
    await modest.book(event)
    claims = {guest: True, stranger: True, modest: False}
    ids = {person: await written(person, event["id"], attended=claim) for person, claim in claims.items()}
    seen = {
        person: (await api.anonymous.get(f"/api/reviews/{ids[person]}/")).data["attended"] for person in ids
    }
    assert seen == {guest: True, stranger: False, modest: False}
    again = await modest.patch(f"/api/reviews/{ids[modest]}/", {"attended": True})
    assert again.data["attended"] is True
    still = await stranger.patch(f"/api/reviews/{ids[stranger]}/", {"attended": True})
    assert still.data["attended"] is False
    untouched = await guest.patch(f"/api/reviews/{ids[guest]}/", {"rating": 4})
    assert (untouched.data["attended"], untouched.data["rating"]) == (True, 4)


async def test_one_review_per_user_and_event(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    await written(person, event["id"])
    again = await person.post("/api/reviews/", {"event": event["id"], **REVIEW})
    assert (again.status, again.data["code"]) == (409, "already_reviewed")


async def test_an_organizer_does_not_review_their_own_event_but_an_admin_may_review_it(api: Api) -> None:
    organizer, admin = await api.person("organizer"), await api.person("admin")
    event = await organizer.create_event()
    assert (await organizer.post("/api/reviews/", {"event": event["id"], **REVIEW})).status == 403
    await written(admin, event["id"])


async def test_a_draft_is_as_absent_as_no_event(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    draft = await organizer.create_event(publish=False)
    answers = [
        await person.post("/api/reviews/", {"event": event, **REVIEW}) for event in (draft["id"], 999_999)
    ]
    assert [answer.status for answer in answers] == [400, 400]
    assert answers[0].data == answers[1].data
    assert list(answers[0].data["errors"]) == ["event"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"rating": True}, "rating"),
        ({"rating": None}, "rating"),
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"review": ""}, "review"),
        ({"review": "x" * 20_001}, "review"),
        ({"attended": "yes"}, "attended"),
        ({"event": "one"}, "event"),
        ({"event": -1}, "event"),
        ({"event": 2**63}, "event"),
    ],
)
async def test_bad_input_is_a_400_that_names_the_field(
    api: Api, change: dict[str, object], field: str
) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event()
    refused = await person.post("/api/reviews/", {"event": event["id"], **REVIEW, **change})
    assert (refused.status, list(refused.data["errors"])) == (400, [field])
    if field != "event":
        review = await written(person, event["id"])
        refused = await person.patch(f"/api/reviews/{review}/", change)
        assert (refused.status, list(refused.data["errors"])) == (400, [field])


async def test_the_author_edits_and_deletes_an_admin_deletes_others_do_neither(api: Api) -> None:
    organizer, author, other, admin = [
        await api.person(kind) for kind in ("organizer", "attendee", "attendee", "admin")
    ]
    event = await organizer.create_event()
    path = f"/api/reviews/{await written(author, event['id'])}/"
    changes = {"rating": 2, "title": "Hm", "review": "On second thought"}
    for person, status in ((other, 403), (organizer, 403), (admin, 403), (api.anonymous, 401), (author, 200)):
        assert (await person.put(path, changes)).status == status
    assert (await author.put(path, {"rating": 2})).status == 400
    edited = (await author.get(path)).data
    assert {name: edited[name] for name in changes} == changes
    assert edited["updated_at"] > edited["created_at"]
    for person, status in (
        (other, 403),
        (organizer, 403),
        (api.anonymous, 401),
        (author, 204),
        (author, 404),
    ):
        assert (await person.delete(path)).status == status
    path = f"/api/reviews/{await written(author, event['id'])}/"
    assert (await admin.delete(path)).status == 204


async def test_what_was_got_may_be_put_back(api: Api) -> None:
    organizer, author = await api.person("organizer"), await api.person()
    path = f"/api/reviews/{await written(author, (await organizer.create_event())['id'])}/"
    got = (await author.get(path)).data
    put = await author.put(path, {**got, "helpful_count": 99, "user": 1, "event": 12345})
    assert put.status == 200
    assert {**put.data, "updated_at": ""} == {**got, "updated_at": ""}


async def test_statistics_follow_writing_editing_and_deleting(api: Api) -> None:
    organizer, one, two = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()

    async def stats() -> tuple[int, float]:
        data = (await organizer.get(f"/api/events/{event['id']}/statistics/")).data
        return data["reviews_count"], data["average_rating"]

    first = await written(one, event["id"], rating=5)
    await written(two, event["id"], rating=2)
    assert await stats() == (2, 3.5)
    await one.patch(f"/api/reviews/{first}/", {"rating": 1})
    assert await stats() == (2, 1.5)
    await one.delete(f"/api/reviews/{first}/")
    assert await stats() == (1, 2)


async def test_votes_one_a_user_the_last_one_counts(api: Api) -> None:
    organizer, author, *voters = [
        await api.person("organizer"),
        *[await api.person() for _ in range(4)],
    ]
    path = f"/api/reviews/{await written(author, (await organizer.create_event())['id'])}/"
    for voter in voters:
        assert (await voter.post(f"{path}mark_helpful/")).status == 200
    again = await voters[0].post(f"{path}mark_helpful/")
    assert (again.status, again.data["helpful_count"]) == (200, 3)
    flipped = await voters[0].post(f"{path}mark_unhelpful/")
    assert (flipped.data["helpful_count"], flipped.data["unhelpful_count"]) == (2, 1)
    assert flipped.data["helpful_percentage"] == 66.7
    assert (await author.post(f"{path}mark_helpful/")).status == 403
    assert (await author.post(f"{path}mark_unhelpful/")).status == 403
    assert (await api.anonymous.post(f"{path}mark_helpful/")).status == 401
    assert (await voters[0].post("/api/reviews/999999/mark_helpful/")).status == 404
    assert (await voters[0].post("/api/reviews/none/mark_helpful/")).status == 404


async def test_a_review_with_votes_can_be_deleted_and_written_anew(api: Api) -> None:
    organizer, author, voter = await api.person("organizer"), await api.person(), await api.person()
    event = await organizer.create_event()
    path = f"/api/reviews/{await written(author, event['id'])}/"
    await voter.post(f"{path}mark_helpful/")
    assert (await author.delete(path)).status == 204
    again = await author.get(f"/api/reviews/{await written(author, event['id'])}/")
    assert again.data["helpful_count"] == 0


async def test_a_vote_that_is_given_again_or_flips_counts_once(api: Api) -> None:
    organizer, author, voter = await api.person("organizer"), await api.person(), await api.person()
    path = f"/api/reviews/{await written(author, (await organizer.create_event())['id'])}/"
    for action, counts in (
        ("mark_unhelpful", (0, 1)),
        ("mark_unhelpful", (0, 1)),
        ("mark_helpful", (1, 0)),
        ("mark_helpful", (1, 0)),
        ("mark_unhelpful", (0, 1)),
    ):
        voted = (await voter.post(f"{path}{action}/")).data
        assert (voted["helpful_count"], voted["unhelpful_count"]) == counts


async def test_who_claims_in_an_edit_to_have_been_there_needs_a_confirmed_booking_too(api: Api) -> None:
    organizer, person = await api.person("organizer"), await api.person()
    event = await organizer.create_event(price="5.00")
    path = f"/api/reviews/{await written(person, event['id'], attended=True)}/"
    await api.database.execute("UPDATE reviews SET updated_at = updated_at - interval '1 hour'")
    before = (await person.get(path)).data
    booking = await person.book(event)
    assert booking["status"] == "pending"
    edited = await person.patch(path, {"attended": True})
    assert (before["attended"], edited.data["attended"]) == (False, False)
    assert edited.data["updated_at"] > before["updated_at"]
    assert edited.data["created_at"] == before["created_at"]
    await organizer.post(f"/api/bookings/{booking['id']}/confirm/")
    assert (await person.patch(path, {"title": "As before"})).data["attended"] is False
    assert (await person.patch(path, {"attended": True})).data["attended"] is True
    assert (await person.patch(path, {"title": "Still there"})).data["attended"] is True
