"""Which mailer a setting makes, and the ones that send nothing."""

import email
import email.policy
import io
from dataclasses import replace
from pathlib import Path

import pytest

from eventhub.gateways.mail import build_mailer
from eventhub.gateways.mail.composer import build_site
from eventhub.gateways.mail.console import ConsoleMailer
from eventhub.gateways.mail.file import FileMailer, file_name
from eventhub.gateways.mail.mime import Mailbox
from eventhub.gateways.mail.smtp import SmtpMailer
from eventhub.services.ports.mail import Mail, MailRefused, MailTemporarilyFailed
from eventhub.settings import Settings, SettingsError, read_settings
from tests.fakes.mail import RecordingMailer

SENDER = Mailbox("Event Hub", "no-reply@eventhub.test")
MAIL = Mail(
    message_id="<notification-1@eventhub.test>",
    to_address="ann@example.com",
    subject="Hello",
    text="Hello Ann\n",
)


def settings_with(folder: Path, **changes: str) -> Settings:
    required = {
        "DATABASE_URL": "postgres://localhost/x",
        "REDIS_URL": "redis://localhost",
        "EVENTHUB_SECRET_KEY": "x" * 32,
        "EVENTHUB_DATA_DIR": str(folder),
    }
    return read_settings(required | changes)


def test_the_default_is_a_folder_in_the_data_dir(tmp_path: Path) -> None:
    mailer = build_mailer(settings_with(tmp_path))
    assert isinstance(mailer, FileMailer)
    assert mailer.folder == tmp_path / "mail"


def test_a_folder_can_be_named(tmp_path: Path) -> None:
    mailer = build_mailer(settings_with(tmp_path, EVENTHUB_EMAIL_URL="file:/var/spool/event%20hub"))
    assert isinstance(mailer, FileMailer)
    assert mailer.folder == Path("/var/spool/event hub")


def test_console_and_smtp_are_made_from_their_urls(tmp_path: Path) -> None:
    assert isinstance(build_mailer(settings_with(tmp_path, EVENTHUB_EMAIL_URL="console:")), ConsoleMailer)
    smtp = build_mailer(settings_with(tmp_path, EVENTHUB_EMAIL_URL="smtp://u:p%40@mail.example.com"))
    assert isinstance(smtp, SmtpMailer)
    assert (smtp.server.host, smtp.server.password) == ("mail.example.com", "p@")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENTHUB_EMAIL_URL", "smtp://"),
        ("EVENTHUB_EMAIL_URL", "smtp://host?tls=maybe"),
        ("EVENTHUB_EMAIL_FROM", "Event Hub"),
    ],
)
def test_a_bad_setting_is_one_clear_line(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        build_mailer(settings_with(tmp_path, **{name: value}))
    assert len(raised.value.problems) == 1
    assert raised.value.problems[0].startswith(f"{name}: ")


def test_the_site_is_named_by_the_sender(tmp_path: Path) -> None:
    site = build_site(
        settings_with(
            tmp_path,
            EVENTHUB_EMAIL_FROM="Köln Events <hi@köln.example>",
            EVENTHUB_BASE_URL="https://x.example/",
        )
    )
    assert (site.name, site.url, site.domain) == ("Köln Events", "https://x.example", "xn--kln-sna.example")


async def test_a_repeat_overwrites_the_file_of_the_first(tmp_path: Path) -> None:
    mailer = FileMailer(tmp_path / "mail", SENDER)
    await mailer.send(MAIL)
    await mailer.send(replace(MAIL, text="Hello again\n"))
    await mailer.send(replace(MAIL, message_id="<notification-2@eventhub.test>"))
    await mailer.close()
    assert sorted(path.name for path in (tmp_path / "mail").iterdir()) == sorted(
        [file_name("<notification-1@eventhub.test>"), file_name("<notification-2@eventhub.test>")]
    )
    raw = (tmp_path / "mail" / file_name(MAIL.message_id)).read_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_content().strip() == "Hello again"


def test_file_names_stay_in_their_folder_and_apart() -> None:
    names = {file_name(each) for each in ("<a/../b@c>", "<a-..-b@c>", "<A/../b@c>", "<" + "a" * 150 + "@b>")}
    assert len(names) == 4
    assert all("/" not in name and ".." not in name and len(name) < 120 for name in names)


async def test_a_folder_that_takes_no_file_is_a_temporary_failure(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(MailTemporarilyFailed):
        await FileMailer(tmp_path / "mail", SENDER).send(MAIL)


async def test_the_console_shows_the_text_and_obeys_no_escape_codes() -> None:
    out = io.StringIO()
    mailer = ConsoleMailer(SENDER, out)
    await mailer.send(replace(MAIL, subject="\x1b[2JHi\nFrom: eve", text="Body\x1b[31m\n"))
    await mailer.close()
    shown = out.getvalue()
    assert "\x1b" not in shown
    assert "Subject: [2JHi From: eve" in shown
    assert "Body" in shown


async def test_the_recording_one_keeps_refuses_and_fails_on_demand() -> None:
    mailer = RecordingMailer()
    mailer.fail_next(MailTemporarilyFailed("later"))
    with pytest.raises(MailTemporarilyFailed):
        await mailer.send(MAIL)
    await mailer.send(MAIL)
    with pytest.raises(MailRefused):
        await mailer.send(replace(MAIL, to_address="nowhere"))
    await mailer.close()
    assert mailer.sent == [MAIL]
    assert mailer.is_closed
