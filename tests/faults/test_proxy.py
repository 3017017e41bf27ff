"""The proxies of deploy/proxy, run as they are but for names, ports and a certificate, before real web processes."""

import asyncio
import io
import json
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from redis import Redis

from tests.cluster import Cluster, free_port
from tests.waiting import until

PROXY = Path(__file__).parents[2] / "deploy" / "proxy"
NAME = "events.example.com"

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx")
needs_caddy = pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for the name, and its key."""
    made, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    how = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1".split()
    named = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    subprocess.run(["openssl", *how, *named, "-keyout", key, "-out", made], check=True, capture_output=True)
    return made, key


class Ports:
    """Where the proxy listens, and where the two masters of web processes do."""

    def __init__(self) -> None:
        self.plain, self.tls, *self.web = (free_port() for _ in range(4))


@contextmanager
def _running(command: list[str | Path], folder: Path, **environ: str) -> Iterator[None]:
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(folder), **environ},
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(15)


@contextmanager
def nginx(folder: Path, certificate: tuple[Path, Path], ports: Ports) -> Iterator[None]:
    """Our server in an nginx, changed by as much as docs/deployment.md says, and by ports."""
    ours = (PROXY / "nginx.conf").read_text()
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{ports.plain};"),
        ("listen [::]:80;", ""),
        ("listen 443 ssl", f"listen 127.0.0.1:{ports.tls} ssl"),
        ("listen [::]:443 ssl http2;", ""),
        ("/etc/letsencrypt/live/events.example.com/fullchain.pem", str(certificate[0])),
        ("/etc/letsencrypt/live/events.example.com/privkey.pem", str(certificate[1])),
        ("server 127.0.0.1:8000 ", f"server 127.0.0.1:{ports.web[0]} "),
        ("server 127.0.0.1:8001 ", f"server 127.0.0.1:{ports.web[1]} "),
    ):
        assert old in ours
        ours = ours.replace(old, new)
    (folder / "eventhub.conf").write_text(ours)
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = folder / "nginx.conf"
    whole.write_text(
        f"pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\ndaemon off;\nworker_processes 1;\n"
        f"events {{ worker_connections 512; }}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/eventhub.conf;\n}}\n"
    )
    # Started by root, its worker is another account's, which has to reach its folders.
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    tested = subprocess.run(["nginx", "-t", "-c", whole, *user], check=False, capture_output=True, text=True)
    assert tested.returncode == 0, tested.stderr
    with _running(["nginx", "-c", whole, *user], folder):
        yield


@contextmanager
def caddy(folder: Path, certificate: tuple[Path, Path], ports: Ports) -> Iterator[None]:
    """Caddy with our file. One older than 2.6.4 knows no `request_buffers`, and gets what those had instead."""
    ours = (PROXY / "Caddyfile").read_text()
    ours = ours.replace(
        "{\n\tservers {",
        f"{{\n\tadmin off\n\thttp_port {ports.plain}\n\thttps_port {ports.tls}\n\tservers {{",
        1,
    )
    ours = ours.replace(
        "{$EVENTHUB_DOMAIN} {\n", f"{{$EVENTHUB_DOMAIN}} {{\n\ttls {certificate[0]} {certificate[1]}\n"
    )
    version = subprocess.run(["caddy", "version"], check=True, capture_output=True, text=True).stdout
    if tuple(int(part) for part in version.split()[0].lstrip("v").split("-")[0].split(".")[:3]) < (2, 6, 4):
        ours = ours.replace("request_buffers 8MB", "buffer_requests").replace(
            "response_buffers 1MB", "buffer_responses"
        )
    (folder / "Caddyfile").write_text(ours)
    environ = {
        "EVENTHUB_DOMAIN": NAME,
        "EVENTHUB_UPSTREAMS": " ".join(f"127.0.0.1:{port}" for port in ports.web),
    }
    with _running(
        ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"], folder, **environ
    ):
        yield


@pytest.fixture
def ports() -> Ports:
    return Ports()


@pytest.fixture
async def client(certificate: tuple[Path, Path], ports: Ports) -> AsyncIterator[aiohttp.ClientSession]:
    """What asks the proxy, by the site's name and with its certificate."""
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    connector = aiohttp.TCPConnector(ssl=trusting, limit=50)
    async with aiohttp.ClientSession(
        f"https://127.0.0.1:{ports.tls}", connector=connector, headers={"Host": NAME}
    ) as session:
        yield session


def _start_web(cluster: Cluster, port: int) -> None:
    cluster.port = port
    cluster.start(
        "web",
        PORT=str(port),
        WEB_CONCURRENCY="1",
        EVENTHUB_TRUSTED_PROXIES="127.0.0.1",
        EVENTHUB_RATE_LIMIT="on",
        EVENTHUB_RATE_LIMIT_READ="100000/minute",
        EVENTHUB_RATE_LIMIT_WRITE="100000/minute",
        EVENTHUB_RATE_LIMIT_REGISTER="10/minute",
        EVENTHUB_HSTS="60",
    )


async def _ask(
    client: aiohttp.ClientSession, method: str, path: str, **options: object
) -> tuple[int, bytes, dict[str, str]]:
    async with client.request(method, path, server_hostname=NAME, **options) as answer:  # type: ignore[arg-type]
        return answer.status, await answer.read(), dict(answer.headers)


@pytest.mark.parametrize(
    "proxy", [pytest.param(nginx, marks=needs_nginx), pytest.param(caddy, marks=needs_caddy)]
)
async def test_a_proxy_passes_on_who_asks_and_survives_a_rolling_restart(
    proxy: object,
    cluster: Cluster,
    client: aiohttp.ClientSession,
    certificate: tuple[Path, Path],
    ports: Ports,
) -> None:
    # Limits that the same address reached a moment ago
    Redis.from_url(cluster.environ["REDIS_URL"]).flushdb()
    for port in ports.web:
        _start_web(cluster, port)
    masters = cluster.processes.pop("web")
    with proxy(cluster.folder, certificate, ports):  # type: ignore[operator]
        log = cluster.folder / "proxy.log"

        async def is_there() -> bool:
            try:
                return (await _ask(client, "GET", "/api/events/"))[0] == 200
            except aiohttp.ClientError:
                return False

        await until(is_there, f"the proxy answers; {log.read_text()}", 20)
        await _is_believed_who_asks(client)
        await _keeps_to_itself(client)
        await _hands_on_changes_at_once(client, cluster)
        counts = await _rolling_restart(client, cluster, ports, masters)
    print(f"\n{json.dumps(counts)}")
    assert counts["failed"] == 0
    assert counts["asked"] > 100


async def _is_believed_who_asks(client: aiohttp.ClientSession) -> None:
    """What a client claims to be is not passed on; https is, so that the answer binds browsers to it."""
    status, _, headers = await _ask(client, "GET", "/api/events/", headers={"X-Forwarded-For": "203.0.113.9"})
    assert status == 200
    assert "max-age=60" in headers["Strict-Transport-Security"]
    # Ten registrations from one address a minute, whatever addresses it says it has.
    statuses = []
    for number in range(12):
        body = {
            "username": f"person{number}",
            "email": f"p{number}@example.com",
            "password": "a-good-password-1",
        }
        claimed = {"X-Forwarded-For": f"203.0.113.{number}"}
        statuses.append((await _ask(client, "POST", "/api/users/", json=body, headers=claimed))[0])
    assert statuses == [201] * 10 + [429] * 2


async def _keeps_to_itself(client: aiohttp.ClientSession) -> None:
    for path in ("/metrics", "/metrics/", "/readyz", "/readyz/"):
        status, body, _ = await _ask(client, "GET", path)
        assert (status, b"not_found" in body) == (404, False), "the proxy's own answer"
    status, _, _ = await _ask(client, "POST", "/api/users/", data=io.BytesIO(bytes(9_000_000)))
    assert status in {413, 502}, "the proxy's own, the second one of an older Caddy"


async def _hands_on_changes_at_once(client: aiohttp.ClientSession, cluster: Cluster) -> None:
    """What a stream brings is a few bytes, which no buffer may hold back until there are more."""
    (token,) = await cluster.people(1, "organizer")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        asyncio.timeout(15),
        client.get("/api/changes/stream/", server_hostname=NAME, headers=headers) as stream,
    ):
        assert stream.status == 200
        assert await stream.content.readline() == b"retry: 1000\n"
        [[user]] = await cluster.sql("SELECT max(id) FROM users")
        await cluster.sql(
            "WITH last AS (UPDATE fact_cursors SET seq = seq + 1 WHERE name = 'numbered' RETURNING seq) "
            "INSERT INTO facts (seq, type, via, user_id, occurred_at) SELECT seq, 'review.created', 'user', $1, now() FROM last",
            user,
        )
        while not (await stream.content.readline()).startswith(b"data: "):
            pass


async def _rolling_restart(
    client: aiohttp.ClientSession, cluster: Cluster, ports: Ports, masters: "list[subprocess.Popen[bytes]]"
) -> dict[str, int]:
    """Replace one master after the other while reads and writes go on; return how many were asked and failed."""
    counts = {"asked": 0, "failed": 0}
    done = asyncio.Event()
    (token,) = await cluster.people(1)

    async def go_on(method: str, path: str, expected: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        while not done.is_set():
            counts["asked"] += 1
            try:
                status, said, _ = await _ask(client, method, path, headers=headers)
            except aiohttp.ClientError as error:
                status, said = 0, repr(error).encode()
            if status != expected:
                counts["failed"] += 1
                print(method, path, status, said[:200])
            await asyncio.sleep(0.02)

    load = [
        asyncio.create_task(go_on("GET", "/api/events/", 200)),
        asyncio.create_task(go_on("GET", "/api/events/?search=x", 200)),
        asyncio.create_task(go_on("POST", "/api/notifications/mark_all_as_read/", 200)),
    ]
    for port, master in zip(ports.web, masters, strict=True):
        await asyncio.sleep(1)
        master.terminate()
        await asyncio.to_thread(master.wait, 30)
        await asyncio.to_thread(_start_web, cluster, port)
    await asyncio.sleep(2)
    done.set()
    await asyncio.gather(*load)
    return counts
