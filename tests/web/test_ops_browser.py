"""The ops page in a real browser: signed in to, read and used, dark and light, on a desk and in a hand."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventhub.models.jobs import DELETE_FILE, REFUND_PAYMENT, SEND_TOKEN
from eventhub.web.ops.figures import FIGURES
from tests.api import PASSWORD, Api, Person
from tests.browser import Browser, needs_chromium, open_browser
from tests.web.ops_desk import failed_job

pytestmark = [pytest.mark.long, needs_chromium]

WIDTHS = (390, 1280)
THEMES = ("light", "dark")
# Every text on the page whose contrast with what is behind it is below 4.5 (WCAG AA; large text needs 3).
PALE = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (css) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = css; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, n) => sum + c * [.2126, .7152, .0722][n], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('svg, script')) continue;
    const style = getComputedStyle(element);
    const [a, b] = [light(rgba(style.color)), light(behind(element))].sort((x, y) => y - x);
    const contrast = (a + .05) / (b + .05);
    if (contrast < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) pale.push([walker.currentNode.data.trim(), contrast]);
  }
  return pale;
})()"""
# What reaches over the right edge, or cannot be reached by a finger.
WIDE = """[...document.querySelectorAll('body *')].filter(
  (one) => one.getBoundingClientRect().right > innerWidth + .5 && one.checkVisibility() && !one.closest('.unseen, thead')
).map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


class Screen:
    """The ops page in a browser."""

    def __init__(self, api: Api, browser: Browser) -> None:
        self._api = api
        self._browser = browser
        self.ask = browser.ask
        self.wait_for = browser.wait_for

    async def look_at(self, path: str) -> None:
        await self._browser.send("Page.navigate", url=str(self._api.client.make_url(path)))
        await self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def be(self, width: int, theme: str) -> None:
        metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
        await self._browser.send("Emulation.setDeviceMetricsOverride", **metrics)
        features = [{"name": "prefers-color-scheme", "value": theme}]
        await self._browser.send("Emulation.setEmulatedMedia", features=features)

    async def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            await self._browser.send(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text
            )

    async def sign_in(self, admin: Person, password: str = PASSWORD) -> None:
        """Type name and password where the page has put the cursor, and press Enter."""
        await self.wait_for("document.activeElement?.name === 'username'")
        await self._browser.send("Input.insertText", text=admin.user["username"])
        await self.press("Tab", 9)
        await self._browser.send("Input.insertText", text=password)
        await self.press("Enter", 13)


@pytest.fixture
async def screen(api: Api, browser: Browser) -> Screen:
    return Screen(api, browser)


async def test_an_admin_signs_in_sees_a_failed_job_retries_it_and_sees_it_gone(
    api: Api, browser: Browser, screen: Screen
) -> None:
    admin = await api.person("admin")
    job_id = await failed_job(api, SEND_TOKEN, "SMTPServerDisconnected: <b>gone</b>")
    await screen.look_at("/ops/failed/")
    await screen.sign_in(admin)
    await screen.wait_for("location.pathname === '/ops/failed/'")
    assert await screen.wait_for("document.querySelector('.job .error').textContent") == (
        "SMTPServerDisconnected: <b>gone</b>"
    )
    await screen.ask(f"document.querySelector('a[href=\"/ops/jobs/{job_id}/retry/\"]').click()")
    await screen.wait_for("document.querySelector('h1')?.textContent.startsWith('Retry job')")
    # The button has the focus, and shows it.
    assert await screen.ask("document.activeElement.textContent") == "Retry"
    await screen.press("Enter", 13)
    said = await screen.wait_for("document.querySelector('.note.good')?.textContent")
    assert f"job {job_id} (send_token) is queued again" in " ".join(said.split())
    assert await screen.ask("document.querySelectorAll('article.job').length") == 0
    assert admin.user["username"] in await screen.ask("document.querySelector('table').textContent")
    assert await api.database.fetch_value("SELECT state FROM jobs WHERE id = $1", job_id) == "queued"
    # All of it came from here.
    loaded = await screen.ask(
        "performance.getEntriesByType('resource').map((one) => new URL(one.name).origin)"
    )
    assert set(loaded) == {await screen.ask("location.origin")}
    assert browser.problems == []


async def test_every_page_fits_a_telephone_and_is_legible_in_both_themes(
    api: Api, browser: Browser, screen: Screen
) -> None:
    admin = await api.person("admin")
    organizer, guest = await api.person("organizer"), await api.person()
    await guest.verify()
    event = await organizer.create_event(title="x" * 150 + " and more", price="20.00")
    booking = (await guest.post("/api/bookings/", {"event": event["id"]})).data
    await guest.post("/api/payments/", {"booking": booking["id"], "method": "bank_transfer"})
    await api.run_jobs()
    file = await failed_job(api, DELETE_FILE, "OSError: " + "no_space" * 40, name="certificates/" + "0" * 80)
    await failed_job(api, REFUND_PAYMENT, "the bank sent it back", payment_id=1)
    await api.database.execute(
        "INSERT INTO processes (id, kind, host, pid, version, queues, started_at, seen_at) "
        "SELECT gen_random_uuid(), kind, 'worker-7d9f8b6c5-x2x9q.example.internal', 4194304, '0.1.0+816a83b', "
        "'[\"payments\"]', now(), now() FROM unnest('{web,worker,clock}'::text[]) kind"
    )
    await api.database.execute(
        "INSERT INTO admin_actions (actor, action, subject, details, request_id, acted_at) "
        "SELECT 'cli:' || repeat('x', 90), 'retry', 'all jobs', jsonb_build_object('jobs', array_agg(n)), repeat('r', 64), "
        "now() FROM generate_series(1, 100) n"
    )
    paths = [
        "/ops/",
        "/ops/failed/",
        "/ops/failed/?kind=delete_file",
        f"/ops/jobs/{file}/",
        f"/ops/jobs/{file}/discard/",
        f"/ops/bookings/{booking['id']}/",
        "/ops/waiting/",
        "/ops/acts/",
        f"/ops/search/?q={booking['id']}",
        f"/ops/search/?q={guest.user['email']}",
    ]
    await screen.look_at("/ops/sign-in/")
    await self_check(screen, "/ops/sign-in/")
    await screen.sign_in(admin)
    await screen.wait_for("location.pathname === '/ops/'")
    for path in paths:
        await screen.look_at(path)
        await self_check(screen, path)
    assert browser.problems == []


async def self_check(screen: Screen, path: str) -> None:
    for theme in THEMES:
        for width in WIDTHS:
            await screen.be(width, theme)
            where = f"{path} at {width} px, {theme}"
            assert await screen.ask(WIDE) == [], where
            assert await screen.ask("document.documentElement.scrollWidth <= innerWidth"), where
            assert await screen.ask(PALE) == [], where
            grounds = {"light": "rgb(245, 246, 248)", "dark": "rgb(19, 21, 26)"}
            assert await screen.ask("getComputedStyle(document.body).backgroundColor") == grounds[theme], (
                where
            )


async def test_the_overview_is_live_says_when_nobody_answers_and_ends_with_the_session(
    api: Api, browser: Browser, screen: Screen
) -> None:
    admin = await api.person("admin")
    await screen.look_at("/ops/")
    await screen.sign_in(admin)
    await screen.wait_for("location.pathname === '/ops/' && document.querySelector('.concerns') !== null")
    await screen.ask("document.querySelector('#kinds').open = true")
    await failed_job(api, SEND_TOKEN)
    api.client.app[FIGURES].forget()
    await screen.wait_for("document.querySelector('.concerns').textContent.includes('1 job has failed')")
    assert await screen.ask("document.querySelector('nav .count').textContent") == "1"
    assert await screen.ask("document.querySelector('#kinds').open"), "what was opened stays open"
    await screen.ask(
        "window.realFetch = fetch; window.fetch = () => Promise.reject(new TypeError('away')); 1"
    )
    assert "does not answer" in await screen.wait_for("document.getElementById('live').textContent")
    await screen.ask("window.fetch = realFetch; 1")
    await screen.wait_for("document.getElementById('live').textContent === ''")
    await admin.delete("/api/auth/sign_ins/")
    await screen.wait_for("location.pathname === '/ops/sign-in/'")
    assert browser.problems == []


async def test_a_link_from_another_site_leads_there_without_signing_in_again(
    api: Api, browser: Browser, screen: Screen
) -> None:
    """The cookie does not come along from there (SameSite=Strict), and the sign-in page goes on by itself."""
    admin = await api.person("admin")
    await screen.look_at("/ops/")
    await screen.sign_in(admin)
    await screen.wait_for("location.pathname === '/ops/'")
    target = str(api.client.make_url("/ops/acts/"))
    page = f"data:text/html,<a id=there href='{target}'>there</a>"
    await browser.send("Page.navigate", url=page)
    await screen.wait_for("document.getElementById('there') !== null")
    await screen.ask("document.getElementById('there').click()")
    await screen.wait_for("location.pathname === '/ops/acts/' && document.querySelector('h1') !== null")
    assert browser.problems == []
