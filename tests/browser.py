"""A headless Chromium that tests drive through its DevTools."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium")


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


@asynccontextmanager
async def open_browser(folder: Path) -> AsyncIterator[Browser]:
    """Yield a browser that keeps what it keeps in a folder."""
    assert CHROMIUM is not None
    profile = folder / "profile"
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
