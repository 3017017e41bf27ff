"""One click ends the mails, without signing in; a link that is only looked at changes nothing."""

import pytest

from eventhub.services.notifications import unsubscribe_url
from tests.api import Api, Person


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
    "token", ["1", "1.", "0.abc", "1." + "0" * 32, "x.y", "99999999999999999999.aa", "٣.é"]
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
