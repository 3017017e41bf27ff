"""What the documents say of the code is so: files that they name exist, names resolve, numbers are the code's."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

import eventhub
from eventhub.database.connection import IDLE_IN_TRANSACTION_SECONDS
from eventhub.gateways import images
from eventhub.models import jobs as kinds
from eventhub.models.jobs import JobKind
from eventhub.services import auth, heartbeat, jobs
from eventhub.settings import Settings
from eventhub.web import database_bounds
from eventhub.web.http import cache
from eventhub.workers import broker, clock, main, runner

ROOT = Path(__file__).parent.parent
PACKAGE = Path(eventhub.__file__).parent
DOCUMENTS = [
    path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
    if path.exists()
]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
SAID = " ".join(ARCHITECTURE.split())
OPERATIONS = " ".join((ROOT / "docs" / "operations.md").read_text().split())
CODE = "\n".join(path.read_text() for path in PACKAGE.rglob("*.py"))
KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, JobKind)]
# Names of other libraries and of Python, as the documents say them.
_DEFAULTS = {field.name: field.metadata["default"] for field in fields(Settings)}
_OTHERS = {"ConnectionError", "Decimal", "AsyncIO", "SET"}


def _spans(pattern: str) -> list[tuple[Path, str]]:
    """Return (document, text) for each text in backticks that is wholly `pattern`."""
    return [
        (document, span)
        for document in DOCUMENTS
        for span in sorted(set(re.findall(r"`([^`\n]+)`", document.read_text())))
        if re.fullmatch(pattern, span)
    ]


def _name(case: object) -> str:
    return case.name if isinstance(case, Path) else str(case)


@pytest.mark.parametrize(("document", "span"), _spans(r"[\w.][\w./-]*\.(?:py|md|txt|toml|typ)"), ids=_name)
def test_each_file_that_a_document_names_exists(document: Path, span: str) -> None:
    found = [ROOT / span, PACKAGE / span, document.parent / span, *(ROOT / "tests").rglob(Path(span).name)]
    assert any(path.exists() for path in found)


@pytest.mark.parametrize(
    ("document", "span"),
    _spans(r"(?:eventhub|services|web|workers|models|gateways|database|tests|docs|migrations)/[\w/]*"),
    ids=_name,
)
def test_each_folder_that_a_document_names_exists(document: Path, span: str) -> None:
    del document
    assert (ROOT / span).is_dir() or (PACKAGE / span).is_dir() or span == "eventhub/migrations/models/"


@pytest.mark.parametrize(("document", "span"), _spans(r"[A-Z]\w*[a-z]\w*(?:\.\w+)?(?:\(\))?"), ids=_name)
def test_each_class_that_the_architecture_names_is_in_the_code(document: Path, span: str) -> None:
    if document.name != "architecture.md" or span in _OTHERS:
        return
    name, _, attribute = span.removesuffix("()").partition(".")
    assert re.search(rf"^class {name}\b|^{name} = ", CODE, re.MULTILINE)
    assert not attribute or re.search(rf"def {attribute}\(|^    {attribute}\b", CODE, re.MULTILINE)


@pytest.mark.parametrize(("document", "span"), _spans(r"[a-z_]+\.[a-z_]+(?:\(\))?"), ids=_name)
def test_each_function_and_column_that_the_architecture_names_is_in_the_code(
    document: Path, span: str
) -> None:
    if document.name != "architecture.md" or span.endswith((".py", ".toml")):
        return
    name = span.removesuffix("()").partition(".")[2]
    assert re.search(rf"def {name}\(|^    {name} = fields\.|^    {name}:|self\.{name}:", CODE, re.MULTILINE)


def test_the_layers_are_those_that_are_checked() -> None:
    told = [
        name
        for row in re.findall(
            r"^\| (`.*?) \|", ARCHITECTURE.partition("## Layers")[2].partition("## ")[0], re.MULTILINE
        )
        for name in re.findall(r"`(\w+)`", row)
    ]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    checked = [name for layer in contracts[0]["layers"] for name in layer.split(" | ")]
    assert told == checked


def test_numbers_of_the_architecture_are_the_codes() -> None:
    usual = JobKind(name="any", queue=kinds.Queue.BOOKINGS).max_attempts
    mail = {kind.max_attempts for kind in KINDS if kind.outage_days is not None}
    gateways = {kind.max_attempts for kind in KINDS if kind.queue is kinds.Queue.PAYMENTS} - {500}
    assert (mail, gateways, kinds.REFUND_PAYMENT.max_attempts) == ({20}, {20}, 500)
    for said in (
        f"within {broker.WINDOW_SECONDS * 1000:g} ms travel together, at most {jobs.BATCH} to a message",
        f"was sent, more than {jobs.RESEND_AFTER_SECONDS:g} s ago",
        f"stays for {_DEFAULTS['job_log_kept_days']} days",
        f"({usual}; 20 for gateways and mail; 500 for refunds)",
        f"waited for the row in vain ({database_bounds.TIMEOUTS.lock_seconds:g} s)",
        f"end after {database_bounds.PUBLIC.timeouts.statement_seconds:g} s",
        f"at most {cache.MAX_AGE_SECONDS:g} s old",
        f"checked every {auth.REMEMBERED_SECONDS:g} s per process",
        "at most an hour apart",
    ):
        assert said in SAID, said
    assert jobs.BACKOFF_CAP_SECONDS == 3600


def test_numbers_of_the_operations_are_the_codes() -> None:
    web, public = database_bounds.TIMEOUTS, database_bounds.PUBLIC
    worker, clocks = main.TIMEOUTS, clock.TIMEOUTS
    for said in (
        f"gives a statement {web.statement_seconds:g} s, a lock in it {web.lock_seconds:g} s, and waits {web.turn_seconds:g} s",
        f"`worker` allows {worker.statement_seconds:g}, {worker.lock_seconds:g} and {worker.turn_seconds:g} s",
        f"`clock` allows {clocks.statement_seconds:g}, {clocks.lock_seconds:g} and {clocks.turn_seconds:g} s",
        f"nothing happens for {IDLE_IN_TRANSACTION_SECONDS:g} s",
        f"gets {images.LIMITS.cpu_seconds + 1:g} s of processor time, {images.LIMITS.seconds:g} s by the clock",
        f"up to {public.line_seconds:g} s",
        f"{public.costly_in_line} more wait",
        f"at most {runner.DATABASE_PAUSE_SECONDS} seconds if it was the database",
        f"Every {heartbeat.BEAT_SECONDS:g} s it says there",
        f"not been heard of for {heartbeat.SILENT_SECONDS:g} s counts as dead",
        f"without a gap for {heartbeat.STEADY_SECONDS:g} s",
        f"{clock.PURGED_AT_ONCE} rows at a time",
        f"jobs that ended (`job_log`) | {_DEFAULTS['job_log_kept_days']} days",
        f"`Idempotency-Key` | {_DEFAULTS['idempotency_kept_hours']} hours",
    ):
        assert said in OPERATIONS, said
