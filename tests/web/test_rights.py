"""Rights that were taken away stay away: what changes rights, passwords, addresses or money asks the rows anew."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import FormData

from eventhub.errors import Conflict, Invalid
from eventhub.models.users import UserType
from eventhub.services import users
from eventhub.services.access import Viewer
from eventhub.services.auth import RIGHTS_LOCK
from eventhub.web.call import Route
from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Api, Person
from tests.conftest import MakeApi
from tests.web.test_accounts import TOKEN, can_sign_in, new_email
from tests.web.test_errors import check_error
from tests.web.test_permissions import IDS, ROLES, World, _cases_of, world

assert world  # a fixture

NEW = "another-good-password-2"
# What somebody who is signed in changes that is neither a right, nor a password or address, nor money. A route that is
# new belongs here or is sensitive: an access token that is remembered here works for 15 s after its sign-in has ended.
ORDINARY = {
    "POST /api/auth/email/verify/resend/",
    "PUT /api/users/update_profile/",
    "PATCH /api/users/update_profile/",
    "POST /api/events/",
    "PUT /api/events/{id}/",
    "PATCH /api/events/{id}/",
    "DELETE /api/events/{id}/",
    "POST /api/events/{id}/publish/",
    "POST /api/events/{id}/complete/",
    "PATCH /api/events/{id}/settings/",
    "POST /api/events/{id}/copy/",
    "POST /api/sessions/",
    "PUT /api/sessions/{id}/",
    "PATCH /api/sessions/{id}/",
    "DELETE /api/sessions/{id}/",
    "POST /api/events/{id}/ticket_types/",
    "PATCH /api/ticket_types/{id}/",
    "DELETE /api/ticket_types/{id}/",
    "POST /api/events/{id}/promo_codes/",
    "POST /api/events/{id}/promo_codes/batch/",
    "PATCH /api/promo_codes/{id}/",
    "DELETE /api/promo_codes/{id}/",
    "POST /api/bookings/",
    "PATCH /api/bookings/{id}/",
    "POST /api/bookings/{id}/no_show/",
    "POST /api/bookings/{id}/attended/",
    "POST /api/waitlist/",
    "POST /api/payments/",
    "POST /api/invoices/{id}/mark_as_sent/",
    "POST /api/notifications/mark_all_as_read/",
    "POST /api/notifications/{id}/mark_as_read/",
    "POST /api/reviews/",
    "PUT /api/reviews/{id}/",
    "PATCH /api/reviews/{id}/",
    "DELETE /api/reviews/{id}/",
    "POST /api/reviews/{id}/mark_helpful/",
    "POST /api/reviews/{id}/mark_unhelpful/",
    "POST /api/certificates/{id}/mark_as_downloaded/",
    "POST /api/certificates/{id}/reissue/",
}
SENSITIVE = [route for route in ROUTES if route.is_sensitive]


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_route_that_changes_something_is_sensitive_or_ordinary() -> None:
    changing = {name(route) for route in ROUTES if route.method != "GET" and not route.is_public}
    assert changing == ORDINARY | {name(route) for route in SENSITIVE}
    assert not ORDINARY & {name(route) for route in SENSITIVE}
    assert not [name(route) for route in SENSITIVE if route.is_public]


# What takes from user $1, behind the back of this process, what their remembered token stands for.
TAKEN = {
    "the sign-in is ended": ("UPDATE sign_ins SET ended_at = now() WHERE user_id = $1", 401),
    "the sign-in has run out": ("UPDATE sign_ins SET expires_at = now() WHERE user_id = $1", 401),
    "the account is deactivated": ("UPDATE users SET is_active = false WHERE id = $1", 401),
}
ALLOWED = [
    (case, role)
    for route in SENSITIVE
    for case in _cases_of(route)
    for role in ROLES
    if case.expected(role) < 300
]


@pytest.mark.parametrize("taken", TAKEN)
async def test_a_remembered_token_does_nothing_sensitive_once_its_right_is_gone(
    taken: str, world: World
) -> None:
    statement, status = TAKEN[taken]
    assert {f"{case.method} {case.path}" for case, _ in ALLOWED} >= {"POST /api/payments/1/refund/"}
    wrong = []
    for case, role in ALLOWED:
        await world._reset()
        me = world.person(role)
        assert (await me.get("/api/users/me/")).status == 200
        await world.connection.execute(statement.replace("$1", str(IDS[role])))
        before = await world.connection.fetchval(_STATE)
        answer = await world.ask(me, case)
        if answer.status != status or await world.connection.fetchval(_STATE) != before:
            wrong.append(f"{role}: {case.method} {case.path} {answer.status}")
    assert wrong == []


_STATE = """
SELECT md5(concat((SELECT string_agg(t::text, ',' ORDER BY id) FROM users t),
                  (SELECT string_agg(t::text, ',' ORDER BY id) FROM sign_ins t),
                  (SELECT string_agg(t::text, ',' ORDER BY id) FROM events t),
                  (SELECT string_agg(t::text, ',' ORDER BY id) FROM bookings t),
                  (SELECT string_agg(t::text, ',' ORDER BY id) FROM payments t),
                  (SELECT string_agg(t::text, ',' ORDER BY id) FROM waitlist_entries t),
                  (SELECT count(*) FROM jobs), (SELECT count(*) FROM idempotent_answers)))
"""


async def test_an_admin_who_was_demoted_does_no_more_than_who_never_was_one(world: World) -> None:
    wrong, asked = [], 0
    for case, role in ALLOWED:
        expected = case.expected("stranger")
        if role != "admin" or expected < 300 or "6" in case.path:
            continue
        await world._reset()
        me = world.person(role)
        assert (await me.get("/api/users/me/")).data["user_type"] == "admin"
        await world.connection.execute("UPDATE users SET user_type = 'attendee' WHERE id = 5")
        answer = await world.ask(me, case)
        asked += 1
        if answer.status != expected:
            wrong.append(f"{case.method} {case.path} {answer.status}")
    assert wrong == []
    assert asked > 5


async def test_what_moves_money_waits_for_a_change_of_rights_that_is_under_way(world: World) -> None:
    for statement, status in (
        ("UPDATE users SET is_active = false WHERE id = 2", 401),
        ("UPDATE users SET is_active = is_active WHERE id = 2", 200),
    ):
        organizer = world.person("organizer")
        async with world.connection.transaction():
            await world.connection.execute(statement)
            asked = asyncio.ensure_future(organizer.post("/api/payments/1/refund/"))
            await asyncio.sleep(0.3)
            assert not asked.done()
        assert (await asked).status == status
        await world._reset()


async def test_who_is_no_admin_holds_up_nobody_who_is_one(world: World) -> None:
    async with world.connection.transaction():
        await world.connection.execute("SELECT pg_advisory_xact_lock($1)", RIGHTS_LOCK)
        await world.connection.execute("SELECT FROM users WHERE id = 5 FOR UPDATE")
        asking = world.person("stranger").patch("/api/users/5/", {"is_active": False})
        assert (await asyncio.wait_for(asking, 3)).status == 403


async def test_a_refusal_of_the_token_is_not_kept_for_the_key_of_the_request(api: Api) -> None:
    person, organizer = await api.person(), await api.person("organizer")
    booking = await person.book(await organizer.create_event())
    path, key = f"/api/bookings/{booking['id']}/cancel/", {"Idempotency-Key": "once"}
    await api.anonymous.post("/api/auth/logout/", {"refresh": person.refresh})
    check_error(await person.post(path, headers=key), 401, "token_not_valid")
    again = await api.sign_in(person.user["username"])
    answer = await again.post(path, headers=key)
    assert (answer.status, answer.data["status"]) == (200, "cancelled")
    assert "Idempotency-Replayed" not in answer.headers


# --- roles ----------------------------------------------------------------------------------------------------------


async def deactivate(admin: Person, user: Person) -> None:
    assert (await admin.patch(f"/api/users/{user.id}/", {"is_active": False})).status == 200


async def demote(admin: Person, user: Person) -> None:
    assert (await admin.patch(f"/api/users/{user.id}/", {"user_type": "attendee"})).status == 200


@pytest.mark.parametrize(
    ("take", "back", "status"),
    [(deactivate, {"is_active": True}, 401), (demote, {"user_type": "admin"}, 403)],
)
async def test_an_admin_does_not_give_themself_back_what_was_taken(
    api: Api, take: Callable[[Person, Person], Awaitable[None]], back: dict[str, object], status: int
) -> None:
    root, other = await api.person("admin"), await api.person("admin")
    await take(root, other)
    assert (await other.patch(f"/api/users/{other.id}/", back)).status == status
    assert (await other.patch(f"/api/users/{root.id}/", {"user_type": "attendee"})).status == status
    after = (await root.get(f"/api/users/{other.id}/")).data
    assert {name: after[name] for name in back} != back


async def test_nobody_changes_their_own_role_and_sending_it_back_is_no_change(api: Api) -> None:
    root, other = await api.person("admin"), await api.person("admin")
    path = f"/api/users/{root.id}/"
    for change in (
        {"user_type": "organizer"},
        {"is_active": False},
        {"is_verified": True, "is_active": False},
    ):
        check_error(await root.patch(path, change), 409, "own_account")
    same = await root.patch(path, {"user_type": "admin", "is_active": True, "is_verified": True})
    assert (same.status, same.data["is_verified"]) == (200, True)
    assert (await other.patch(path, {"user_type": "attendee"})).status == 200


@pytest.mark.parametrize("change", [{"user_type": "organizer"}, {"is_active": False}])
async def test_the_last_active_admin_stays_one(api: Api, change: dict[str, Any]) -> None:
    root, gone = await api.person("admin"), await api.person("admin")
    await deactivate(root, gone)
    nobody = Viewer(gone.id, UserType.ADMIN)  # whoever it is: the rule does not lean on who asks
    with pytest.raises(Conflict) as refused:
        async with api.database.transaction() as tx:
            await users.administer(tx, nobody, root.id, change)
    assert refused.value.code == "last_admin"
    async with api.database.transaction() as tx:
        await users.administer(tx, nobody, root.id, {"user_type": "admin", "is_verified": True})
    await root.patch(f"/api/users/{gone.id}/", {"is_active": True})
    async with api.database.transaction() as tx:
        assert await users.administer(tx, nobody, root.id, change)


# --- a new address takes the password ---------------------------------------------------------------------------------


async def test_a_new_email_takes_the_password_and_ones_own_does_not(api: Api) -> None:
    person = await api.person()
    new, path = f"new-{person.user['email']}", "/api/users/me/"
    for change in (person.patch, person.put):
        for body, code in (
            ({"email": new}, "invalid"),
            ({"email": new, "current_password": ""}, "wrong_password"),
            (new_email(new, "wrong-password-9"), "wrong_password"),
            ({"email": new, "current_password": None}, "invalid"),
        ):
            refused = await change(path, {**body, "bio": "changed"})
            check_error(refused, 400, code, "current_password")
        got = (await person.get(path)).data
        assert (got["email"], got["bio"]) == (person.user["email"], "")
        assert (await change(path, got)).status == 200
        assert (await change(path, {**got, "current_password": "wrong-password-9"})).status == 200
    changed = await person.patch(path, new_email(new))
    assert (changed.status, changed.data["email"]) == (200, new)
    assert "current_password" not in changed.data


async def test_a_form_changes_the_email_likewise(api: Api) -> None:
    person = await api.person()
    new = f"new-{person.user['email']}"
    refused = await person.request("PATCH", "/api/users/me/", data=form(email=new))
    assert (refused.status, list(refused.data["errors"])) == (400, ["current_password"])
    changed = await person.request("PATCH", "/api/users/me/", data=form(email=new, current_password=PASSWORD))
    assert (changed.status, changed.data["email"]) == (200, new)


def form(**texts: str) -> FormData:
    made = FormData(default_to_multipart=True)
    for field, text in texts.items():
        made.add_field(field, text)
    return made


async def test_wrong_passwords_beside_a_new_email_count_as_failed_sign_ins_do(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="2/hour")
    person = await api.person()
    body = new_email(f"new-{person.user['email']}", "wrong-password-9")
    answers = [await person.patch("/api/users/me/", body) for _ in range(3)]
    assert [answer.status for answer in answers] == [400, 400, 429]
    right = new_email(f"new-{person.user['email']}")
    assert (await person.patch("/api/users/me/", right)).status == 429
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await person.post("/api/auth/password/change/", change)).status == 429
    assert (await person.patch("/api/users/me/", {"email": person.user["email"], "bio": "x"})).status == 200


async def test_the_password_is_asked_for_by_what_the_row_says_when_it_changes(api: Api) -> None:
    """What was one's own address when the request came may be another's by the time it is written."""
    person = await api.person()
    hashes = "SELECT password_hash FROM users WHERE id = $1"
    old = await api.database.fetch_value(hashes, person.id)
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await person.post("/api/auth/password/change/", change)).status == 200
    for proof in (None, old):
        with pytest.raises(Invalid) as refused:
            async with api.database.transaction() as tx:
                await users.update_me(
                    tx,
                    Viewer(person.id),
                    {"email": "evil@example.com"},
                    verification_ttl_seconds=60,
                    verified_hash=proof,
                )
        assert list(refused.value.errors) == ["current_password"]


async def test_a_thief_with_a_token_takes_no_account_over(api: Api) -> None:
    owner = await api.person()
    thief = Person(api, owner.token)
    assert (await thief.get("/api/users/me/")).status == 200
    before = await thief.patch("/api/users/me/", {"email": "evil@example.com"})
    assert (before.status, list(before.data["errors"])) == (400, ["current_password"])
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await owner.post("/api/auth/password/change/", change)).status == 200
    after = await thief.patch("/api/users/me/", new_email("evil@example.com", NEW))
    check_error(after, 401, "token_not_valid")
    check_error(await thief.patch("/api/users/me/", {"bio": "Hacked"}), 401, "token_not_valid")
    assert await can_sign_in(api, owner, NEW)


# --- who is told ------------------------------------------------------------------------------------------------------


async def verified(api: Api, person: Person) -> Person:
    await api.database.execute("UPDATE users SET is_verified = true WHERE id = $1", person.id)
    await api.run_jobs()
    api.mailer.sent.clear()
    return person


async def test_a_changed_password_is_told_by_mail_whoever_changed_it(api: Api) -> None:
    person = await verified(api, await api.person())
    change = {"old_password": PASSWORD, "new_password": NEW}
    refused = await person.post("/api/auth/password/change/", {**change, "old_password": "wrong-one-9"})
    assert refused.status == 400
    assert (await person.post("/api/auth/password/change/", change)).status == 200
    await api.run_jobs()
    [mail] = api.mailer.sent
    assert (mail.to_address, mail.subject) == (person.user["email"], "Your password was changed")
    assert (mail.to_name, person.user["username"] in mail.text) == (person.user["full_name"], True)
    assert NEW not in mail.text + str(mail.html)
    api.mailer.sent.clear()
    await api.anonymous.post("/api/auth/password/reset/", {"email": person.user["email"]})
    await api.run_jobs()
    body = {"token": TOKEN.findall(api.mailer.sent.pop().text)[0], "new_password": PASSWORD}
    assert (await api.anonymous.post("/api/auth/password/reset/confirm/", body)).status == 200
    await api.run_jobs()
    assert [sent.subject for sent in api.mailer.sent] == ["Your password was changed"]


async def test_a_new_role_is_told_by_mail_and_the_same_role_is_none(api: Api) -> None:
    admin, person = await api.person("admin"), await verified(api, await api.person())
    for change in ({"user_type": "attendee"}, {"is_verified": True}, {"user_type": "organizer"}):
        assert (await admin.patch(f"/api/users/{person.id}/", change)).status == 200
    await api.run_jobs()
    mails = [mail for mail in api.mailer.sent if mail.to_address == person.user["email"]]
    assert [mail.subject for mail in mails] == ["Your role was changed"]
    assert "'organizer'" in mails[0].text
    assert "'attendee'" in mails[0].text


async def test_an_address_that_nobody_verified_reads_no_name_in_these_mails(api: Api) -> None:
    admin = await api.person("admin")
    person = await api.person(first_name="Call now", last_name="0900", username="win-a-prize")
    await api.run_jobs()
    api.mailer.sent.clear()
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await person.post("/api/auth/password/change/", change)).status == 200
    assert (await admin.patch(f"/api/users/{person.id}/", {"user_type": "organizer"})).status == 200
    await api.run_jobs()
    mails = [mail for mail in api.mailer.sent if mail.to_address == person.user["email"]]
    assert len(mails) == 2
    for mail in mails:
        whole = f"{mail.to_name} {mail.subject} {mail.text} {mail.html}"
        assert not any(word in whole for word in ("Call now", "0900", "win-a-prize"))


async def test_a_mail_of_a_new_password_goes_to_the_address_of_the_time(api: Api) -> None:
    person = await verified(api, await api.person())
    old, new = person.user["email"], f"new-{person.user['email']}"
    change = {"old_password": PASSWORD, "new_password": NEW}
    tokens = await person.post("/api/auth/password/change/", change)
    moved = await Person(api, tokens.data["access"]).patch("/api/users/me/", new_email(new, NEW))
    assert moved.status == 200
    await api.run_jobs()
    told = {mail.subject: mail.to_address for mail in api.mailer.sent}
    assert told["Your password was changed"] == old
    assert told["Your email address was changed"] == old
    [first, again] = [mail for mail in api.mailer.sent if mail.to_address == old]
    assert first.message_id != again.message_id
