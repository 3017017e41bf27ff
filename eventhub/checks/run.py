"""All looks at once, each with a bound in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from eventhub.checks import configuration, database, outside, redis_server
from eventhub.database import Timeouts
from eventhub.errors import EventHubError
from eventhub.findings import Finding, away, ok, refusal
from eventhub.gateways.mail import build_mailer
from eventhub.gateways.payments import build_gateways
from eventhub.gateways.storage import build_storage
from eventhub.services.ports.payments import by_name
from eventhub.settings import Settings

SECONDS = 10.0
START_SECONDS = 1.0
LONGEST = 1000  # characters of a finding


@dataclass(frozen=True)
class Look:
    """Something that is looked at, by a name for people."""

    name: str
    look: Callable[[], Awaitable[list[Finding]]]


@dataclass(frozen=True)
class Seen:
    """What a look found, and how long it took."""

    name: str
    findings: list[Finding]
    seconds: float


def all_looks(settings: Settings) -> list[Look]:
    """Return what `eventhub check` looks at: all that these settings name."""
    where = settings.storage_url.partition("?")[0]
    if where == "file:":
        where = str(settings.data_dir / "media")
    return [
        Look("settings", partial(_settings, settings)),
        Look("database", partial(database.look, settings)),
        Look("redis", partial(redis_server.look, settings.redis_url, seconds=SECONDS / 2)),
        Look("storage", lambda: outside.look_at_storage(build_storage(settings), where)),
        Look("mail", lambda: outside.look_at_mail(build_mailer(settings))),
        Look("payments", lambda: outside.look_at_gateways(by_name(build_gateways(settings).values()))),
    ]


def looks_at_start(settings: Settings, name: str, timeouts: Timeouts) -> list[Look]:
    """Return what a process of this name looks at before it starts: settings, and the servers it cannot do without."""
    return [
        Look("settings", partial(_settings, settings)),
        Look("database", partial(database.look_at_server, settings, name, timeouts)),
        Look("redis", partial(redis_server.look, settings.redis_url, seconds=START_SECONDS)),
    ]


async def each(looks: Sequence[Look], seconds: float = SECONDS) -> AsyncIterator[Seen]:
    """Look at all of them at the same time, and yield what was seen in their order."""
    tasks = [asyncio.create_task(_one(look, seconds)) for look in looks]
    for task in tasks:
        yield await task


async def _one(look: Look, seconds: float) -> Seen:
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            findings = await look.look()
    except TimeoutError:
        findings = [away(f"no answer within {seconds:g} s")]
    except EventHubError as error:
        findings = [refusal(error.detail)]
    except Exception as error:  # noqa: BLE001 - one surprise must not keep the other lines from being said
        findings = [refusal(f"could not be looked at: {error!r}")]
    return Seen(look.name, [_one_line(finding) for finding in findings], time.monotonic() - began)


def _one_line(finding: Finding) -> Finding:
    """Return it without the line breaks and the length that libraries give their errors."""
    text = " ".join(finding.text.split())
    return replace(finding, text=text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


async def _settings(settings: Settings) -> list[Finding]:
    return configuration.warnings(settings) or [ok("nothing is wrong, and nothing is for development alone")]
