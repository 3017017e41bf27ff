"""Ask the advisory service about every version in constraints.txt: `python -m tests.advisories [--strict]`.

Ends with 1 where a version has a known vulnerability. A version that could not be looked up (no network, a mirror that
knows no advisories) is counted in the last line; with --strict that, too, ends with 1.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ASKING = "--no-deps --disable-pip --requirement constraints.txt --format json --timeout 5"
TIMEOUT_SECONDS = 120


def ask() -> list[dict[str, Any]]:
    """Return what pip-audit says of each version; nothing where the service does not answer."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *ASKING.split()],
            cwd=ROOT,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError):
        return []
    return dependencies


def judge(dependencies: Sequence[Mapping[str, Any]], *, pinned: int, strict: bool) -> tuple[int, list[str]]:
    """Return the exit code and the lines to print."""
    lines = [
        f"{found['name']} {found['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for found in dependencies
        for flaw in found.get("vulns", ())
    ]
    asked = sum("vulns" in found for found in dependencies)
    summary = f"Advisories: {len(lines)} known for the {asked} of {pinned} versions that could be looked up."
    if asked < pinned:
        summary += f" Nothing is known of the other {pinned - asked}: look again where there is a network."
    return int(bool(lines) or (strict and asked < pinned)), [*lines, summary]


def main() -> int:
    """Ask, print and return the exit code."""
    pinned = len((ROOT / "constraints.txt").read_text().split())
    code, lines = judge(ask(), pinned=pinned, strict="--strict" in sys.argv[1:])
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main())
