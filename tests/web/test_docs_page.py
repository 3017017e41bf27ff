"""The page to read and try the API, in a real browser."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Api

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]


class Browser:
    """One page of a headless Chromium, driven through its DevTools."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.problems: list[str] = []

    async def send(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json(timeout=30)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return dict(message["result"])
            if message["method"] == "Runtime.exceptionThrown":
                self.problems.append(json.dumps(message["params"]))
            if message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.problems.append(message["params"]["entry"]["text"])

    async def ask(self, script: str) -> Any:
        """Return what a script in the page gives, also where that is a promise."""
        result = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def wait_for(self, script: str) -> Any:
        async with asyncio.timeout(30):
            while not (value := await self.ask(script)):
                await asyncio.sleep(0.1)
        return value


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    assert CHROMIUM is not None
    profile = tmp_path / "profile"
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--remote-debugging-port=0", "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        address = await _address(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://{address}/json/list") as answer:
                (page,) = [page for page in await answer.json() if page["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                made = Browser(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await made.send(f"{domain}.enable")
                yield made
    finally:
        process.terminate()
        await process.wait()


async def _address(file: Path) -> str:
    async with asyncio.timeout(60):
        while not (lines := _lines(file)):
            await asyncio.sleep(0.1)
    return f"127.0.0.1:{lines[0]}"


def _lines(file: Path) -> list[str]:
    """Return the lines of a file that is written at once, none before."""
    return file.read_text().splitlines() if file.exists() else []


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
