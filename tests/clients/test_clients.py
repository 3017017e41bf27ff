"""Clients that are generated from the API's description: nothing of it is left out, and a seat can be booked."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from eventhub.web.routes import ROUTES
from tests.cluster import Cluster

HERE = Path(__file__).parent
NPM = shutil.which("npm")
NO_NETWORK = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH")
BOOKED = {
    "status": "confirmed",
    "tickets": 1,
    "price": "0.00",
    "listed": 1,
    "refused": ["Must be a whole number from 1 to 100."],
}

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture
def description(cluster: Cluster, tmp_path: Path) -> Path:
    """The description as a running Event Hub serves it."""
    cluster.start("web", "worker")
    file = tmp_path / "schema.json"
    with urlopen(f"{cluster.url}/api/schema/") as answer:
        file.write_bytes(answer.read())
    return file


def run(*command: str | Path, cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """Return all that the command says; it must succeed."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def operation_ids(description: Path) -> set[str]:
    paths: dict[str, dict[str, Any]] = json.loads(description.read_text())["paths"]
    return {operation["operationId"] for item in paths.values() for operation in item.values()}


def test_openapi_python_client_keeps_every_operation_and_books(
    cluster: Cluster, description: Path, tmp_path: Path
) -> None:
    tools = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # it formats with ruff
    generate = (
        "-m openapi_python_client generate --fail-on-warning --path schema.json --output-path made".split()
    )
    said = run(sys.executable, *generate, cwd=tmp_path, environ=tools)
    assert not re.search("(?i)warning|unable|skipping|error", said), said
    made = tmp_path / "made" / "event_hub_client"
    modules = {path.stem for path in (made / "api").glob("*/*.py")} - {"__init__"}
    assert modules == operation_ids(description)
    assert len(modules) == len(ROUTES)
    schemas = json.loads(description.read_text())["components"]["schemas"]
    models = (made / "models" / "__init__.py").read_text()
    assert [name for name in schemas if f'"{name}"' not in models] == []

    strict = "-m mypy --strict --config-file= --cache-dir=types".split()
    run(sys.executable, *strict, HERE / "book.py", cwd=tmp_path, environ={"MYPYPATH": str(made.parent)})
    answer = run(
        sys.executable, HERE / "book.py", cluster.url, cwd=tmp_path, environ={"PYTHONPATH": str(made.parent)}
    )
    assert json.loads(answer.splitlines()[-1]) == BOOKED


@pytest.mark.skipif(NPM is None, reason="needs npm: apt-get install nodejs npm")
def test_openapi_typescript_keeps_every_operation_and_books(
    cluster: Cluster, description: Path, tmp_path: Path
) -> None:
    for name in ("package.json", "book.ts"):
        shutil.copy(HERE / name, tmp_path)
    _install(tmp_path)
    tools = tmp_path / "node_modules" / ".bin"
    said = run(tools / "openapi-typescript", "schema.json", "--output", "api.d.ts", cwd=tmp_path)
    assert not re.search("(?i)warn|error|⚠", said), said
    operations = (tmp_path / "api.d.ts").read_text().partition("export interface operations {")[2]
    assert set(re.findall(r"^    (\w+): \{$", operations, re.MULTILINE)) == operation_ids(description)

    strict = "--strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --target es2022 --module nodenext".split()
    run(tools / "tsc", *strict, "--lib", "es2022,dom,dom.iterable", "book.ts", cwd=tmp_path)
    answer = run("node", "book.js", cluster.url, cwd=tmp_path)
    assert json.loads(answer.splitlines()[-1]) == BOOKED


def _install(folder: Path) -> None:
    """Install what package.json names; a machine without the network cannot."""
    done = subprocess.run(
        [str(NPM), "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel", "error"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip(f"needs the npm registry: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
