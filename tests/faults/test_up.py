"""`eventhub up` as a developer meets it: first and second start, a busy port, Ctrl-C, and anything killed at any time."""

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from tests.faults.programs import private_folder

READY_SECONDS = 90  # on a machine that does other things, too
STOP_SECONDS = 5

pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(400)]


class Up:
    """One `eventhub up` on `data_dir`, and what it started."""

    def __init__(self, data_dir: Path, *arguments: str, port: int | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or _free_port()
        self.log_path = data_dir.parent / f"up-{self.port}-{time.monotonic_ns()}.log"
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(data_dir.parent),
            "EVENTHUB_DATA_DIR": str(data_dir),
            "EVENTHUB_CLOCK_INTERVAL": "0.2",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "2",
        }
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "eventhub.cli", "up", *arguments],
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            wait_until(self._is_ready_or_over, READY_SECONDS, self)
            assert self.process.poll() is None, self.log
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2 * STOP_SECONDS)
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()

    def _is_ready_or_over(self) -> bool:
        return self.process.poll() is not None or ("answers at" in self.log and "worker ready" in self.log)

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def processes(self) -> list[psutil.Process]:
        """Return every process of this data dir: up, web, workers, clock, PostgreSQL and Valkey."""
        return [process for process in psutil.process_iter() if _belongs(process, self.data_dir)]

    def find(self, *words: str) -> list[psutil.Process]:
        """Return those whose command line has all `words`, parents first."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if all(word in " ".join(process.cmdline()) for word in words):
                    found.append(process)
        return sorted(found, key=lambda process: process.create_time())

    def part(self, name: str) -> psutil.Process:
        """Return the process that is called so in the table of the tests below."""
        if name == "up":
            return psutil.Process(self.process.pid)
        words, place = {
            "web master": (("eventhub.cli", "web"), 0),
            "web child": (("eventhub.cli", "web"), -1),
            "dramatiq master": (("eventhub.workers.master",), 0),
            "dramatiq worker": (("eventhub.workers.master",), -1),
            "clock": (("eventhub.cli", "clock"), 0),
            "postgres": (("bin/postgres", "-D"), 0),
            "valkey": (("valkey-server",), 0),
        }[name]
        wait_until(lambda: self.find(*words), 15, self)
        return self.find(*words)[place]

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")

    def answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            return self.ask("GET", "/readyz/")[0] == 200
        return False

    def sign_in(self, name: str, password: str) -> str:
        status, tokens = self.ask("POST", "/api/auth/token/", {"username": name, "password": password})
        assert status == 200, tokens
        return str(tokens["access"])

    def book(self, token: str, event: int) -> int:
        """Return the id of a new booking, of which only the row is certain yet."""
        status, booking = self.ask("POST", "/api/bookings/", {"event": event, "number_of_tickets": 1}, token)
        assert status == 201, booking
        return int(booking["id"])

    def status_of(self, token: str, booking: int) -> str | None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, data = self.ask("GET", f"/api/bookings/{booking}/", token=token)
            return str(data["status"]) if status == 200 else None
        return None


def wait_until(condition: Any, seconds: float, up: Up) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, up.log
        time.sleep(0.2)


def _belongs(process: psutil.Process, data_dir: Path) -> bool:
    with contextlib.suppress(psutil.Error):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        given = process.environ().get("EVENTHUB_DATA_DIR") == str(data_dir)
        return bool(given or process.cwd().startswith(f"{data_dir}/"))
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with private_folder() as folder:
        yield folder / "var"


@pytest.mark.long
def test_first_start_second_start_and_ctrl_c(data_dir: Path) -> None:
    with Up(data_dir) as up:
        token = up.sign_in("admin", "admin123")
        booking = up.book(token, 5)
        wait_until(lambda: up.status_of(token, booking) == "confirmed", 10, up)
        listening = {
            connection.laddr.ip
            for process in up.processes()
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        # Who asks from this machine, which is everybody, is told all.
        wait_until(lambda: up.ask("GET", "/readyz")[1]["status"] == "ok", 10, up)
        assert "parts" in up.ask("GET", "/readyz")[1]
        if sys.platform == "linux":
            # What only starts and watches takes little; it was 135 MB with the application loaded.
            assert up.part("up").memory_full_info().pss < 40_000_000

        started_at = time.monotonic()
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(STOP_SECONDS + 5) == 0
        assert time.monotonic() - started_at < STOP_SECONDS
        assert up.processes() == []
    with Up(data_dir) as up:
        # The secret was kept, so the token still counts.
        assert up.status_of(token, booking) == "confirmed"
        assert "weak password" not in up.log
        assert len(up.ask("GET", "/api/users/")[1]) == 21


@pytest.mark.long
def test_a_second_up_on_the_same_data_is_refused(data_dir: Path) -> None:
    with Up(data_dir) as up:
        second = Up(data_dir)
        assert second.process.wait(READY_SECONDS) == 1
        assert "already" in second.log
        assert len(second.log.splitlines()) == 1
        assert up.answers()


@pytest.mark.long
def test_printed_curl_line_works(data_dir: Path) -> None:
    with Up(data_dir) as up:
        banner = up.log.partition("answers at")[2]
        command = banner[banner.index("curl ") : banner.index("Data is in")].replace("\\\n", " ")
        answer = subprocess.run(
            ["curl", "--silent", *shlex.split(command)[1:]], check=True, capture_output=True, text=True
        )
        assert json.loads(answer.stdout).keys() == {"access", "refresh"}


@pytest.mark.long
def test_tour_of_the_readme_works_as_printed(data_dir: Path, tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text()
    tour, day, stream, news = re.findall(
        r"```sh\n(.*?)```", readme.partition("## First tour")[2].partition("## In production")[0], re.DOTALL
    )
    with Up(data_dir) as up:
        # The stream goes on until somebody hangs up, and nobody is told of news at once.
        until_told = (
            f'for each in {{1..40}}; do told=$({news.strip()}); [ "$told" != [] ] && break; sleep 1; done'
        )
        script = f'{tour}{day}\n{until_told}\necho "$told"\n{stream.strip()} --max-time 3 || [ $? = 28 ]'
        script = script.replace("localhost:8000", f"127.0.0.1:{up.port}").replace("curl ", "curl -sS -f ")
        done = subprocess.run(
            ["bash", "-euc", script], check=False, capture_output=True, text=True, cwd=tmp_path
        )
        assert done.returncode == 0, done.stderr
    answers, rest = [], done.stdout
    while rest.startswith(("{", "[")):
        answer, end = json.JSONDecoder().raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].lstrip()
    found, booked, bookings, counts, line, told, *answers = answers
    assert "Python Community Meetup" in [event["title"] for event in found]
    assert (booked["status"], bookings[0]["status"]) == ("pending", "confirmed")
    assert counts["available_spots"] == 0
    assert line[0]["position"] == 2
    # Of his certificates he may have been told after that: they are drawn when the demo is in.
    assert "booking_confirmation" in [note["notification_type"] for note in told]

    set_up, student, review, code, published, types, quote, booking, receipt, changes, olivia_told = answers
    assert set_up["timezone"] == "Europe/London"
    assert (student["id"], review["id"], code["ticket_types"]) == (4, 5, [None, 5])
    assert published["status"] == "published"
    assert [each["name"] for each in types] == ["Student", "With a code review"]
    assert quote["total_price"] == booking["total_price"] == receipt["amount"] == "119.00"
    assert (booking["status"], booking["promo_code"]) == ("confirmed", "CRAB20")
    assert [line["amount"] for line in receipt["lines"]] == ["56.00", "15.00", "48.00"]
    assert (tmp_path / "receipt.pdf").read_bytes().startswith(b"%PDF-")
    assert [change["type"] for change in changes] == [
        "booking.created",
        "booking.confirmed",
        "invoice.issued",
    ]
    assert olivia_told[0]["message"].startswith("Rust for Python Programmers: 1 booking ")
    assert "booking.confirmed" in rest


@pytest.mark.long
def test_without_the_demo_the_banner_prints_no_logins(data_dir: Path) -> None:
    with Up(data_dir, "--no-demo") as up:
        assert up.ask("GET", "/api/events/") == (200, [])
        assert "admin123" not in up.log
        created = subprocess.run(
            [sys.executable, "-m", "eventhub.cli", "createadmin", "--username", "root", "--email", "root@example.com",
             "--password", "a-good-password-1"],
            env={"PATH": os.environ["PATH"], "EVENTHUB_DATA_DIR": str(data_dir)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert created.stdout == "Admin root created.\n"
        up.sign_in("root", "a-good-password-1")
    assert up.processes() == []


def test_busy_port_is_one_line_and_starts_nothing(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        up = Up(data_dir, port=taken.getsockname()[1])
        assert up.process.wait(READY_SECONDS) == 1
        assert (
            up.log
            == f"eventhub: Port {up.port} on 127.0.0.1 is in use: stop what listens there, or set PORT to another.\n"
        )
        assert up.processes() == []
        assert not (data_dir / "postgres").exists()


@pytest.mark.long
def test_ctrl_c_while_starting_leaves_nothing(data_dir: Path) -> None:
    for seconds in (0.1, 0.5, 1.0, 2.0):
        (data_dir / ".servers.start").unlink(missing_ok=True)
        up = Up(data_dir)
        wait_until((data_dir / ".servers.start").exists, READY_SECONDS, up)
        time.sleep(seconds)
        up.process.send_signal(signal.SIGINT)
        up.process.wait(STOP_SECONDS + READY_SECONDS)
        assert up.processes() == [], seconds
        assert "Traceback" not in up.log, up.log
    with Up(data_dir) as up:
        assert up.ask("GET", "/api/events/")[0] == 200


@pytest.mark.long
@pytest.mark.parametrize(
    "part", ["web master", "web child", "dramatiq master", "dramatiq worker", "clock", "postgres", "valkey"]
)
def test_killed_part_comes_back_and_loses_nothing(data_dir: Path, part: str) -> None:
    with Up(data_dir) as up:
        token = up.sign_in("admin", "admin123")
        before = up.book(token, 5)
        killed = up.part(part)
        family = [killed, *killed.children(recursive=True)]
        killed.kill()
        # The children of a killed master answer for a moment before they follow it.
        assert psutil.wait_procs(family, timeout=15)[1] == []
        # A job that the killed part had claimed is due again when its lease (60 s) has run out.
        wait_until(lambda: up.answers() and up.status_of(token, before) == "confirmed", 90, up)
        after = up.book(token, 7)
        wait_until(lambda: up.status_of(token, after) == "confirmed", 90, up)
        wait_until(lambda: up.part(part).pid != killed.pid, 15, up)
    assert up.processes() == []


@pytest.mark.long
def test_killed_up_takes_its_processes_along_and_the_next_one_goes_on(data_dir: Path) -> None:
    with Up(data_dir) as up:
        token = up.sign_in("admin", "admin123")
        booking = up.book(token, 5)
        up.process.kill()
        wait_until(lambda: up.find("eventhub.") == [], 10, up)
    with Up(data_dir) as up:
        wait_until(lambda: up.status_of(token, booking) == "confirmed", 10, up)
    assert up.processes() == []


@pytest.mark.long
def test_everything_killed_at_once_loses_nothing(data_dir: Path) -> None:
    with Up(data_dir) as up:
        token = up.sign_in("admin", "admin123")
        booking = up.book(token, 5)
        for process in up.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        up.process.wait(30)
    with Up(data_dir) as up:
        wait_until(lambda: up.status_of(token, booking) == "confirmed", 10, up)
