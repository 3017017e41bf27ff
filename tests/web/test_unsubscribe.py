"""One click ends the mails, without signing in; a link that is only looked at changes nothing."""

import pytest

from tests.api import Api, Person
from tests.conftest import MakeApi


async def is_enabled(person: Person) -> bool:
    return bool((await person.get("/api/users/me/")).data["profile"]["notifications_enabled"])


async def test_the_page_asks_and_the_click_ends_the_mails(api: Api) -> None:
    person, other = await api.person(), await api.person()
    path = api.unsubscribe_path(person.id)
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
    forged = api.unsubscribe_path(one.id).replace(f"/{one.id}.", f"/{two.id}.")
    assert (await api.anonymous.post(forged)).status == 404


async def ended(api: Api) -> list[str]:
    rows = await api.database.fetch("SELECT address FROM mail_suppressions ORDER BY address")
    return [row["address"] for row in rows]


@pytest.mark.parametrize(
    "address", ["Ann@example.com", "привет@xn--e1afmkfd.example", "a+b@example.com", "nobody@example.com"]
)
async def test_the_link_of_an_address_asks_and_ends_its_mails(api: Api, address: str) -> None:
    person, other = await api.person(email="ann@example.com"), await api.person()
    path = api.unsubscribe_path(address)
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
    await api.anonymous.post(api.unsubscribe_path(person.id))
    assert not await is_enabled(person)
    assert await ended(api) == [person.user["email"]]


async def test_the_link_of_a_user_whose_address_is_verified_is_theirs_to_take_back(api: Api) -> None:
    person = await api.person()
    await person.verify()
    done = await api.anonymous.post(api.unsubscribe_path(person.id))
    assert "You can turn them on again" in done.text
    assert not await is_enabled(person)
    assert await ended(api) == []


async def test_the_proof_of_one_address_is_none_of_another(api: Api) -> None:
    one, two = (api.unsubscribe_path(f"{name}@example.com") for name in ("ann", "bob"))
    forged = f"{two.partition('.')[0]}.{one.partition('.')[2]}"
    assert (await api.anonymous.post(forged)).status == 404
    assert (await api.anonymous.post(two)).status == 200


async def test_the_link_of_an_address_outlives_a_change_of_the_secret_key(
    api: Api, make_api: MakeApi
) -> None:
    link = api.unsubscribe_path("ann@example.com")
    after = await make_api(secret_key="k" * 32, secret_key_fallbacks=(api.resources.settings.secret_key,))
    assert (await after.anonymous.post(link)).status == 200
    gone = await make_api(secret_key="k" * 32)
    assert (await gone.anonymous.post(link)).status == 404
