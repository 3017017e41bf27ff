"""Tests for what `make check` and `make audit` make of the advisory service's answer."""

from typing import Any

import pytest

from tests.advisories import judge

GOOD = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
BAD = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "CVE-2026-1", "fix_versions": ["3.1.9"]}]}
UNKNOWN = {"name": "uvloop", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("found", "strict", "code"),
    [
        ([GOOD], False, 0),
        ([GOOD], True, 0),
        ([BAD], False, 1),
        ([GOOD, BAD], True, 1),
        ([GOOD, UNKNOWN], False, 0),
        ([GOOD, UNKNOWN], True, 1),
    ],
)
def test_a_known_vulnerability_ends_with_1(found: list[dict[str, Any]], strict: bool, code: int) -> None:
    assert judge(found, pinned=len(found), strict=strict)[0] == code


def test_a_service_that_does_not_answer_is_said() -> None:
    code, lines = judge([], pinned=2, strict=False)
    assert (code, len(lines)) == (0, 1)
    assert "0 of 2 versions" in lines[0]
    assert "look again where there is a network" in lines[0]


def test_a_vulnerability_is_named_with_the_version_that_mends_it() -> None:
    assert judge([BAD], pinned=1, strict=False)[1][0] == "jinja2 3.1.0: CVE-2026-1, mended in 3.1.9"
