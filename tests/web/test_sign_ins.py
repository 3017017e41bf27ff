"""Where somebody is signed in: listed to them alone, and ended by them one by one or all but one."""

import time
from datetime import datetime
from ipaddress import ip_network
from typing import Any

import pytest

from eventhub.services import auth
from eventhub.services.tokens import TokenSigner
from eventhub.web.call import SIGN_INS
from tests.api import PASSWORD, Api, Person
from tests.conftest import MakeApi
from tests.web.test_errors import check_error

PATH = "/api/auth/sign_ins/"


async def opened(api: Api, person: Person, **headers: str) -> Person:
    """Return the same person at another sign-in, opened with these headers."""
    body = {"username": person.user["username"], "password": PASSWORD}
    tokens = await api.anonymous.post("/api/auth/token/", body, headers=headers)
    assert tokens.status == 200
    return Person(api, tokens.data["access"], person.user, tokens.data["refresh"])


async def is_open(api: Api, person: Person) -> bool:
    answer = await api.anonymous.post("/api/auth/token/refresh/", {"refresh": person.refresh})
    assert answer.status in {200, 401}
    return bool(answer.status == 200)


async def current(person: Person) -> dict[str, Any]:
    [found] = [row for row in (await person.get(PATH)).data if row["is_current"]]
    return dict(found)


async def test_ones_own_open_sign_ins_are_listed_newest_first(api: Api) -> None:
    first, _ = await api.person(), await api.person()
    second = await opened(api, first, **{"User-Agent": "Netscape/4"})
    third = await opened(api, first)
    await api.anonymous.post("/api/auth/logout/", {"refresh": third.refresh})
    listed = await second.get(PATH)
    assert listed.status == 200
    assert list(listed.data[0]) == ["id", "created_at", "last_used_at", "network", "user_agent", "is_current"]
    assert [row["is_current"] for row in listed.data] == [True, False]
    assert (listed.data[0]["user_agent"], listed.data[0]["network"]) == ("Netscape/4", "127.0.0.0/24")
    assert [row["is_current"] for row in (await first.get(PATH)).data] == [False, True]
    page = await second.get(f"{PATH}?page_size=1&count=true")
    assert (len(page.data), page.headers["X-Total-Count"], "Link" in page.headers) == (1, "2", True)
    oldest = await second.get(f"{PATH}?ordering=last_used_at")
    assert [row["id"] for row in oldest.data] == [row["id"] for row in reversed(listed.data)]


async def test_a_refresh_says_when_a_sign_in_was_last_used(api: Api) -> None:
    person = await api.person()
    assert (await current(person))["last_used_at"] is None
    assert await is_open(api, person)
    row = await current(person)
    assert datetime.fromisoformat(row["last_used_at"]) >= datetime.fromisoformat(row["created_at"])


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x" * 400, "x" * 300),
        ("a\tb", "ab"),
        ("Zoë's phone \udcff", None),  # bytes that are no UTF-8
        ("", ""),
    ],
)
async def test_a_user_agent_is_cut_and_holds_no_control_characters(
    api: Api, sent: str, kept: str | None
) -> None:
    person = await opened(api, await api.person(), **{"User-Agent": sent})
    found = (await current(person))["user_agent"]
    assert found == kept if kept is not None else found.startswith("Zo")


async def test_the_network_is_the_clients_and_not_the_proxys(make_api: MakeApi) -> None:
    behind, open_to_all = await make_api(trusted_proxies=(ip_network("127.0.0.1"),)), await make_api()
    person = await behind.person()
    for api, address, network in (
        (behind, "203.0.113.9", "203.0.113.0/24"),
        (behind, "2001:db8:1:2::3", "2001:db8:1::/48"),
        (open_to_all, "203.0.113.9", "127.0.0.0/24"),  # what a client says of itself is no address
    ):
        signed_in = await opened(api, person, **{"X-Forwarded-For": address})
        assert (await current(signed_in))["network"] == network


async def test_a_changed_password_opens_a_sign_in_that_says_where(api: Api) -> None:
    person = await api.person()
    body = {"old_password": PASSWORD, "new_password": "another-good-password-2"}
    changed = await person.post("/api/auth/password/change/", body, headers={"User-Agent": "Lynx"})
    [row] = (await Person(api, changed.data["access"]).get(PATH)).data
    assert (row["user_agent"], row["network"], row["is_current"]) == ("Lynx", "127.0.0.0/24", True)


async def test_one_that_is_ended_dies_and_the_others_live(api: Api) -> None:
    person = await api.person()
    other = await opened(api, person)
    path = f"{PATH}{(await current(other))['id']}/"
    for _ in range(2):
        assert (await person.delete(path)).status == 204
    assert [await is_open(api, who) for who in (person, other)] == [True, False]
    assert (await person.delete(f"{PATH}{(await current(person))['id']}/")).status == 204
    assert not await is_open(api, person)


async def test_anothers_sign_in_is_as_one_that_does_not_exist(api: Api) -> None:
    person, stranger = await api.person(), await api.person()
    path = f"{PATH}{(await current(person))['id']}/"
    for missing in (path, f"{PATH}999999/", f"{PATH}x/", f"{PATH}0/"):
        check_error(await stranger.delete(missing), 404, "not_found")
    assert await is_open(api, person)


async def test_all_others_end_at_once(api: Api) -> None:
    person, stranger = await api.person(), await api.person()
    others = [await opened(api, person) for _ in range(3)]
    assert (await person.delete(PATH)).status == 204
    assert not any([await is_open(api, other) for other in others])
    assert all([await is_open(api, who) for who in (person, stranger)])
    [left] = (await person.get(PATH)).data
    assert left["is_current"]
    # A token that is remembered still reads for some seconds, but signs nobody out.
    check_error(await others[0].delete(PATH), 401, "token_not_valid")
    assert await is_open(api, person)


@pytest.fixture
async def expired(api: Api) -> Person:
    """Somebody whose one sign-in has had its time, with tokens that have not; nothing remembers who they are."""
    person = await api.person()
    await api.database.execute("UPDATE sign_ins SET expires_at = now() WHERE user_id = $1", person.id)
    api.client.app[SIGN_INS]._known.clear()
    return person


async def test_a_sign_in_that_has_had_its_time_is_worth_nothing(api: Api, expired: Person) -> None:
    assert not await is_open(api, expired)
    assert (await expired.get("/api/users/me/")).status == 401
    again = await opened(api, expired)
    assert [row["is_current"] for row in (await again.get(PATH)).data] == [True]


async def test_a_sign_in_that_has_had_its_time_since_changes_nothing(api: Api) -> None:
    """This process remembers it for a few seconds: what writes looks again."""
    person = await api.person()
    assert (await person.get("/api/users/me/")).status == 200
    await api.database.execute("UPDATE sign_ins SET expires_at = now() WHERE user_id = $1", person.id)
    assert (await person.delete(f"{PATH}1/")).status == 401
    body = {"old_password": PASSWORD, "new_password": "another-good-password-2"}
    assert (await person.post("/api/auth/password/change/", body)).status == 401


async def test_who_is_deactivated_has_no_use_of_an_open_sign_in(api: Api) -> None:
    person = await api.person()
    await api.database.execute("UPDATE users SET is_active = false WHERE id = $1", person.id)
    api.client.app[SIGN_INS]._known.clear()
    assert not await is_open(api, person)
    assert (await person.get("/api/users/me/")).status == 401
    body = {"username": person.user["username"], "password": PASSWORD}
    assert (await api.anonymous.post("/api/auth/token/", body)).status == 401


async def test_what_has_ended_keeps_the_time_of_its_end(api: Api) -> None:
    person = await api.person()
    other, last = await opened(api, person), await opened(api, person)
    ended = "SELECT id, ended_at FROM sign_ins WHERE ended_at IS NOT NULL"
    own = (await current(other))["id"]
    assert (await person.delete(f"{PATH}{own}/")).status == 204
    (first,) = await api.database.fetch(ended)
    assert first["id"] == own

    async def keeps_it() -> bool:
        return any(row == first for row in await api.database.fetch(ended))

    assert (await person.delete(f"{PATH}{own}/")).status == 204
    assert await keeps_it()
    assert (await api.anonymous.post("/api/auth/logout/", {"refresh": other.refresh})).status in {204, 401}
    assert await keeps_it()
    assert (await last.delete(PATH)).status == 204
    assert await keeps_it()
    body = {"old_password": PASSWORD, "new_password": "another-good-password-2"}
    assert (await last.post("/api/auth/password/change/", body)).status == 200
    assert await keeps_it()


async def test_sign_ins_are_ordered_by_their_last_use(api: Api) -> None:
    person = await api.person()
    await opened(api, person)
    assert await is_open(api, person)  # the older one is used now
    newest = [row["is_current"] for row in (await person.get(f"{PATH}?ordering=-last_used_at")).data]
    assert newest == [True, False]


async def test_an_access_token_is_remembered_no_longer_than_it_lives(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventhub.services.tokens.LEEWAY_SECONDS", 0)
    api = await make_api(access_ttl_seconds=5)
    person = await api.person()
    until, _ = api.client.app[SIGN_INS]._known[person.token]
    assert until - time.monotonic() <= 5


async def test_the_time_that_clocks_may_differ_by_belongs_to_a_tokens_life(make_api: MakeApi) -> None:
    api = await make_api(access_ttl_seconds=2)
    person = await api.person()
    until, _ = api.client.app[SIGN_INS]._known[person.token]
    assert 5 < until - time.monotonic() <= 12


async def test_so_many_sign_ins_are_remembered_and_the_oldest_forgotten(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventhub.services.auth.REMEMBERED_SIGN_INS", 2)
    people = [await api.person() for _ in range(3)]
    known = api.client.app[SIGN_INS]._known
    assert set(known) == {person.token for person in people[1:]}


async def test_a_network_that_nobody_knows_is_known_to_nobody(api: Api) -> None:
    person = await api.person()
    await api.database.execute("UPDATE sign_ins SET network = ''")
    assert not await auth.is_known_network(api.database, person.id, "")
    assert not (await auth.find_account(api.database, person.user["username"], "")).is_from_known_network


async def test_nobody_signs_in_who_was_deactivated_or_whose_password_changed_meanwhile(api: Api) -> None:
    """The password was right when it was looked at."""
    person, settings = await api.person(), api.resources.settings
    signer = TokenSigner(settings.secret_keys, settings.access_ttl_seconds, settings.refresh_ttl_seconds)
    login = await auth.find_account(api.database, person.user["username"], "")
    assert login.account is not None
    known = login.account.password_hash
    assert await auth.open_sign_in(api.database, signer, person.id, known, auth.Device()) is not None
    assert await auth.open_sign_in(api.database, signer, person.id, f"{known}x", auth.Device()) is None
    await api.database.execute("UPDATE users SET is_active = false WHERE id = $1", person.id)
    assert await auth.open_sign_in(api.database, signer, person.id, known, auth.Device()) is None
