"""One click ends the mails, without signing in; a link that is only looked at changes nothing."""

import pytest

from eventhub.services.notifications import unsubscribe_address_url, unsubscribe_url
from eventhub.settings import Settings
from tests.api import Api, Person
from tests.conftest import MakeApi


def path_of(api: Api, person: Person) -> str:
    return unsubscribe_url(api.resources.settings, person.id).partition("://")[2].partition("/")[2]


async def is_enabled(person: Person) -> bool:
    return bool((await person.get("/api/users/me/")).data["profile"]["notifications_enabled"])


async def test_the_page_asks_and_the_click_ends_the_mails(api: Api) -> None:
    person, other = await api.person(), await api.person()
    path = f"/{path_of(api, person)}"
    page = await api.anonymous.get(path)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert '<form method="post">' in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert await is_enabled(person)
    for _ in range(2):
        done = await api.anonymous.post(path, data={"List-Unsubscribe": "One-Click"})
        assert done.status == 200
    assert not await is_enabled(person)
    assert await is_enabled(other)


@pytest.mark.parametrize(
    "token",
    [
        *("1", "1.", "0.abc", "1." + "0" * 32, "x.y", "99999999999999999999.aa", "٣.é"),
        *(
            "a-",
            "a-.",
            "a-YW5u",
            "a-YW5uQGIuYw." + "0" * 32,
            "a-!.x",
            "a-é.x",
            "a-_w." + "0" * 32,
            "a-YW5uQGIuYw.é",
        ),
    ],
)
async def test_a_forged_link_is_not_found(api: Api, token: str) -> None:
    person = await api.person()
    for method in ("GET", "POST"):
        answer = await api.anonymous.request(method, f"/api/notifications/unsubscribe/{token}/")
        assert (answer.status, answer.data["code"]) == (404, "not_found")
    assert await is_enabled(person)


async def test_the_proof_of_one_user_is_none_of_another(api: Api) -> None:
    one, two = await api.person(), await api.person()
    forged = path_of(api, one).replace(f"/{one.id}.", f"/{two.id}.")
    assert (await api.anonymous.post(f"/{forged}")).status == 404


def address_path(settings: Settings, address: str) -> str:
    return "/" + unsubscribe_address_url(settings, address).partition("://")[2].partition("/")[2]


async def ended(api: Api) -> list[str]:
    rows = await api.database.fetch("SELECT address FROM mail_suppressions ORDER BY address")
    return [row["address"] for row in rows]


@pytest.mark.parametrize(
    "address", ["Ann@example.com", "привет@xn--e1afmkfd.example", "a+b@example.com", "nobody@example.com"]
)
async def test_the_link_of_an_address_asks_and_ends_its_mails(api: Api, address: str) -> None:
    person, other = await api.person(email="ann@example.com"), await api.person()
    path = address_path(api.resources.settings, address)
    page = await api.anonymous.get(path)
    assert "<h1>Stop the mails to this address?</h1>" in page.text
    assert await ended(api) == []
    for _ in range(2):
        done = await api.anonymous.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (done.status, "You can turn them on" in done.text) == (200, False)
    assert await ended(api) == [address.lower()]
    assert await is_enabled(person)
    assert await is_enabled(other)


async def test_the_link_of_a_user_whose_address_is_unverified_ends_its_mails_too(api: Api) -> None:
    person = await api.person()
    await api.anonymous.post(f"/{path_of(api, person)}")
    assert not await is_enabled(person)
    assert await ended(api) == [person.user["email"]]


async def test_the_link_of_a_user_whose_address_is_verified_is_theirs_to_take_back(api: Api) -> None:
    person = await api.person()
    await person.verify()
    done = await api.anonymous.post(f"/{path_of(api, person)}")
    assert "You can turn them on again" in done.text
    assert not await is_enabled(person)
    assert await ended(api) == []


async def test_the_proof_of_one_address_is_none_of_another(api: Api) -> None:
    one, two = (address_path(api.resources.settings, f"{name}@example.com") for name in ("ann", "bob"))
    forged = f"{two.partition('.')[0]}.{one.partition('.')[2]}"
    assert (await api.anonymous.post(forged)).status == 404
    assert (await api.anonymous.post(two)).status == 200


async def test_the_link_of_an_address_outlives_a_change_of_the_secret_key(
    api: Api, make_api: MakeApi
) -> None:
    old = api.resources.settings
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(old.secret_key,))
    assert (await after.anonymous.post(address_path(old, "ann@example.com"))).status == 200
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.post(address_path(old, "ann@example.com"))).status == 404
