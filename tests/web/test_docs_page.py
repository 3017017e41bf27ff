"""The page to read and try the API, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Api
from tests.browser import Browser, needs_chromium, open_browser

pytestmark = [pytest.mark.long, needs_chromium]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


LOCKED = "document.querySelectorAll('.authorization__btn .locked').length"


async def test_a_person_reads_it_signs_in_and_tries_a_call(api: Api, browser: Browser) -> None:
    await api.person(username="reader")
    await browser.send("Page.navigate", url=str(api.client.make_url("/api/docs/")))
    count = await browser.wait_for("document.querySelectorAll('.opblock').length")
    assert count == len(ROUTES)
    assert await browser.ask("document.title") == "Event Hub API"
    assert await browser.ask(LOCKED) == 0
    assert await browser.ask("document.querySelectorAll('.authorization__btn .unlocked').length") == len(
        ROUTES
    )

    await browser.ask(
        "(() => { const f = document.getElementById('sign-in').elements;"
        f"f.username.value = 'reader'; f.password.value = '{PASSWORD}';"
        "document.querySelector('#sign-in button').click() })()"
    )
    assert await browser.wait_for(LOCKED) == len(ROUTES)
    assert await browser.ask("document.getElementById('who').textContent") == "Signed in as reader."

    await browser.ask("document.querySelector('#operations-Users-users_me .opblock-summary-control').click()")
    await browser.wait_for("document.querySelector('#operations-Users-users_me .execute') !== null")
    # Swagger UI resolves what was opened a moment later. What is executed before then, it never sends.
    await browser.wait_for("!!ui.specSelectors.specResolvedSubtree(['paths', '/api/users/me/', 'get'])")
    await browser.ask("document.querySelector('#operations-Users-users_me .execute').click()")
    answer = (
        "document.querySelector('#operations-Users-users_me .live-responses-table .microlight')?.textContent"
    )
    assert '"username": "reader"' in await browser.wait_for(answer)
    assert browser.problems == []


async def test_an_opened_call_fits_a_telephone(api: Api, browser: Browser) -> None:
    await browser.send(
        "Emulation.setDeviceMetricsOverride", width=400, height=900, deviceScaleFactor=1, mobile=False
    )
    await browser.send("Page.navigate", url=str(api.client.make_url("/api/docs/")))
    await browser.wait_for("document.querySelectorAll('.opblock').length")
    for name in ("Events-events_list", "Bookings-bookings_create", "Users-users_update_me"):
        await browser.ask(f"document.querySelector('#operations-{name} .opblock-summary-control').click()")
        await browser.wait_for(f"document.querySelector('#operations-{name} .execute') !== null")
        wide = (
            f"[...document.querySelectorAll('#operations-{name}, #operations-{name} table')]"
            ".filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.className)"
        )
        assert await browser.ask(wide) == []
    assert await browser.ask("document.documentElement.scrollWidth <= innerWidth")


async def test_a_wrong_password_is_told(api: Api, browser: Browser) -> None:
    await browser.send("Page.navigate", url=str(api.client.make_url("/api/docs/")))
    await browser.wait_for("document.querySelectorAll('.opblock').length")
    await browser.ask(
        "(() => { const f = document.getElementById('sign-in').elements;"
        "f.username.value = 'nobody'; f.password.value = 'wrong';"
        "document.querySelector('#sign-in button').click() })()"
    )
    assert await browser.wait_for("document.querySelector('#who.bad')?.textContent")
