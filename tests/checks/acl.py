"""The user of Redis that docs/operations.md tells people to make, exactly as it stands there."""

import re
from pathlib import Path

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


def documented_rules() -> list[str]:
    """Return the arguments of ACL SETUSER in the documents, without the name and the password."""
    [line] = re.findall(r"^ACL SETUSER eventhub (.*(?:\n  .*)*)", OPERATIONS.read_text(), re.MULTILINE)
    return [rule for rule in line.split() if not rule.startswith(">")]
