"""The counters of seats, of people who wait and of a promo code's uses change in one place."""

import re
from pathlib import Path

import eventhub

_ROOT = Path(eventhub.__file__).parent
_CHANGES = re.compile(r"\b(seats_held|seats_confirmed|waiting_count)\b\s*=(?!=)|(?:\bSET|,)\s+uses\s=\s")


def test_nobody_but_seats_changes_the_counters_of_seats() -> None:
    changing = {
        str(path.relative_to(_ROOT))
        for path in _ROOT.rglob("*.py")
        if _CHANGES.search(path.read_text()) and path.parent.name not in {"models", "schemas"}
    }
    assert changing == {"services/seats.py"}
