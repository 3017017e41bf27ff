"""How often one may ask: each limit, its headers, its keys, and Redis away."""

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
import redis.asyncio

from eventhub.services import auth
from eventhub.web.call import SIGN_INS
from eventhub.web.http.proxies import bucket
from eventhub.web.rate_limits import counters
from eventhub.web.rate_limits.limiter import Limiter, Rule, Throttled
from eventhub.web.rate_limits.limits import LIMITER
from tests.api import PASSWORD, Api, Person
from tests.cluster import Cluster
from tests.conftest import MakeApi
from tests.web.test_accounts import ask_reset

LOGIN = "/api/auth/token/"
WRONG = {"username": "somebody", "password": "wrong-password-1"}
LOCAL = (ip_network("127.0.0.0/8"),)


@pytest.fixture(autouse=True)
async def _fresh_counters(settings: Any) -> AsyncIterator[None]:
    client = redis.asyncio.Redis.from_url(settings.redis_url)
    await client.flushdb()
    yield
    await client.aclose()


def limiter(api: Api) -> Limiter:
    found = api.client.app[LIMITER]
    assert isinstance(found, Limiter)
    return found


async def test_failed_sign_ins_for_an_account_are_refused_in_the_error_format(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="3/minute")
    statuses = [(await api.anonymous.post(LOGIN, WRONG)).status for _ in range(3)]
    assert statuses == [401] * 3
    refused = await api.anonymous.post(LOGIN, WRONG)
    assert refused.status == 429
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 61
    assert refused.data == {
        "detail": f"Too many requests. Try again in {seconds} seconds.",
        "error": "Too many requests.",
        "code": "throttled",
    }
    assert refused.headers["RateLimit-Limit"] == "3"
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert refused.headers["RateLimit-Reset"] == refused.headers["Retry-After"]
    # However the name is written, and nobody else.
    assert (await api.anonymous.post(LOGIN, {**WRONG, "username": "SomeBody"})).status == 429
    assert (await api.anonymous.post(LOGIN, {**WRONG, "username": "another"})).status == 401


async def test_success_clears_the_accounts_count_and_does_not_count(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="3/minute", rate_limit_login_address="5/minute")
    person = await api.person()
    good = {"username": person.user["username"], "password": PASSWORD}
    bad = {**good, "password": "wrong-password-1"}
    for body, status in [
        (bad, 401),
        (bad, 401),
        (good, 200),
        (good, 200),
        (bad, 401),
        (bad, 401),
        (bad, 401),
    ]:
        assert (await api.anonymous.post(LOGIN, body)).status == status
    # Five failures from this address: that is its limit, whoever it is for.
    assert (await api.anonymous.post(LOGIN, {**WRONG, "username": "another"})).status == 429


async def test_failures_with_one_name_of_an_account_do_not_show_on_the_other(make_api: MakeApi) -> None:
    """Usernames are public, addresses are not: a guessed address has to look like one that nobody has."""
    api = await make_api(rate_limit=True, rate_limit_login="3/minute", rate_limit_login_address="99/minute")
    person = await api.person()
    username, email = person.user["username"], person.user["email"]

    async def fail(name: str) -> tuple[int, list[str]]:
        answer = await api.anonymous.post(LOGIN, {**WRONG, "username": name})
        return answer.status, sorted(header for header in answer.headers if header.startswith("RateLimit-"))

    spelled = [username, username.upper(), f" {username.title()} "]
    assert [await fail(name) for name in spelled] == [(401, [])] * 3
    assert (await fail(username))[0] == 429
    # Each has its own count, so both names together are bounded by twice the limit.
    for name in (email, "nobody@example.com"):
        answers = [await fail(text) for text in (name, name.upper(), name, name)]
        assert answers[:3] == [(401, [])] * 3
        assert answers[3] == (429, ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"])


async def test_success_under_one_name_leaves_the_others_count(make_api: MakeApi) -> None:
    """Or a guessed address that is open again after its owner signed in would be told from a foreign one."""
    api = await make_api(rate_limit=True, rate_limit_login="2/minute")
    person = await api.person()
    for status in (401, 401, 429):
        bad = {**WRONG, "username": person.user["email"]}
        assert (await api.anonymous.post(LOGIN, bad)).status == status
    assert (await api.sign_in(person.user["username"])).token
    assert (await api.anonymous.post(LOGIN, bad)).status == 429


async def test_a_reset_password_lets_its_owner_in_whoever_failed_before(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="3/minute")
    person = await api.person()
    login = {"username": person.user["username"], "password": PASSWORD}
    for status in (401, 401, 401, 429):
        assert (await api.anonymous.post(LOGIN, {**login, "password": "wrong-password-1"})).status == status
    assert (await api.anonymous.post(LOGIN, login)).status == 429
    body = {"token": await ask_reset(api, person), "new_password": "another-good-1"}
    assert (await api.anonymous.post("/api/auth/password/reset/confirm/", body)).status == 200
    assert (await api.anonymous.post(LOGIN, {**login, "password": "another-good-1"})).status == 200


def from_(address: str) -> dict[str, Any]:
    return {"headers": {"X-Forwarded-For": address}}


async def signing_in(api: Api, login: str, address: str, password: str = "wrong-password-1") -> int:
    return (
        await api.anonymous.post(LOGIN, {"username": login, "password": password}, **from_(address))
    ).status


async def was_signed_in_from(api: Api, person: Person, network: str) -> None:
    await api.database.execute("UPDATE sign_ins SET network = $2 WHERE user_id = $1", person.id, network)


async def test_no_stranger_locks_a_person_out(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="3/minute", trusted_proxies=LOCAL)
    person = await api.person()
    for login in (person.user["username"], person.user["email"]):
        assert [await signing_in(api, login, f"9.9.9.{n}") for n in range(5)] == [401] * 3 + [429] * 2
        assert [await signing_in(api, login, f"2001:db8:7:{n}::1") for n in range(4)] == [401] * 3 + [429]
        assert await signing_in(api, login, "9.9.9.1", PASSWORD) == 429
        assert await signing_in(api, login, "9.9.8.1", PASSWORD) == 200
        # What succeeds clears where it comes from alone.
        assert await signing_in(api, login, "9.9.9.1", PASSWORD) == 429


async def test_guesses_from_everywhere_are_bounded_but_where_the_account_is_known(make_api: MakeApi) -> None:
    limits = {"rate_limit_login": "3/minute", "rate_limit_login_name": "4/hour"}
    api = await make_api(rate_limit=True, trusted_proxies=LOCAL, **limits)
    person = await api.person()
    await was_signed_in_from(api, person, "8.8.8.0/24")
    email = person.user["email"]
    for login in (email, "nobody@example.com"):
        # The same for a name that nobody has, wherever one stands: also in the network that is known.
        assert [await signing_in(api, login, f"9.9.{n}.1") for n in range(6)] == [401] * 4 + [429] * 2
        assert [await signing_in(api, login, "8.8.8.9") for _ in range(3)] == [429] * 3
        assert await signing_in(api, login, "9.9.7.1", PASSWORD) == 429
    headers = [
        {name: value for name, value in answer.headers.items() if name.startswith(("RateLimit", "Retry"))}
        for answer in [
            await api.anonymous.post(LOGIN, {"username": login, "password": "x"}, **from_(address))
            for login in (email, "nobody@example.com")
            for address in ("8.8.7.1", "9.9.9.9")
        ]
    ]
    assert all(set(one) == set(headers[0]) and one["RateLimit-Limit"] == "4" for one in headers)
    assert (
        await signing_in(api, email, "8.8.8.7", PASSWORD) == 429
    )  # three failures from this network are enough
    await was_signed_in_from(api, person, "8.8.6.0/24")
    assert await signing_in(api, email, "8.8.6.7", PASSWORD) == 200
    assert await signing_in(api, email, "9.9.7.1", PASSWORD) == 429
    assert await signing_in(api, person.user["username"], "9.9.7.1", PASSWORD) == 200


async def test_rows_without_a_network_make_no_network_known(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login_name="1/hour")
    person = await api.person()
    await was_signed_in_from(api, person, "")
    found = await auth.find_account(api.database, person.user["username"], "")
    assert (found.account is not None, found.is_from_known_network) == (True, False)


async def test_a_stolen_sign_in_keeps_its_owner_from_nothing(make_api: MakeApi) -> None:
    limits = {"rate_limit_login": "2/minute", "rate_limit_login_name": "3/hour"}
    api = await make_api(rate_limit=True, trusted_proxies=LOCAL, **limits)
    person = await api.person()
    await was_signed_in_from(api, person, "8.8.8.0/24")

    async def change(address: str, old: str = "wrong-password-1") -> int:
        body = {"old_password": old, "new_password": "another-good-1"}
        return (await person.post("/api/auth/password/change/", body, **from_(address))).status

    assert [await change("9.9.9.1") for _ in range(3)] == [400, 400, 429]
    assert [await change(f"9.9.{n}.1") for n in range(3)] == [400, 429, 429]
    assert await change("9.9.7.1", PASSWORD) == 429
    assert await change("8.8.8.1", PASSWORD) == 200


async def test_a_reset_opens_both_names_here_and_their_wide_limits(make_api: MakeApi) -> None:
    limits = {"rate_limit_login": "2/minute", "rate_limit_login_name": "3/hour"}
    api = await make_api(rate_limit=True, trusted_proxies=LOCAL, **limits)
    person = await api.person()
    names = (person.user["username"], person.user["email"].upper())
    for login in names:
        assert [await signing_in(api, login, f"7.7.{n}.1") for n in (1, 1, 1, 2, 3)] == [
            401,
            401,
            429,
            401,
            429,
        ]
    body = {"token": await ask_reset(api, person), "new_password": "another-good-1"}
    confirm = "/api/auth/password/reset/confirm/"
    assert (await api.anonymous.post(confirm, body, **from_("7.7.1.9"))).status == 200
    for login in names:
        assert await signing_in(api, login, "7.7.1.1", "another-good-1") == 200
        assert await signing_in(api, login, "7.7.9.1", "another-good-1") == 200


async def test_a_name_has_one_count_however_it_is_spelled(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="2/minute", rate_limit_reset="2/hour")
    await api.person(username="iiii", email="iiii@b\u00fccher.example")
    username = ["\u0130iiI", "\uff29iii", "\u2170iii"]
    email = ["iii\u0130@B\u00dcCHER.example", " iiii@xn--bcher-kva.EXAMPLE ", "IIII@b\u00fccher.example"]
    for spelled in (username, email):
        answers = [await api.anonymous.post(LOGIN, {**WRONG, "username": name}) for name in spelled]
        assert [answer.status for answer in answers] == [401, 401, 429]
    answers = [await api.anonymous.post("/api/auth/password/reset/", {"email": name}) for name in email]
    assert [answer.status for answer in answers] == [200, 200, 429]
    two = await api.person()
    changes = [
        await two.patch("/api/users/me/", {"email": name, "current_password": PASSWORD}) for name in email
    ]
    assert [answer.status for answer in changes] == [409, 409, 429]


async def test_strangers_askings_keep_nobody_from_a_reset_and_bomb_nobody(make_api: MakeApi) -> None:
    limits = {"rate_limit_reset": "2/hour", "rate_limit_reset_mails": "3/day"}
    api = await make_api(rate_limit=True, trusted_proxies=LOCAL, **limits)
    person = await api.person()
    await was_signed_in_from(api, person, "8.8.8.0/24")
    await api.run_jobs()
    api.mailer.sent.clear()

    async def ask(email: str, address: str) -> tuple[int, str, int]:
        """Return the answer, and how many mails went out."""
        await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '2 minutes'")
        api.mailer.sent.clear()
        answer = await api.anonymous.post("/api/auth/password/reset/", {"email": email}, **from_(address))
        await api.run_jobs()
        return answer.status, answer.text if answer.status == 200 else "", len(api.mailer.sent)

    said = (await ask("nobody@example.com", "7.7.7.7"))[1]
    email = person.user["email"]
    assert [await ask(email, "9.9.9.1") for _ in range(3)] == [(200, said, 1), (200, said, 1), (429, "", 0)]
    assert await ask(email, "9.9.8.1") == (200, said, 1)
    # That was as many as strangers cause in a day, and none of them is told.
    assert [await ask(email, f"9.9.7{n}.1") for n in range(3)] == [(200, said, 0)] * 3
    assert await ask(email, "8.8.8.1") == (200, said, 1)


async def test_a_day_of_strangers_askings_leaves_the_owner_their_mails(make_api: MakeApi) -> None:
    """With the limits as they come: neither the reset nor the warnings are used up."""
    api = await make_api(rate_limit=True, trusted_proxies=LOCAL)
    person = await api.person()
    await person.verify()
    await was_signed_in_from(api, person, "8.8.8.0/24")
    body = {"email": person.user["email"]}
    for number in range(31):
        await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '2 minutes'")
        await api.anonymous.post("/api/auth/password/reset/", body, **from_(f"9.9.{number}.1"))
        await api.run_jobs()
    api.mailer.sent.clear()
    await api.database.execute("UPDATE mailed_tokens SET created_at = created_at - interval '2 minutes'")
    await api.anonymous.post("/api/auth/password/reset/", body, **from_("8.8.8.1"))
    await api.run_jobs()
    change = {"old_password": PASSWORD, "new_password": "another-good-password-2"}
    assert (await person.post("/api/auth/password/change/", change)).status == 200
    await api.run_jobs()
    assert [mail.subject for mail in api.mailer.sent] == ["Reset your password", "Your password was changed"]


async def test_delays_grow(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="2/minute;3/hour")
    counted = limiter(api)
    waits = []
    for statuses in ([401, 401, 429], [401, 429]):
        answers = [await api.anonymous.post(LOGIN, WRONG) for _ in statuses]
        assert [answer.status for answer in answers] == statuses
        waits.append(int(answers[-1].headers["Retry-After"]))
        # A minute passes.
        await counted.clear((Rule("login", counted.login.spans[:1]), "name somebody from 127.0.0.0/24"))
    assert waits[0] <= 61
    assert 3000 < waits[1] <= 3601


async def test_attempts_at_once_do_not_slip_through(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="3/minute")
    answers = await asyncio.gather(*(api.anonymous.post(LOGIN, WRONG) for _ in range(20)))
    assert sum(answer.status == 401 for answer in answers) == 3


async def test_a_stolen_sign_in_cannot_guess_the_password(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="2/minute")
    person = await api.person()
    body = {"old_password": "wrong-password-1", "new_password": "another-good-1"}
    answers = [await person.post("/api/auth/password/change/", body) for _ in range(3)]
    assert [answer.status for answer in answers] == [400, 400, 429]


async def test_registrations_from_an_address(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_register="2/minute")
    body = {"email": "a@example.com", "password": PASSWORD}
    answers = [
        await api.anonymous.post("/api/users/", {**body, "username": f"n{n}", "email": f"n{n}@example.com"})
        for n in range(3)
    ]
    assert [answer.status for answer in answers] == [201, 201, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]


async def test_resets_for_an_address_and_from_one(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_reset="1/hour", rate_limit_reset_address="2/hour")
    emails = ["a@example.com", "A@example.com", "b@example.com", "c@example.com"]
    answers = [await api.anonymous.post("/api/auth/password/reset/", {"email": email}) for email in emails]
    assert [answer.status for answer in answers] == [200, 429, 200, 429]


async def test_mails_to_verify_an_address_and_from_one(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_reset="1/hour", rate_limit_reset_address="2/hour")
    people = [await api.person() for _ in range(3)]
    path = "/api/auth/email/verify/resend/"
    assert [(await person.post(path)).status for person in [people[0], *people]] == [200, 429, 200, 429]


async def test_a_weak_new_password_is_no_failed_sign_in(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_login="2/minute")
    person = await api.person()
    for old in (PASSWORD, "wrong-password-1"):
        for _ in range(3):
            weak = await person.post(
                "/api/auth/password/change/", {"old_password": old, "new_password": "12345678"}
            )
            assert (weak.status, list(weak.data["errors"])) == (400, ["new_password"])
    login = {"username": person.user["username"], "password": PASSWORD}
    assert (await api.anonymous.post(LOGIN, login)).status == 200


async def test_changes_of_the_address_of_a_user_and_to_one(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_reset="2/hour")
    one, two = await api.person(), await api.person()

    async def change(person: Person, email: str) -> int:
        body = {"email": email, "current_password": PASSWORD}
        return (await person.patch("/api/users/me/", body)).status

    assert await change(one, one.user["email"]) == 200  # no change
    assert [await change(one, email) for email in ("v@example.com", two.user["email"])] == [200, 409]
    assert await change(one, "w@example.com") == 429
    assert await change(one, "v@example.com") == 200  # what it is already
    assert (await one.patch("/api/users/me/", {"bio": "x"})).status == 200
    assert [await change(two, "V@example.com") for _ in range(2)] == [409, 429]  # twice to one address


async def test_changes_of_addresses_from_one_place(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_reset_address="2/hour")
    people = [await api.person() for _ in range(3)]
    answers = [
        await person.patch(
            "/api/users/me/", {"email": f"n{person.id}@example.com", "current_password": PASSWORD}
        )
        for person in people
    ]
    assert [answer.status for answer in answers] == [200, 200, 429]


async def test_writes_of_a_user_and_reads_from_an_address(make_api: MakeApi) -> None:
    api = await make_api(
        rate_limit=True, rate_limit_write="4/hour", rate_limit_read="4/hour", rate_limit_register="9/hour"
    )
    person, other = await api.person(), await api.person()  # two writes of this address and one read each
    written = [await person.patch("/api/users/me/", {"bio": "x"}) for _ in range(5)]
    assert [answer.status for answer in written] == [200] * 4 + [429]
    assert [answer.headers["RateLimit-Remaining"] for answer in written] == ["3", "2", "1", "0", "0"]
    assert (await other.patch("/api/users/me/", {"bio": "x"})).status == 200
    # Reads count also where a copy answers.
    read = [await api.anonymous.get("/api/events/") for _ in range(3)]
    assert [answer.status for answer in read] == [200, 200, 429]
    assert (await api.anonymous.get("/healthz/")).status == 200


async def test_writes_without_a_good_token_are_refused_before_anybody_is_asked(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_write="4/hour", rate_limit_register="9/hour")
    person = await api.person()
    ended, forged = Person(api, person.token), Person(api, "forged")
    await api.anonymous.post("/api/auth/logout/", {"refresh": person.refresh})
    api.client.app[SIGN_INS]._known.clear()
    writers = (api.anonymous, ended, forged, ended, ended, forged, api.anonymous)
    answers = [await writer.post("/api/bookings/", {"event": 1}) for writer in writers]
    assert [answer.status for answer in answers] == [401] * 4 + [429] * 3
    assert "Retry-After" in answers[-1].headers
    assert (await api.anonymous.get("/api/events/")).status == 200


async def test_what_no_route_answers_counts_as_a_read(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_read="3/hour")
    asked = [("GET", "/nowhere/"), ("POST", "/healthz/"), ("POST", "/api/bookings"), ("DELETE", "/nowhere/")]
    statuses = [(await api.anonymous.request(method, path)).status for method, path in asked]
    assert statuses == [404, 405, 308, 429]


async def test_spoofed_addresses_are_ignored_without_trusted_proxies(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_read="2/hour")
    answers = [
        await api.anonymous.get("/api/events/", headers={"X-Forwarded-For": f"9.9.9.{n}"}) for n in range(3)
    ]
    assert [answer.status for answer in answers] == [200, 200, 429]


async def test_behind_a_proxy_the_rightmost_untrusted_address_counts(make_api: MakeApi) -> None:
    api = await make_api(rate_limit=True, rate_limit_read="1/hour", trusted_proxies=LOCAL)

    async def get(forwarded: str) -> int:
        return (await api.anonymous.get("/api/events/", headers={"X-Forwarded-For": forwarded})).status

    assert await get("1.1.1.1, 9.9.9.9") == 200
    assert await get("2.2.2.2, 9.9.9.9, 127.0.0.7") == 429
    assert await get("9.9.9.8") == 200
    assert await get("2001:db8::1") == 200
    assert await get("2001:db8::2") == 429  # the same /64
    assert await get("nonsense") == 200  # the proxy's own address
    assert await get("9.9.9.7, nonsense") == 429
    assert await get("7.7.7.8:1234") == 200
    assert await get("7.7.7.8:5678") == await get("7.7.7.8") == 429
    assert await get("[2001:db8:5::1]:443, 127.0.0.7:80") == 200
    assert await get("[2001:db8:5::2]") == 429


async def test_scheme_is_the_trusted_proxys_word(make_api: MakeApi) -> None:
    trusting, other = await make_api(trusted_proxies=LOCAL), await make_api()
    for api, scheme in [(trusting, "https"), (other, "http")]:
        organizer = await api.person("organizer")
        await organizer.create_event()
        await organizer.create_event()
        said = {"X-Forwarded-Proto": "https"}
        page = await api.anonymous.get("/api/events/?page_size=1", headers=said)
        assert page.headers["Link"].startswith(f"<{scheme}://127.0.0.1")


def test_bucket_is_what_one_person_holds() -> None:
    assert bucket("::ffff:1.2.3.4") == bucket("1.2.3.4") == "1.2.3.4"
    assert bucket("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"
    assert bucket("") == ""


@pytest.mark.parametrize("is_frozen", [True, False], ids=["frozen", "stopped"])
async def test_without_redis_answers_are_fast_and_limits_hold_in_memory(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, is_frozen: bool
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if is_frozen:
            silent.listen(100)  # takes connections, says nothing
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        api = await make_api(
            rate_limit=True, rate_limit_login="3/minute", rate_limit_read="5/hour", redis_url=url
        )
        monkeypatch.setattr(counters, "WAIT_SECONDS", 1.0)
        began = time.monotonic()
        statuses = [(await api.anonymous.post(LOGIN, WRONG)).status for _ in range(5)]
        reads = [(await api.anonymous.get("/api/events/")).status for _ in range(6)]
        assert time.monotonic() - began < 6, "one of them waits, not each of eleven"
        assert statuses == [401, 401, 401, 429, 429]
        assert reads == [200] * 5 + [429]


async def test_limiters_of_several_processes_share_their_counts(make_api: MakeApi) -> None:
    settings = (
        await make_api(rate_limit=True, rate_limit_login="4/hour", rate_limit_read="40/hour")
    ).resources.settings
    one, two = Limiter(settings), Limiter(settings)
    for each in (one, two, one, two):
        await each.check((each.login, "somebody"))
    with pytest.raises(Throttled):
        await one.check((one.login, "somebody"))
    passed = 0
    for _ in range(80):
        for each in (one, two):
            try:
                each.count(each.reads, "address")
                passed += 1
            except Throttled:
                pass
        await asyncio.sleep(0.002)
    assert 40 <= passed <= 44  # each may be ahead of Redis by a twentieth
    await one.close()
    await two.close()


async def test_redis_holds_no_address(make_api: MakeApi, settings: Any) -> None:
    api = await make_api(rate_limit=True)
    client = redis.asyncio.Redis.from_url(settings.redis_url)
    assert (await api.anonymous.get("/api/events/")).status == 200
    while not (keys := await client.keys("LIMITS:read:*")):
        await asyncio.sleep(0.01)
    assert not any(b"127.0.0.1" in key for key in keys)
    await client.aclose()


async def test_real_processes_share_their_counts(cluster: Cluster) -> None:
    cluster.start("web", EVENTHUB_RATE_LIMIT="on", EVENTHUB_RATE_LIMIT_LOGIN="5/hour")
    statuses = []
    for _ in range(9):
        async with cluster.http() as http:  # a new connection may come to another process
            statuses.append((await http.request("POST", LOGIN, body=WRONG))[0])
    assert statuses == [401] * 5 + [429] * 4
    cluster.kill("web", signal.SIGTERM)
