"""Where somebody is signed in: listed to them alone, and ended by them one by one or all but one."""

from datetime import datetime
from ipaddress import ip_network
from typing import Any

import pytest

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
