"""A mail server that is restarted while hundreds of mails leave: each person gets theirs."""

import asyncio
from collections import Counter
from email import message_from_bytes
from typing import Self

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.cluster import Cluster
from tests.waiting import until

MAILS = 300

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


class MailServer:
    """aiosmtpd on one port, to be stopped with all its connections and started again.

    It keeps a mail first and answers 20 ms later: a connection cut in between is the one case in which the sender
    cannot know.
    """

    def __init__(self) -> None:
        self.port = 0
        self.kept: list[tuple[str, str]] = []
        self.protocols: list[SMTP] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message_id = message_from_bytes(envelope.content)["Message-ID"]
        self.kept.append((envelope.rcpt_tos[0], message_id))
        await asyncio.sleep(0.02)
        return "250 OK"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def wait_until(self, number: int) -> None:
        """Wait until so many mails were kept."""
        await until(lambda: len(self.kept) >= number, f"{number} mails were kept", 120)

    async def start(self) -> None:
        self.server = await asyncio.get_running_loop().create_server(self._protocol, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    def _protocol(self) -> SMTP:
        smtp = SMTP(self, loop=asyncio.get_running_loop(), hostname="mail.test", enable_SMTPUTF8=True)
        self.protocols.append(smtp)
        return smtp

    async def stop(self) -> None:
        self.server.close()
        for smtp in self.protocols:
            if isinstance(smtp.transport, asyncio.WriteTransport):
                smtp.transport.abort()
        self.protocols.clear()
        await asyncio.sleep(0.05)


_AWAY = "SELECT count(*) > 0 FROM jobs WHERE kind = 'send_notification' AND state = 'queued' AND error <> ''"


async def test_a_mail_server_restarted_twice_costs_nobody_a_mail(cluster: Cluster) -> None:
    async with MailServer() as server:
        cluster.environ["EVENTHUB_EMAIL_URL"] = f"smtp://127.0.0.1:{server.port}?tls=none&timeout=5"
        cluster.start("web", "worker", "clock")
        (organizer,), people = await cluster.people(1, "organizer"), await cluster.people(MAILS)
        event = await cluster.event(organizer, max_attendees=MAILS)
        async with cluster.http(20) as http:
            booking = asyncio.gather(
                *(http.request("POST", "/api/bookings/", token, {"event": event}) for token in people)
            )
            for goal in (MAILS // 5, MAILS // 2):
                await server.wait_until(goal)
                await server.stop()
                await cluster.eventually(_AWAY, True)
                await server.start()
            assert {code for code, _ in await booking} == {201}
        await cluster.eventually("SELECT count(*) FROM jobs", 0, seconds=120)

    per_person: dict[str, set[str]] = {}
    for address, message_id in server.kept:
        per_person.setdefault(address, set()).add(message_id)
    assert len(per_person) == MAILS
    assert {len(ids) for ids in per_person.values()} == {1}
    repeated = [message_id for message_id, count in Counter(server.kept).items() if count > 1]
    tried_again = await cluster.sql(
        "SELECT count(*) FROM job_log WHERE kind = 'send_notification' AND attempts > 1"
    )
    print(
        f"{len(repeated)} mails came twice, with the same Message-ID; {tried_again[0][0]} needed another try"
    )
    assert tried_again[0][0] > 0
    assert len(repeated) <= 4 * 2, "no more than what was being answered when the server went, twice"
