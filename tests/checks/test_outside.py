"""What is said of storage, mail server and gateways, each with its faults planted; nothing is left, sent or charged."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from eventhub.checks.outside import look_at_gateways, look_at_mail, look_at_storage
from eventhub.errors import NotFound
from eventhub.findings import Finding, Severity
from eventhub.gateways.mail.file import FileMailer
from eventhub.gateways.mail.mime import Mailbox
from eventhub.gateways.mail.smtp import SmtpMailer, parse_url
from eventhub.gateways.payments.mock import Ledger, MockGateway
from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.gateways.storage import LocalStorage
from eventhub.gateways.storage.s3 import S3Storage
from tests.fakes import s3_server, stripe_server
from tests.fakes.s3_server import S3Server
from tests.fakes.stripe_server import StripeServer
from tests.gateways.smtp_servers import PASSWORD, USER, make_certificate, real_server, scripted_server
from tests.gateways.stripe_charges import make_gateway

SENDER = Mailbox("Event Hub", "no-reply@eventhub.test")
LOGIN = "us%3Aer%40example.com:p%40ss%2Fw%25rd%20%C3%BC@"


def one(findings: list[Finding]) -> tuple[str, str]:
    [finding] = findings
    return finding.severity.value, finding.text


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


# --- storage ---------------------------------------------------------------------------------------------------


async def test_a_folder_that_takes_files_keeps_none(tmp_path: Path) -> None:
    assert one(await look_at_storage(LocalStorage(tmp_path), "media")) == (
        Severity.OK,
        "media takes, returns and deletes files",
    )
    assert files_in(tmp_path) == []


async def test_a_folder_that_takes_no_files(tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file, where a folder has to be")
    severity, text = one(await look_at_storage(LocalStorage(tmp_path / "media"), "media"))
    assert severity == Severity.AWAY
    assert text.startswith("media: ")


class _Forgetful(LocalStorage):
    """Loses what it was given, or gives back something else."""

    def __init__(self, folder: Path, *, loses: bool) -> None:
        super().__init__(folder)
        self.loses = loses

    async def get(self, name: str) -> bytes:
        if self.loses:
            raise NotFound
        return b"something else"


@pytest.mark.parametrize(("loses", "told"), [(True, "has lost a file"), (False, "something else")])
async def test_a_storage_that_does_not_keep_what_it_takes(tmp_path: Path, loses: bool, told: str) -> None:
    """As where each machine has a folder of its own behind one name."""
    severity, text = one(await look_at_storage(_Forgetful(tmp_path, loses=loses), "media"))
    assert severity == Severity.AWAY
    assert told in text


@pytest.mark.parametrize("fault", [None, s3_server.Fault.DENIED, s3_server.Fault.NO_BUCKET])
async def test_a_bucket(monkeypatch: pytest.MonkeyPatch, fault: s3_server.Fault | None) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.SECRET)
    async with S3Server() as server:
        server.fault = fault
        severity, text = one(await look_at_storage(S3Storage(server.url("prefix")), "s3://files"))
        assert server.files == {}
    if fault is None:
        assert severity == Severity.OK
    else:
        assert severity == Severity.AWAY
        assert fault.value.split()[1] in text


# --- mail ------------------------------------------------------------------------------------------------------


async def test_a_mail_server_that_takes_our_mails_gets_none(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    if made is None:
        pytest.skip("needs openssl")
    context, certificate = made
    async with real_server(starttls=context, with_login=True) as inbox:
        url = f"smtp://{LOGIN}127.0.0.1:{inbox.port}?tls=starttls&ca={certificate}"
        severity, text = one(await look_at_mail(SmtpMailer(parse_url(url), SENDER)))
        assert severity == Severity.OK
        assert text.endswith("takes mails from no-reply@eventhub.test, signed in, with STARTTLS")
        assert inbox.users == [USER]
        assert inbox.envelopes == []

        wrong = url.replace(LOGIN, "somebody:hush@")
        severity, text = one(await look_at_mail(SmtpMailer(parse_url(wrong), SENDER)))
        assert severity == Severity.AWAY
        assert "535" in text
        assert "hush" not in text
        assert PASSWORD not in text

        distrusting = url.partition("&")[0]
        severity, text = one(await look_at_mail(SmtpMailer(parse_url(distrusting), SENDER)))
        assert severity == Severity.AWAY
        assert "certificate verify failed" in text.lower()


async def test_a_mail_server_that_is_away_knows_no_tls_or_refuses_the_sender() -> None:
    async with scripted_server() as fake:
        plain = f"smtp://127.0.0.1:{fake.port}?tls=none"
        assert one(await look_at_mail(SmtpMailer(parse_url(plain), SENDER)))[0] == Severity.OK
        assert not any(command.startswith(("RCPT", "DATA")) for command in fake.commands)
        fake.script["MAIL"] = ["550 not your address"]
        severity, text = one(await look_at_mail(SmtpMailer(parse_url(plain), SENDER)))
        assert severity == Severity.AWAY
        assert "550 not your address" in text
        encrypted = f"smtp://127.0.0.1:{fake.port}?tls=starttls"
        severity, text = one(await look_at_mail(SmtpMailer(parse_url(encrypted), SENDER)))
        assert severity == Severity.AWAY
        assert "add ?tls=none" in text
    severity, text = one(await look_at_mail(SmtpMailer(parse_url(plain), SENDER)))
    assert severity == Severity.AWAY
    assert "Connect call failed" in text


async def test_a_folder_for_mails(tmp_path: Path) -> None:
    assert one(await look_at_mail(FileMailer(tmp_path / "mail", SENDER))) == (
        Severity.OK,
        f"mails are written to {tmp_path / 'mail'}",
    )
    assert files_in(tmp_path) == []
    (tmp_path / "file").write_text("")
    severity, text = one(await look_at_mail(FileMailer(tmp_path / "file", SENDER)))
    assert (severity, str(tmp_path / "file") in text) == (Severity.AWAY, True)


# --- payments --------------------------------------------------------------------------------------------------


async def test_stripe_is_asked_and_nothing_is_made() -> None:
    async with StripeServer() as server:
        assert one(await look_at_gateways({"stripe": make_gateway(server)})) == (
            Severity.OK,
            "stripe: the API key is valid",
        )
        assert [(call.method, call.path) for call in server.calls] == [("GET", "/v1/checkout/sessions")]
        severity, text = one(await look_at_gateways({"stripe": make_gateway(server, api_key="sk_test_hush")}))
        assert severity == Severity.AWAY
        assert "does not take the API key" in text
        assert "hush" not in text
        server.fail(stripe_server.Fault.SERVER_ERROR)
        assert one(await look_at_gateways({"stripe": make_gateway(server)}))[0] == Severity.AWAY


async def test_gateways_that_have_nobody_to_ask() -> None:
    gateways: Mapping[str, object] = {
        "mock": MockGateway(success_rate=1, delay_seconds=0, ledger=Ledger(None), seed=""),
        "offline": OfflineGateway(),
    }
    findings = await look_at_gateways(gateways)  # type: ignore[arg-type]
    assert [finding.severity for finding in findings] == [Severity.OK, Severity.OK]
    severity, text = one(await look_at_gateways({}))
    assert (severity, "no payment method is set" in text) == (Severity.OK, True)
