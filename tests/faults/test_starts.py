"""What is wrong before a process starts: what it could never work with ends it, all else is said once and loudly."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster import Cluster
from tests.faults.conftest import Breakable
from tests.redis_servers import RedisServer
from tests.waiting import until_now

WARNED = [
    "mails go to files",
    "links in mails and PDFs point to http://localhost",
    "passwords can be guessed",
]


def ended(cluster: Cluster, name: str, **environ: str) -> tuple[int, list[str]]:
    """Return the exit code of a process that does not start, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "eventhub.cli", name],
        env={**cluster.environ, **environ},
        cwd=cluster.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


@pytest.mark.parametrize("name", ["web", "worker", "clock"])
def test_a_redis_that_refuses_the_password_or_a_right_ends_the_start(
    cluster: Cluster, tmp_path: Path, name: str
) -> None:
    server = RedisServer(tmp_path / "redis", "requirepass hush", "user few on >hush ~* +ping")
    server.start()
    try:
        place = f"127.0.0.1:{server.port}"
        code, [line] = ended(cluster, name, REDIS_URL=f"redis://:wrong@{place}")
        assert (code, line.partition(": ")[0]) == (1, "eventhub")
        assert f"Redis at {place} refuses the user or password" in line
        code, [line] = ended(cluster, name, REDIS_URL=f"redis://few:hush@{place}")
        assert code == 1
        assert "allows it by: ACL SETUSER few +del +eval +evalsha" in line
        assert "hush" not in line
    finally:
        server.kill()


def test_bad_options_end_the_start(cluster: Cluster) -> None:
    code, [line] = ended(cluster, "web", REDIS_URL="redis://cache?ssl_ca_certs=/ca.pem")
    assert (code, line.partition(",")[0]) == (2, "eventhub: REDIS_URL: has the option ssl_ca_certs")


@pytest.mark.parametrize("name", ["web", "worker", "clock"])
def test_what_suits_development_alone_is_said_once_by_each_command(cluster: Cluster, name: str) -> None:
    cluster.start(name)
    ready = {"web": "listening on", "worker": "worker ready", "clock": "eventhub.start"}[name]
    until_now(lambda: cluster.log(name).count(ready) >= (3 if name == "web" else 1), f"{name} is ready", 30)
    if name != "worker":  # whose processes say it themselves
        assert " Event Hub " in cluster.log(name).splitlines()[0]
    for text in WARNED:
        assert cluster.log(name).count(text) == 1, text


@pytest.mark.parametrize("fault", ["killed", "frozen"])
def test_a_redis_that_is_away_is_said_and_delays_no_start(
    redis_cluster: Cluster, own_redis: Breakable, fault: str
) -> None:
    cluster = redis_cluster
    cluster.start("web")
    cluster.stop("web")
    began = time.monotonic()
    cluster.start("web")
    usual = time.monotonic() - began
    cluster.stop("web")
    own_redis.kill() if fault == "killed" else own_redis.freeze()
    began = time.monotonic()
    cluster.start("web")
    took = time.monotonic() - began
    print(f"Redis {fault} | web listens after {took:.1f} s, else {usual:.1f} s")
    told = "cannot be reached" if fault == "killed" else "gives no answer within 1 s"
    assert told in cluster.log("web")
    # A second to look, one for the limits to give up, and what a loaded machine adds.
    assert took < usual + 4
