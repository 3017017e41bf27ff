"""What happens to a mail between the job and the server, on good days and on bad ones."""

import asyncio
import email
import email.policy
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from eventhub.gateways.mail.mime import Mailbox, mailbox
from eventhub.gateways.mail.smtp import SmtpMailer, SmtpServer, parse_url
from eventhub.services.ports.mail import Mail, MailError, MailRefused, MailTemporarilyFailed
from tests.gateways.smtp_servers import (
    DROP,
    PASSWORD,
    SILENCE,
    USER,
    ScriptedServer,
    make_certificate,
    real_server,
    scripted_server,
)

SENDER = Mailbox("Event Hub", "no-reply@eventhub.test")
MAIL = Mail(
    message_id="<notification-1@eventhub.test>",
    to_address="ann@example.com",
    to_name="Ann",
    subject="Hello",
    text="First line\n.\n.hidden dot\n",
)


@pytest.fixture
async def fake() -> AsyncIterator[ScriptedServer]:
    async with scripted_server() as server:
        yield server


def mailer_for(
    port: int, *, timeout: float = 2.0, options: str = "", idle_seconds: float = 20.0
) -> SmtpMailer:
    url = f"smtp://127.0.0.1:{port}?tls=none&timeout={timeout}{options}"
    return SmtpMailer(parse_url(url), SENDER, idle_seconds=idle_seconds)


def second() -> Mail:
    return replace(MAIL, message_id="<notification-2@eventhub.test>")


async def test_a_real_server_gets_the_mail_as_it_was_meant() -> None:
    async with real_server() as inbox:
        mailer = mailer_for(inbox.port)
        await mailer.send(MAIL)
        await mailer.close()
    envelope = inbox.envelopes[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@eventhub.test", ["ann@example.com"])
    assert isinstance(envelope.content, bytes)
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert message["Message-ID"] == "<notification-1@eventhub.test>"
    assert message.get_content().splitlines() == ["First line", ".", ".hidden dot"]


async def test_mails_share_one_connection() -> None:
    async with real_server() as inbox:
        mailer = mailer_for(inbox.port)
        for _ in range(5):
            await mailer.send(MAIL)
        await mailer.close()
    assert len(inbox.envelopes) == 5
    assert len(inbox.sessions) == 1


async def test_as_many_connections_as_allowed_work_side_by_side(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port, options="&connections=3")
    await asyncio.gather(*(mailer.send(MAIL) for _ in range(9)))
    assert fake.connections == 3
    assert len(fake.mails) == 9


async def test_addresses_beyond_ascii_reach_a_server_that_takes_them() -> None:
    async with real_server() as inbox:
        mailer = mailer_for(inbox.port)
        await mailer.send(replace(MAIL, to_address="jürgen@straße.example"))
        await mailer.close()
    assert inbox.envelopes[0].rcpt_tos == ["jürgen@xn--strae-oqa.example"]


async def test_addresses_beyond_ascii_are_refused_where_the_server_takes_none(fake: ScriptedServer) -> None:
    with pytest.raises(MailRefused, match="beyond ASCII"):
        await mailer_for(fake.port).send(replace(MAIL, to_address="jürgen@example.com"))


async def test_a_domain_beyond_ascii_needs_nothing_of_the_server(fake: ScriptedServer) -> None:
    await mailer_for(fake.port).send(replace(MAIL, to_address="j@straße.example"))
    assert "RCPT TO:<j@xn--strae-oqa.example>" in fake.commands


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_tls_with_login(tls: str, tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    if made is None:
        pytest.skip("no openssl to make a certificate with")
    context, certificate = made
    url = f"smtp://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1"
    server = real_server(with_login=True, **{tls: context})
    async with server as inbox:
        mailer = SmtpMailer(parse_url(f"{url}:{inbox.port}?tls={tls}&timeout=3&ca={certificate}"), SENDER)
        await mailer.send(MAIL)
        await mailer.close()
        stranger = SmtpMailer(parse_url(f"{url}:{inbox.port}?tls={tls}&timeout=3"), SENDER)
        with pytest.raises(MailTemporarilyFailed, match="certificate verify failed"):
            await stranger.send(second())
    assert len(inbox.envelopes) == 1
    assert inbox.users == [USER]


async def test_a_wrong_password_is_retried_because_someone_will_mend_it() -> None:
    async with real_server(with_login=True) as inbox:
        mailer = SmtpMailer(parse_url(f"smtp://u:wrong@127.0.0.1:{inbox.port}?tls=none&timeout=3"), SENDER)
        with pytest.raises(MailTemporarilyFailed) as raised:
            await mailer.send(MAIL)
    assert "535" in str(raised.value)
    assert "wrong" not in str(raised.value)


async def test_a_server_without_starttls_gets_nothing_in_the_clear(fake: ScriptedServer) -> None:
    mailer = SmtpMailer(parse_url(f"smtp://u:p@127.0.0.1:{fake.port}?tls=starttls&timeout=2"), SENDER)
    with pytest.raises(MailTemporarilyFailed, match="tls=none"):
        await mailer.send(MAIL)
    assert [command.split()[0] for command in fake.commands] == ["EHLO"]


async def test_a_server_that_is_down_is_a_temporary_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(MailTemporarilyFailed) as raised:
        await mailer_for(port).send(MAIL)
    assert not raised.value.maybe_sent


@pytest.mark.parametrize(
    ("verb", "answer", "error", "maybe_sent"),
    [
        ("GREETING", "554 no service", MailTemporarilyFailed, False),
        ("GREETING", "421 too busy", MailTemporarilyFailed, False),
        ("GREETING", DROP, MailTemporarilyFailed, False),
        ("EHLO", DROP, MailTemporarilyFailed, False),
        ("MAIL", "450 later", MailTemporarilyFailed, False),
        ("MAIL", "421 closing", MailTemporarilyFailed, False),
        ("MAIL", "550 this sender may not", MailTemporarilyFailed, False),
        ("MAIL", "530 authentication required", MailTemporarilyFailed, False),
        ("MAIL", "552 message too large", MailRefused, False),
        ("MAIL", DROP, MailTemporarilyFailed, False),
        ("RCPT", "450 greylisted", MailTemporarilyFailed, False),
        ("RCPT", "452 too many", MailTemporarilyFailed, False),
        ("RCPT", "550 no such user", MailRefused, False),
        ("RCPT", "530 authentication required", MailTemporarilyFailed, False),
        ("RCPT", DROP, MailTemporarilyFailed, False),
        ("DATA", "451 later", MailTemporarilyFailed, False),
        ("DATA", "554 no", MailRefused, False),
        ("BODY", DROP, MailTemporarilyFailed, True),
        ("END", "451 later", MailTemporarilyFailed, False),
        ("END", "554 this is spam", MailRefused, False),
        ("END", DROP, MailTemporarilyFailed, True),
        ("END", "gibberish", MailTemporarilyFailed, True),
    ],
)
async def test_what_the_server_says_decides_whether_to_try_again(
    fake: ScriptedServer, verb: str, answer: str, error: type[MailError], *, maybe_sent: bool
) -> None:
    fake.script[verb].append(answer)
    mailer = mailer_for(fake.port)
    with pytest.raises(error) as raised:
        await mailer.send(MAIL)
    assert type(raised.value) is error
    assert getattr(raised.value, "maybe_sent", False) is maybe_sent
    assert fake.connections == 1  # one try a call, where the connection was new
    kept = len(fake.mails)
    await mailer.send(second())  # and the mailer works on
    assert len(fake.mails) == kept + 1


async def test_an_old_server_without_ehlo_is_fine(fake: ScriptedServer) -> None:
    fake.script["EHLO"].append("502 what?")
    await mailer_for(fake.port).send(MAIL)
    assert len(fake.mails) == 1


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "END"])
async def test_a_server_that_falls_silent_costs_a_bounded_time(fake: ScriptedServer, verb: str) -> None:
    fake.script[verb].append(SILENCE)
    mailer = mailer_for(fake.port, timeout=0.25)
    started = time.monotonic()
    with pytest.raises(MailTemporarilyFailed) as raised:
        await mailer.send(MAIL)
    assert time.monotonic() - started < 10
    assert raised.value.maybe_sent is (verb == "END")
    await mailer.send(second())
    assert fake.mails[-1].count(b"notification-2") == 1


async def test_waiting_for_a_busy_connection_is_bounded_too(fake: ScriptedServer) -> None:
    fake.script["END"].append(SILENCE)
    mailer = mailer_for(fake.port, timeout=0.25)
    started = time.monotonic()
    results = await asyncio.gather(*(mailer.send(MAIL) for _ in range(3)), return_exceptions=True)
    assert time.monotonic() - started < 10
    failures = [result for result in results if isinstance(result, BaseException)]
    assert failures
    assert all(isinstance(failure, MailTemporarilyFailed) for failure in failures)


async def test_a_mail_that_waited_for_its_turn_has_its_full_time(
    fake: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    transact = SmtpMailer._transact

    async def slowly(*args: Any, **options: Any) -> None:
        await asyncio.sleep(0.6)
        await transact(*args, **options)

    monkeypatch.setattr(SmtpMailer, "_transact", slowly)
    mailer = mailer_for(fake.port, timeout=0.25, options="&connections=1")
    await asyncio.gather(mailer.send(MAIL), mailer.send(second()))
    assert (fake.connections, len(fake.mails)) == (1, 2)


async def test_a_mail_that_never_had_a_turn_says_so(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port, timeout=0.05, options="&connections=1")
    async with mailer._turn():
        with pytest.raises(MailTemporarilyFailed, match="no turn at its 1 connections") as raised:
            await mailer.send(MAIL)
    assert not raised.value.maybe_sent
    await mailer.send(MAIL)


async def test_a_connection_that_the_server_closed_between_mails_is_replaced(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port)
    await mailer.send(MAIL)
    fake.drop_all()
    await asyncio.sleep(0.01)
    await mailer.send(second())
    assert (fake.connections, len(fake.mails)) == (2, 2)


@pytest.mark.parametrize("answer", [DROP, "421 idle too long", SILENCE])
@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
async def test_a_resting_connection_that_turns_out_dead_is_replaced_within_the_call(
    fake: ScriptedServer, verb: str, answer: str
) -> None:
    mailer = mailer_for(fake.port, timeout=0.25)
    await mailer.send(MAIL)
    fake.script[verb].append(answer)
    await mailer.send(second())
    assert (fake.connections, len(fake.mails)) == (2, 2)


@pytest.mark.parametrize("verb", ["BODY", "END"])
async def test_a_mail_that_may_have_arrived_is_not_sent_again_by_the_same_call(
    fake: ScriptedServer, verb: str
) -> None:
    mailer = mailer_for(fake.port)
    await mailer.send(MAIL)
    fake.script[verb].append(DROP)
    with pytest.raises(MailTemporarilyFailed) as raised:
        await mailer.send(second())
    assert raised.value.maybe_sent
    assert fake.connections == 1
    assert sum(command == "DATA" for command in fake.commands) == 2


async def test_a_refusal_on_a_resting_connection_is_not_tried_again(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port)
    await mailer.send(MAIL)
    fake.script["RCPT"].append("550 no such user")
    with pytest.raises(MailRefused):
        await mailer.send(second())
    assert fake.connections == 1


async def test_a_connection_that_rested_too_long_is_not_trusted(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port, idle_seconds=0.0)
    await mailer.send(MAIL)
    await mailer.send(second())
    assert (fake.connections, len(fake.mails)) == (2, 2)


@pytest.mark.parametrize(
    ("verb", "answer"), [("RCPT", "550 no such user"), ("MAIL", "450 later"), ("END", "451 later")]
)
async def test_a_failed_send_leaves_no_connection_open(fake: ScriptedServer, verb: str, answer: str) -> None:
    fake.script[verb].append(answer)
    with pytest.raises(MailError):
        await mailer_for(fake.port).send(MAIL)
    await asyncio.sleep(0.05)
    assert fake.open_connections == 0


async def test_a_cancelled_send_leaves_no_half_used_connection_behind(fake: ScriptedServer) -> None:
    fake.script["RCPT"].append(SILENCE)
    mailer = mailer_for(fake.port)
    sending = asyncio.create_task(mailer.send(MAIL))
    await asyncio.sleep(0.05)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await mailer.send(second())
    assert (fake.connections, len(fake.mails)) == (2, 1)


async def test_close_says_goodbye_and_the_mailer_can_go_on(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port)
    await mailer.send(MAIL)
    await mailer.close()
    assert fake.commands[-1] == "QUIT"
    await mailer.send(second())
    assert (fake.connections, len(fake.mails)) == (2, 2)


async def test_another_event_loop_has_its_own_connection(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port)
    await mailer.send(MAIL)

    async def elsewhere() -> None:
        await mailer.send(second())
        await mailer.close()

    thread = threading.Thread(target=lambda: asyncio.run(elsewhere()))
    thread.start()
    await asyncio.to_thread(thread.join)
    await mailer.send(replace(MAIL, message_id="<notification-3@eventhub.test>"))
    assert (fake.connections, len(fake.mails)) == (2, 3)


async def test_no_address_adds_a_command_or_a_recipient(fake: ScriptedServer) -> None:
    mailer = mailer_for(fake.port)
    for address in (
        "a@example.com>\r\nRCPT TO:<eve@example.com",
        "a@example.com\nDATA",
        "a@example.com, eve@example.com",
        "a@example.com SIZE=1",
        "<a@example.com>",
        "a@b@example.com",
        "a@exam ple.com",
        "a\x00@example.com",
        "@example.com",
        "a@",
        "",
    ):
        with pytest.raises(MailRefused):
            await mailer.send(replace(MAIL, to_address=address))
    assert fake.commands == []


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("smtp://mail.example.com", "mail.example.com", 587, "starttls"),
        ("smtp://mail.example.com:2525", "mail.example.com", 2525, "starttls"),
        ("smtp://mail.example.com:465", "mail.example.com", 465, "implicit"),
        ("smtp://mail.example.com?tls=implicit", "mail.example.com", 465, "implicit"),
        ("smtp://mail.example.com?tls=none", "mail.example.com", 25, "none"),
        ("smtp://localhost:1025", "localhost", 1025, "none"),
        ("smtp://[::1]:1025", "::1", 1025, "none"),
    ],
)
def test_encryption_is_the_default_beyond_this_machine(url: str, host: str, port: int, tls: str) -> None:
    server = parse_url(url)
    assert (server.host, server.port, server.tls) == (host, port, tls)


def test_credentials_are_percent_decoded_and_stay_out_of_sight() -> None:
    server = parse_url(f"smtp://{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@mail.example.com")
    assert (server.user, server.password) == (USER, PASSWORD)
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "smtp://",
        "smtp://host?tls=ssl",
        "smtp://host?tsl=none",
        "smtp://host?timeout=soon",
        "smtp://host?timeout=-1",
        "smtp://host?connections=0",
        "smtp://host/path",
        "smtp://host:99999",
        "smtp://host?ca=/no/such/file.pem",
        "smtp://host?connections=33",
        "smtp://host?helo=a%20b",
        "smtp://user:sec/ret@host",
    ],
)
def test_a_url_that_cannot_be_used_is_an_error_in_words(url: str) -> None:
    with pytest.raises(ValueError, match=r"^has ") as raised:
        parse_url(url)
    assert "sec" not in str(raised.value).removesuffix("password")


def test_tls_connections_check_the_server() -> None:
    mailer = SmtpMailer(SmtpServer("mail.example.com", 465, "implicit"), mailbox("", "a@example.com"))
    assert mailer._context is not None
    assert mailer._context.verify_mode is ssl.CERT_REQUIRED
    assert mailer._context.check_hostname


def test_a_file_without_certificates_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing of the kind")
    with pytest.raises(ValueError, match="holds no certificates"):
        SmtpMailer(parse_url(f"smtp://mail.example.com?ca={tmp_path}/ca.pem"), SENDER)
