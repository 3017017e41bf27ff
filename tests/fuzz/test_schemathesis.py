"""Whatever the description allows and forbids, the API answers as described, to everybody (Schemathesis).

`EVENTHUB_FUZZ_SECONDS` says how long each reader tries; `make fuzz` gives it longer.
"""

import os
import subprocess
import sys

import pytest

from tests.cluster import Cluster

SECONDS = int(os.environ.get("EVENTHUB_FUZZ_SECONDS", "25"))
EXCLUDED_CHECKS = (
    "positive_data_acceptance",  # ids that do not exist, and the rules, refuse what the schema allows
    "unsupported_method",  # HEAD is answered beside each GET
    "allow_header_conformance",
    "ignored_auth",  # public routes take signed-in readers as well
)
# What signs the reader out, or takes as long as hashing a password does.
EXCLUDED_PATHS = r"/api/auth/(password|logout)"


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 150)
@pytest.mark.parametrize("reader", ["anonymous", "attendee", "organizer"])
async def test_the_api_keeps_to_its_description(cluster: Cluster, reader: str) -> None:
    cluster.start("web", WEB_CONCURRENCY="1")
    (organizer,) = await cluster.people(1, "organizer")
    (attendee,) = await cluster.people(1)
    await cluster.event(organizer, price="0.00")
    await cluster.event(organizer, price="5.00")
    tokens = {"attendee": attendee, "organizer": organizer}
    finished = run(cluster, tokens.get(reader))
    assert finished.returncode == 0, finished.stdout[-8000:] + finished.stderr[-2000:]


def run(cluster: Cluster, token: str | None) -> subprocess.CompletedProcess[str]:
    asked = command(cluster, token)
    return subprocess.run(asked, capture_output=True, text=True, check=False, cwd=cluster.folder)


def command(cluster: Cluster, token: str | None) -> list[str]:
    authorization = ["-H", f"Authorization: Bearer {token}"] if token else []
    return [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{cluster.url}/api/schema/"),
        *("--phases", "examples,coverage,fuzzing", "--max-time", str(SECONDS), "--max-examples", "20"),
        *("--exclude-checks", ",".join(EXCLUDED_CHECKS), "--exclude-path-regex", EXCLUDED_PATHS),
        *("--suppress-health-check", "all", "--warnings", "off"),
        *authorization,
    ]
