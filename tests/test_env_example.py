""".env.example and the table in docs/operations.md name every setting, with its true default."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

from eventhub.settings import VARIABLE, Settings, read_settings

ROOT = Path(__file__).parent.parent
REQUIRED = {
    "DATABASE_URL": "postgres://db/eventhub",
    "REDIS_URL": "redis://cache",
    "EVENTHUB_SECRET_KEY": "k" * 32,
}


def _read_by_settings() -> set[str]:
    return {field.metadata[VARIABLE] for field in fields(Settings)}


def _example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {
        name: "".join(shlex.split(value)) if value[:1] != '"' else shlex.split(value)[0]
        for name, _, value in pairs
    }


def test_example_names_every_setting_and_no_other() -> None:
    assert set(_example()) == _read_by_settings()


def test_example_has_the_defaults() -> None:
    assert read_settings({**_example(), **REQUIRED}) == read_settings(REQUIRED)


def test_operations_page_names_every_setting_and_no_other() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    named = set(
        re.findall(
            r"`([A-Z][A-Z_]+)`",
            " ".join(line.split("|")[1] for line in table.splitlines() if line[:1] == "|"),
        )
    )
    assert named == _read_by_settings()
