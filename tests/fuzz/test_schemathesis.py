"""Whatever the description allows and forbids, the API answers as described, to everybody (Schemathesis).

`EVENTHUB_FUZZ_SECONDS` says how long each reader tries, `EVENTHUB_FUZZ_SEED` what is drawn: by default always the same,
so that a failure is a change's. `make fuzz` tries longer, with a seed of its own each time.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import SOURCE, Cluster

SECONDS = int(os.environ.get("EVENTHUB_FUZZ_SECONDS", "60"))
SEED = os.environ.get("EVENTHUB_FUZZ_SEED", "1")
HERE = Path(__file__).parent
# Those of the demo's people to whom most of its bookings, or events, belong.
READERS = {
    "anonymous": None,
    "attendee": "SELECT user_id FROM bookings GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT 1",
    "organizer": "SELECT organizer_id FROM events GROUP BY organizer_id ORDER BY count(*) DESC, organizer_id LIMIT 1",
}


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("reader", READERS)
async def test_the_api_keeps_to_its_description(cluster: Cluster, reader: str) -> None:
    cluster.run("demo")
    cluster.start("web", "worker", "clock", WEB_CONCURRENCY="1")
    report = await fuzz(cluster, await token(cluster, READERS[reader]))
    phases = {name: phase["status"] for name, phase in report["phases"].items()}
    print(f"{reader}: {report['test_cases']['generated']} calls, {phases}")
    assert report["failures"] == []
    assert report["errors"] == []
    assert set(phases.values()) == {"success"}
    assert report["test_cases"]["generated"] > 1000
    assert "Traceback" not in cluster.log("web")


async def token(cluster: Cluster, who: str | None) -> str | None:
    """Return an access token of the user that the statement finds."""
    if who is None:
        return None
    ((user_id,),) = await cluster.sql(who)
    ((sign_in_id,),) = await cluster.sql(
        # No id that is drawn: whoever ends the sign-in that they ask with is told nothing more.
        "INSERT INTO sign_ins (id, user_id, created_at, expires_at) "
        "VALUES (1000000, $1, now(), now() + interval '1 day') RETURNING id",
        user_id,
    )
    return cluster.token(user_id, sign_in_id)


async def fuzz(cluster: Cluster, token: str | None) -> dict[str, Any]:
    """Return Schemathesis's report on the running API, asked with this token."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{cluster.url}/api/schema/", "--max-time", str(SECONDS), "--seed", SEED),
        *("--suppress-health-check", "all"),
        *("--report", "json", "--report-json-path", "report.json"),
        *(("-H", f"Authorization: Bearer {token}") if token else ()),
        cwd=cluster.folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks"},
    )
    await process.wait()  # what it prints, pytest shows where the test fails
    report: dict[str, Any] = json.loads((cluster.folder / "report.json").read_text())
    return report
