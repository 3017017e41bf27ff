"""Each guard that `make guards` takes out stands in the code once: a guard that moved is not tested by accident."""

from pathlib import Path

import pytest

from tests.races.test_guards_are_needed import GUARDS, Edit, Guard

_ROOT = Path(__file__).parent.parent.parent
_EDITS = list(dict.fromkeys(edit for guard in GUARDS for edit in guard.edits))


@pytest.mark.parametrize("edit", _EDITS, ids=lambda edit: f"{edit.file}: {edit.text[:60]!r}")
def test_the_text_of_each_guard_occurs_once(edit: Edit) -> None:
    assert (_ROOT / edit.file).read_text().count(edit.text) == 1


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_the_race_of_each_guard_exists(guard: Guard) -> None:
    file, _, name = guard.test.partition("::")
    assert f"async def {name.partition('[')[0]}(" in (_ROOT / "tests/races" / file).read_text()
