"""Changing and resetting passwords, verifying addresses: over HTTP, with the mails that carry the tokens."""

import asyncio
import re
import time

import pytest

from eventhub.errors import Invalid
from eventhub.models.users import TokenPurpose
from eventhub.sandbox import Limits, Sandbox
from eventhub.services import accounts, auth, passwords
from eventhub.services.ports.mail import MailTemporarilyFailed
from tests.api import PASSWORD, Api, Person
from tests.conftest import MakeApi

NEW = "another-good-password-2"
TOKEN = re.compile(r"\b\d+-[0-9a-f]{64}\b")


async def mailed_tokens(api: Api, address: str) -> list[str]:
    """Run the jobs and return the tokens that were mailed to `address`, oldest first."""
    await api.run_jobs()
    texts = [mail.text for mail in api.mailer.sent if mail.to_address == address]
    return [token for text in texts for token in TOKEN.findall(text)]


async def ask_reset(api: Api, person: Person) -> str:
    """Return the token of a reset that `person` asked for."""
    await mailed_tokens(api, person.user["email"])
    api.mailer.sent.clear()
    asked = await api.anonymous.post("/api/auth/password/reset/", {"email": person.user["email"]})
    assert asked.status == 200
    [token] = await mailed_tokens(api, person.user["email"])
    return token


def new_email(address: str, password: str = PASSWORD) -> dict[str, str]:
    """Return the body that changes somebody's address, with the password that it takes."""
    return {"email": address, "current_password": password}


async def can_sign_in(api: Api, person: Person, password: str) -> bool:
    answer = await api.anonymous.post(
        "/api/auth/token/", {"username": person.user["username"], "password": password}
    )
    return answer.status == 200


async def test_a_changed_password_ends_every_other_sign_in_and_answers_a_new_one(api: Api) -> None:
    person = await api.person()
    elsewhere = await api.sign_in(person.user["username"])
    changed = await person.post("/api/auth/password/change/", {"old_password": PASSWORD, "new_password": NEW})
    assert (changed.status, list(changed.data)) == (200, ["access", "refresh"])
    for refresh, status in (
        (person.refresh, 401),
        (elsewhere.refresh, 401),
        (changed.data["refresh"], 200),
    ):
        answer = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": refresh})
        assert answer.status == status
    assert (await Person(api, changed.data["access"]).get("/api/users/me/")).status == 200
    assert await can_sign_in(api, person, NEW)
    assert not await can_sign_in(api, person, PASSWORD)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"old_password": "wrong-password-9", "new_password": NEW}, "old_password"),
        ({"old_password": PASSWORD, "new_password": "short"}, "new_password"),
        ({"old_password": PASSWORD, "new_password": "8273645190"}, "new_password"),
        ({"old_password": PASSWORD, "new_password": "password123"}, "new_password"),
        ({"old_password": PASSWORD}, "new_password"),
        ({"new_password": NEW}, "old_password"),
        ({"old_password": 1, "new_password": NEW}, "old_password"),
        ({"old_password": PASSWORD, "new_password": "a\0bcdefghijk"}, "new_password"),
    ],
)
async def test_a_password_that_will_not_do_changes_nothing(
    api: Api, body: dict[str, object], field: str
) -> None:
    person = await api.person()
    refused = await person.post("/api/auth/password/change/", body)
    assert (refused.status, list(refused.data["errors"])) == (400, [field])
    assert await can_sign_in(api, person, PASSWORD)


async def test_changing_a_password_needs_a_sign_in(api: Api) -> None:
    body = {"old_password": PASSWORD, "new_password": NEW}
    assert (await api.anonymous.post("/api/auth/password/change/", body)).status == 401


async def test_of_changes_at_once_one_counts_and_one_sign_in_is_left(api: Api) -> None:
    person = await api.person()
    passwords = [f"{NEW}-{number}" for number in range(6)]
    answers = await asyncio.gather(
        *(
            person.post("/api/auth/password/change/", {"old_password": PASSWORD, "new_password": password})
            for password in passwords
        )
    )
    # Who comes too late finds the password changed, or their sign-in ended.
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {400, 401}
    [kept] = [password for password, answer in zip(passwords, answers, strict=True) if answer.status == 200]
    assert await can_sign_in(api, person, kept)


async def test_no_sign_in_with_the_old_password_outlives_its_change(api: Api) -> None:
    person = await api.person()
    login = {"username": person.user["username"], "password": PASSWORD}
    changed, *sign_ins = await asyncio.gather(
        person.post("/api/auth/password/change/", {"old_password": PASSWORD, "new_password": NEW}),
        *(api.anonymous.post("/api/auth/token/", login) for _ in range(8)),
    )
    assert changed.status == 200
    assert {answer.status for answer in sign_ins} <= {200, 401}
    alive = "SELECT count(*) FROM sign_ins WHERE user_id = $1 AND ended_at IS NULL"
    assert await api.database.fetch_value(alive, person.id) == 1


async def test_a_mailed_token_resets_the_password_once(api: Api) -> None:
    person = await api.person()
    token = await ask_reset(api, person)
    body = {"token": token, "new_password": NEW}
    done = await api.anonymous.post("/api/auth/password/reset/confirm/", body)
    assert (done.status, list(done.data)) == (200, ["detail"])
    assert await can_sign_in(api, person, NEW)
    assert not await can_sign_in(api, person, PASSWORD)
    refreshed = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    assert refreshed.status == 401
    again = await api.anonymous.post("/api/auth/password/reset/confirm/", body)
    assert (again.status, list(again.data["errors"])) == (400, ["token"])


async def test_a_weak_password_does_not_use_the_token_up(api: Api) -> None:
    person = await api.person()
    token = await ask_reset(api, person)
    path = "/api/auth/password/reset/confirm/"
    for weak in ("short", person.user["username"]):
        refused = await api.anonymous.post(path, {"token": token, "new_password": weak})
        assert (refused.status, list(refused.data["errors"])) == (400, ["new_password"])
    assert (await api.anonymous.post(path, {"token": token, "new_password": NEW})).status == 200


GUESSED = "Is too weak. Your name, your address and the name of this service are guessed first."


async def test_what_a_person_is_known_by_is_no_password_at_any_door(api: Api) -> None:
    details = {"first_name": "Guinevere", "last_name": "Meadowsweet"}
    person = await api.person(email="kestrel.box@example.com", **details)
    token = await ask_reset(api, person)
    known = "kestrel.box@example.com", "Kestrel.Box", "guinevere1", "meadowsweet", "eventhub", "event hub"
    for word in known:
        new = {
            "username": f"{person.user['username']}-2",
            "email": "kestrel.box@example.com",
            "password": word,
        }
        for field, answer in (
            ("password", await api.anonymous.post("/api/users/", {**new, **details})),
            (
                "new_password",
                await person.post(
                    "/api/auth/password/change/", {"old_password": PASSWORD, "new_password": word}
                ),
            ),
            (
                "new_password",
                await api.anonymous.post(
                    "/api/auth/password/reset/confirm/", {"token": token, "new_password": word}
                ),
            ),
        ):
            assert (answer.status, list(answer.data["errors"])) == (400, [field]), word
            assert answer.data["errors"][field][0].startswith(GUESSED), word
    assert await can_sign_in(api, person, PASSWORD)


async def test_a_password_that_cannot_be_judged_is_taken_at_no_door(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await api.person()
    token = await ask_reset(api, person)
    slow = Sandbox("tests.fakes.answers", Limits(cpu_seconds=1, memory_bytes=2**30, seconds=0.1), places=1)
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "_judge", slow)
        new = {"username": "somebody", "email": "somebody@example.com", "password": NEW}
        change = {"old_password": PASSWORD, "new_password": NEW}
        for answer in (
            await api.anonymous.post("/api/users/", new),
            await person.post("/api/auth/password/change/", change),
            await api.anonymous.post(
                "/api/auth/password/reset/confirm/", {"token": token, "new_password": NEW}
            ),
        ):
            assert (answer.status, answer.data["code"], answer.headers["Retry-After"]) == (503, "busy", "5")
    assert await api.database.fetch_value("SELECT count(*) FROM users") == 1
    assert await can_sign_in(api, person, PASSWORD)
    body = {"token": token, "new_password": NEW}
    assert (await api.anonymous.post("/api/auth/password/reset/confirm/", body)).status == 200


async def test_a_weak_password_of_old_goes_on_signing_in_and_is_not_taken_anew(api: Api) -> None:
    person = await api.person()
    await api.database.execute(
        "UPDATE users SET password_hash = $1", await passwords.hash_password("password1")
    )
    assert await can_sign_in(api, person, "password1")
    body = {"old_password": "password1", "new_password": "password1"}
    assert (await person.post("/api/auth/password/change/", body)).status == 400


async def test_asking_never_tells_whether_the_address_exists(api: Api) -> None:
    person, gone = await api.person(), await api.person()
    await api.database.execute("UPDATE users SET is_active = false WHERE id = $1", gone.id)
    await api.run_jobs()
    api.mailer.sent.clear()
    addresses = (person.user["email"].upper(), gone.user["email"], "nobody@example.com")
    answers = [
        await api.anonymous.post("/api/auth/password/reset/", {"email": address}) for address in addresses
    ]
    assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}
    await api.run_jobs()
    assert [mail.to_address for mail in api.mailer.sent] == [person.user["email"]]
    assert (await api.anonymous.post("/api/auth/password/reset/", {"email": "no address"})).status == 400


async def test_at_most_one_live_token_a_minute_also_when_asked_at_once(api: Api) -> None:
    person = await api.person()
    body = {"email": person.user["email"]}
    await asyncio.gather(*(api.anonymous.get("/api/users/") for _ in range(20)))  # the pool is open
    await asyncio.gather(*(api.anonymous.post("/api/auth/password/reset/", body) for _ in range(20)))
    await api.anonymous.post("/api/auth/password/reset/", body)
    count = "SELECT count(*) FROM mailed_tokens WHERE user_id = $1 AND purpose = 'password_reset'"
    assert await api.database.fetch_value(count, person.id) == 1
    await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '61 seconds'")
    await api.anonymous.post("/api/auth/password/reset/", body)
    assert await api.database.fetch_value(count, person.id) == 2


async def test_a_token_that_was_used_keeps_nobody_from_another_within_the_minute(api: Api) -> None:
    person = await api.person()
    token = await ask_reset(api, person)
    body = {"token": token, "new_password": NEW}
    assert (await api.anonymous.post("/api/auth/password/reset/confirm/", body)).status == 200
    assert await ask_reset(api, person) != token


async def test_asking_takes_as_long_whether_or_not_the_address_exists(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventhub.web.auth.RESET_ANSWER_SECONDS", 0.3)
    person = await api.person()
    for address in (person.user["email"], "nobody@example.com"):
        began = time.monotonic()
        assert (await api.anonymous.post("/api/auth/password/reset/", {"email": address})).status == 200
        assert time.monotonic() - began >= 0.29


async def test_a_token_used_ten_times_at_once_works_once(api: Api) -> None:
    person = await api.person()
    token = await ask_reset(api, person)
    answers = await asyncio.gather(
        *(
            api.anonymous.post(
                "/api/auth/password/reset/confirm/", {"token": token, "new_password": f"{NEW}-{number}"}
            )
            for number in range(10)
        )
    )
    assert sorted(answer.status for answer in answers) == [200] + [400] * 9


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE mailed_tokens SET expires_at = now()",
        "UPDATE users SET email = 'moved' || id || '@example.com'",
        "UPDATE users SET is_active = false",
        "UPDATE mailed_tokens SET used_at = now()",
        "DELETE FROM mailed_tokens",
    ],
)
async def test_a_spent_token_is_worthless(api: Api, spoil: str) -> None:
    token = await ask_reset(api, await api.person())
    await api.database.execute(spoil)
    body = {"token": token, "new_password": NEW}
    refused = await api.anonymous.post("/api/auth/password/reset/confirm/", body)
    assert (refused.status, refused.data["code"]) == (400, "token_not_valid")


async def test_a_changed_password_makes_reset_tokens_worthless_and_others_not(api: Api) -> None:
    person = await api.person()
    [verification] = await mailed_tokens(api, person.user["email"])
    token = await ask_reset(api, person)
    body = {"old_password": PASSWORD, "new_password": NEW}
    assert (await person.post("/api/auth/password/change/", body)).status == 200
    body = {"token": token, "new_password": PASSWORD}
    assert (await api.anonymous.post("/api/auth/password/reset/confirm/", body)).status == 400
    assert (await api.anonymous.post("/api/auth/email/verify/", {"token": verification})).status == 200


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token.partition("-")[0],
        lambda token: token.partition("-")[0] + "-",
        lambda token: "1" + token,
        lambda token: token.replace("-", "-é"),
        lambda token: "99999999999999999999-" + token.partition("-")[2],
        lambda _: "",
        lambda _: "-",
        lambda _: "٣-abc",
    ],
)
async def test_a_forged_token_is_bad_input(api: Api, forge: object) -> None:
    token = await ask_reset(api, await api.person())
    assert callable(forge)
    body = {"token": forge(token), "new_password": NEW}
    refused = await api.anonymous.post("/api/auth/password/reset/confirm/", body)
    assert (refused.status, list(refused.data["errors"])) == (400, ["token"])


async def test_a_token_is_good_for_its_purpose_and_its_key_alone(api: Api, make_api: MakeApi) -> None:
    person = await api.person()
    [verification] = await mailed_tokens(api, person.user["email"])
    reset = await ask_reset(api, person)
    confirm = "/api/auth/password/reset/confirm/"
    assert (await api.anonymous.post(confirm, {"token": verification, "new_password": NEW})).status == 400
    assert (await api.anonymous.post("/api/auth/email/verify/", {"token": reset})).status == 400
    other = await make_api(secret_key="another secret, of more than thirty-two bytes")
    assert (await other.anonymous.post("/api/auth/email/verify/", {"token": verification})).status == 400


async def test_registration_mails_a_token_that_verifies_the_address_once(api: Api) -> None:
    person = await api.person()
    assert person.user["is_verified"] is False
    [token] = await mailed_tokens(api, person.user["email"])
    path = "/api/auth/email/verify/"
    assert (await api.anonymous.post(path, {"token": token})).status == 200
    assert (await person.get("/api/users/me/")).data["is_verified"] is True
    again = await api.anonymous.post(path, {"token": token})
    assert (again.status, list(again.data["errors"])) == (400, ["token"])


RESEND = "/api/auth/email/verify/resend/"


async def test_who_lost_the_mail_may_ask_for_another_until_they_are_verified(api: Api) -> None:
    person = await api.person()
    [first] = await mailed_tokens(api, person.user["email"])
    on_its_way = {"detail": "A mail with a new token is on its way."}
    soon = await person.post(RESEND)
    assert (soon.status, soon.data) == (200, on_its_way)
    assert await mailed_tokens(api, person.user["email"]) == [first], "the first has only just left"
    await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '61 seconds'")
    assert (await person.post(RESEND)).data == on_its_way
    [_, second] = await mailed_tokens(api, person.user["email"])
    assert (await api.anonymous.post("/api/auth/email/verify/", {"token": second})).status == 200
    await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '61 seconds'")
    verified = await person.post(RESEND)
    assert (verified.status, verified.data) == (200, {"detail": "The email address is already verified."})
    assert len(await mailed_tokens(api, person.user["email"])) == 2
    assert (await api.anonymous.post(RESEND)).status == 401


async def test_a_new_address_is_verified_anew(api: Api) -> None:
    person = await api.person()
    [old] = await mailed_tokens(api, person.user["email"])
    await api.anonymous.post("/api/auth/email/verify/", {"token": old})
    address = f"new-{person.user['email']}"
    changed = await person.patch("/api/users/me/", new_email(address))
    assert (changed.data["email"], changed.data["is_verified"]) == (address, False)
    [token] = await mailed_tokens(api, address)
    assert (await api.anonymous.post("/api/auth/email/verify/", {"token": token})).status == 200
    kept = await person.patch("/api/users/me/", {"email": address, "bio": "The same address."})
    assert kept.data["is_verified"] is True
    assert len(await mailed_tokens(api, address)) == 1


async def test_a_token_to_an_address_that_was_left_is_not_mailed(api: Api) -> None:
    person = await api.person()
    left, address = person.user["email"], f"new-{person.user['email']}"
    assert (await person.patch("/api/users/me/", new_email(address))).status == 200
    assert await mailed_tokens(api, left) == []
    await api.database.execute("UPDATE jobs SET run_at = now()")
    assert len(await mailed_tokens(api, address)) == 1
    assert await mailed_tokens(api, left) == []


@pytest.mark.parametrize("is_verified", [True, False])
async def test_the_address_that_was_left_is_told(api: Api, is_verified: bool) -> None:
    person = await api.person()
    await api.run_jobs()
    await api.database.execute("UPDATE users SET is_verified = $1", is_verified)
    api.mailer.sent.clear()
    old, new = person.user["email"], f"new-{person.user['email']}"
    await person.patch("/api/users/me/", {**new_email(new), "bio": "x"})
    await person.patch("/api/users/me/", {"email": new, "bio": "y"})
    await api.run_jobs()
    [mail] = [mail for mail in api.mailer.sent if mail.to_address == old]
    assert mail.subject == "Your email address was changed"
    assert (person.user["username"] in mail.text) == is_verified
    assert (mail.to_name == person.user["full_name"]) == is_verified
    assert (mail.unsubscribe_url is None) == is_verified
    assert new not in mail.text
    assert mail.message_id.startswith("<left-address-")


async def test_one_live_verification_mail_a_minute(api: Api) -> None:
    person = await api.person()
    await api.run_jobs()
    api.mailer.sent.clear()
    addresses = [f"{name}-{person.user['email']}" for name in ("b", "c", "d")]
    for address in addresses:
        assert (await person.patch("/api/users/me/", new_email(address))).status == 200
    assert [await mailed_tokens(api, address) for address in addresses] == [[], [], []]
    waits = "SELECT extract(epoch FROM max(run_at) - now())::float FROM jobs WHERE kind = 'send_token'"
    assert 50 < await api.database.fetch_value(waits) <= 60
    await api.database.execute("UPDATE jobs SET run_at = now()")
    assert [len(await mailed_tokens(api, address)) for address in addresses] == [0, 0, 1]


async def test_an_address_that_was_verified_keeps_nobody_from_the_next_mail_within_the_minute(
    api: Api,
) -> None:
    person = await api.person()
    await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '61 seconds'")
    for number in range(2):
        address = f"moved{number}@example.com"
        assert (await person.patch("/api/users/me/", new_email(address))).status == 200
        [token] = await mailed_tokens(api, address)
        verified = await api.anonymous.post("/api/auth/email/verify/", {"token": token})
        assert verified.status == 200


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE mailed_tokens SET expires_at = now()",
        "UPDATE mailed_tokens SET used_at = now()",
        "UPDATE users SET is_active = false",
        "UPDATE users SET email = 'moved' || id || '@example.com'",
    ],
)
async def test_a_token_that_is_spent_while_a_password_is_hashed_changes_nothing(api: Api, spoil: str) -> None:
    person = await api.person()
    text = await ask_reset(api, person)
    keys = api.resources.settings.secret_keys
    token = await accounts.find_token(api.database, text, TokenPurpose.PASSWORD_RESET, secret_keys=keys)
    await api.database.execute(spoil)
    with pytest.raises(Invalid):
        async with api.database.transaction() as tx:
            await accounts.reset_password(tx, token, "another hash")


async def test_a_refused_change_of_address_mails_nothing(api: Api) -> None:
    person, other = await api.person(), await api.person()
    await api.run_jobs()
    api.mailer.sent.clear()
    refused = await person.patch("/api/users/me/", new_email(other.user["email"]))
    assert (refused.status, refused.data["code"]) == (409, "email_taken")
    assert await mailed_tokens(api, other.user["email"]) == []


async def test_a_mail_server_that_is_away_gets_the_mail_later(api: Api) -> None:
    person = await api.person()
    api.mailer.fail_next(MailTemporarilyFailed("451 try later"))
    await api.run_jobs(may_fail=True)
    assert api.mailer.sent == []
    await api.database.execute("UPDATE jobs SET run_at = now()")
    [token] = await mailed_tokens(api, person.user["email"])
    assert (await api.anonymous.post("/api/auth/email/verify/", {"token": token})).status == 200


async def test_mails_link_to_the_pages_that_the_settings_name(make_api: MakeApi) -> None:
    api = await make_api(
        password_reset_page="https://app.example.com/reset?token={token}",
        email_verification_page="https://app.example.com/verify/{token}",
    )
    person = await api.person()
    [_, code] = await mailed_tokens(api, person.user["email"])
    mail = api.mailer.sent[0]
    assert f"https://app.example.com/verify/{code}" in mail.text
    assert mail.message_id.startswith("<token-")
    await api.anonymous.post("/api/auth/password/reset/", {"email": person.user["email"]})
    await api.run_jobs()
    assert "https://app.example.com/reset?token=" in api.mailer.sent[1].text
    assert "1 hour" in api.mailer.sent[1].text


async def test_rows_of_tokens_hold_no_secret(api: Api) -> None:
    token = await ask_reset(api, await api.person())
    rows = await api.database.fetch("SELECT to_jsonb(t)::text AS row FROM mailed_tokens t")
    jobs = await api.database.fetch("SELECT payload::text AS row FROM job_log")
    assert rows
    assert jobs
    assert not any(token.partition("-")[2] in row["row"] for row in [*rows, *jobs])


async def test_spent_rows_are_purged_a_day_after_they_expired(api: Api) -> None:
    person = await api.person()
    await api.database.execute("UPDATE mailed_tokens SET expires_at = now() - interval '25 hours'")
    await api.database.execute(
        "INSERT INTO sign_ins (user_id, created_at, expires_at) "
        "SELECT $1, now(), now() - make_interval(hours => h) FROM unnest(ARRAY[23, 25]) AS h",
        person.id,
    )
    assert await auth.purge_spent(api.database) == 2
    assert await auth.purge_spent(api.database) == 0
    left = await api.database.fetch_value("SELECT count(*) FROM sign_ins WHERE user_id = $1", person.id)
    assert left == 2
