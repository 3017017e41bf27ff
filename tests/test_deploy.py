"""The files to deploy with say what is so: commands, variables, ports, probes and grace periods are this code's.

None of this runs a container or a cluster: what can be known without one is held here, and what can be run on any
machine in tests/test_wheel.py (the image's steps) and tests/faults/test_proxy.py (the proxies).
"""

import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from eventhub.cli import _parser
from eventhub.database import Database
from eventhub.settings import VARIABLE, Settings
from eventhub.web.routes import ROUTES
from eventhub.web.server import FINISH_SECONDS

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "deploy" / "systemd"
KUBERNETES = ROOT / "deploy" / "kubernetes"
PROXY = ROOT / "deploy" / "proxy"
UNITS = sorted(SYSTEMD.glob("*.service"))
PORT = 8000
JOB_SECONDS = 30  # that a worker gives to jobs that run when it is told to stop (cli/processes.py)

# What the proxies' own files are told, and Event Hub never reads.
OF_PROXIES = {"EVENTHUB_DOMAIN", "EVENTHUB_UPSTREAMS"}
KNOWN = {field.metadata[VARIABLE] for field in fields(Settings)}
REQUIRED = {"DATABASE_URL", "REDIS_URL", "EVENTHUB_SECRET_KEY"}

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())


def _manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(KUBERNETES.glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


MANIFESTS = list(_manifests())
DEPLOYMENTS = {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == "Deployment"}


def _pod(deployment: Mapping[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return pod


def _unit(path: Path) -> dict[str, list[str]]:
    """Return the values of each key of a unit, in order."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if re.match(r"\w+=", line):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Yield (where, arguments) for each command of Event Hub that a file runs."""
    for line in (ROOT / "Procfile").read_text().splitlines():
        yield f"Procfile {line}", shlex.split(line)[2:]
    for name, service in COMPOSE["services"].items():
        if service.get("image") == "eventhub":
            yield f"compose {name}", service["command"]
    for name, deployment in DEPLOYMENTS.items():
        for container in (*_pod(deployment).get("initContainers", []), *_pod(deployment)["containers"]):
            yield f"{name} {container['name']}", container["args"]
    for path in UNITS:
        words = shlex.split(_unit(path)["ExecStart"][0])
        arguments = words[words.index("/opt/eventhub/current/bin/eventhub") + 1 :]
        options = ["--queues", "payments"] if "$OPTIONS" in arguments else []
        yield path.name, [word for word in arguments if word != "$OPTIONS"] + options
    for path in SYSTEMD.glob("worker-*.env"):
        # In quotes, which a shell needs that reads it.
        (quoted,) = shlex.split(_unit(path)["OPTIONS"][0])
        yield path.name, ["worker", *quoted.split()]


@pytest.mark.parametrize(("where", "arguments"), list(_commands()), ids=str)
def test_each_command_exists_with_its_options(where: str, arguments: list[str]) -> None:
    assert arguments, where
    _parser().parse_args(arguments)


def test_every_process_is_run_everywhere() -> None:
    run: dict[str, set[str]] = {}
    for where, arguments in _commands():
        kind = where.split()[0].partition("-")[0].partition("@")[0]
        run.setdefault(kind, set()).add(arguments[0])
    everything = {"migrate", "web", "worker", "clock"}
    assert run["Procfile"] == run["compose"] == run["eventhub"] == everything


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        ROOT / "docs" / "deployment.md",
        *sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
    ],
    ids=lambda path: path.name,
)
def test_each_variable_is_known(path: Path) -> None:
    named = set(
        re.findall(
            r"\b(EVENTHUB_[A-Z_]*[A-Z]|WEB_CONCURRENCY|DATABASE_[A-Z_]+|REDIS_URL)\b", path.read_text()
        )
    )
    assert named - KNOWN - OF_PROXIES == set()


def test_required_settings_come_from_outside() -> None:
    assert REQUIRED & set(re.findall(r"[A-Z_]+(?==)", DOCKERFILE)) == set()
    (secret,) = [
        one for one in MANIFESTS if one["kind"] == "Secret" and one["metadata"]["name"] == "eventhub"
    ]
    assert set(secret["stringData"]) >= REQUIRED
    example = (ROOT / "deploy" / "compose.env.example").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", (ROOT / "compose.yaml").read_text()))
    assert asked == {"POSTGRES_PASSWORD", "VALKEY_PASSWORD", "EVENTHUB_SECRET_KEY", "EVENTHUB_DOMAIN"}
    # Empty there, so that nobody runs with what is written in a repository.
    assert all(re.search(rf"^{name}=$", example, re.MULTILINE) for name in asked)
    assert set(COMPOSE["x-eventhub"]["environment"]) >= REQUIRED


# --- probes, ports, grace ---------------------------------------------------------------------------------------


def _probed() -> Iterator[tuple[str, str]]:
    """Yield (where, path) for each path that something asks for to know how a process is."""
    for name, service in COMPOSE["services"].items():
        for path in re.findall(rf"127\.0\.0\.1:{PORT}(/\w+/)", str(service.get("healthcheck"))):
            yield f"compose {name}", path
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = _pod(DEPLOYMENTS["eventhub-web"])["containers"][0][kind]["httpGet"]
        assert probe["port"] == "http"
        yield kind, probe["path"]
    (asked,) = _unit(SYSTEMD / "eventhub-web@.service")["ExecStartPost"]
    yield "systemd", asked.rpartition("%i")[2]


def test_each_probe_asks_a_public_route() -> None:
    probed = dict(_probed())
    assert probed["livenessProbe"] == probed["startupProbe"] == probed["systemd"] == "/healthz/"
    assert probed["readinessProbe"] == probed["compose web-1"] == probed["compose web-2"] == "/readyz/"
    public = {route.path for route in ROUTES if route.is_public and route.method == "GET"}
    assert set(probed.values()) <= public


def test_ports_are_those_that_web_listens_on() -> None:
    assert f"EXPOSE {PORT}" in DOCKERFILE
    assert COMPOSE["x-eventhub"]["environment"]["PORT"] == str(PORT)
    assert COMPOSE["services"]["caddy"]["environment"]["EVENTHUB_UPSTREAMS"] == "web-1:8000 web-2:8000"
    web = _pod(DEPLOYMENTS["eventhub-web"])["containers"][0]
    assert (web["env"], web["ports"]) == (
        [{"name": "PORT", "value": str(PORT)}],
        [{"name": "http", "containerPort": PORT}],
    )
    for name in ("eventhub-worker", "eventhub-clock"):
        (container,) = _pod(DEPLOYMENTS[name])["containers"]
        (port,) = container["ports"]
        assert container["env"] == [{"name": "EVENTHUB_METRICS_PORT", "value": str(port["containerPort"])}]
    wanted = re.findall(r"eventhub-web@(\d+)", _unit(SYSTEMD / "eventhub.target")["Wants"][0])
    assert wanted == re.findall(r"server 127\.0\.0\.1:(\d+)", (PROXY / "nginx.conf").read_text())


def test_everything_is_given_the_time_that_it_takes_to_stop() -> None:
    needed = max(FINISH_SECONDS, JOB_SECONDS)
    assert int(COMPOSE["x-eventhub"]["stop_grace_period"].removesuffix("s")) > needed
    assert all(_pod(one)["terminationGracePeriodSeconds"] > needed + 5 for one in DEPLOYMENTS.values())
    for path in UNITS:
        unit = _unit(path)
        if unit["Type"] == ["exec"]:
            assert int(unit["TimeoutStopSec"][0]) > needed
            # A master that passes SIGTERM on, and whose workers may hang if they get it twice.
            assert unit["KillMode"] == ["mixed"]
    assert "STOPSIGNAL SIGTERM" in DOCKERFILE


# --- the image --------------------------------------------------------------------------------------------------


def test_what_the_image_copies_is_there_and_not_ignored() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    let_in = {line[1:] for line in lines if line[0] == "!"}
    copied = {
        name for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]
    }
    bound = set(re.findall(r"type=bind,source=(\S+?),", DOCKERFILE))
    assert copied | bound == let_in
    assert all((ROOT / name).exists() for name in let_in)


def test_the_image_runs_as_nobody_in_particular() -> None:
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert "--uid 10001" in DOCKERFILE
    for deployment in DEPLOYMENTS.values():
        security = _pod(deployment)["securityContext"]
        assert (security["runAsUser"], security["fsGroup"], security["runAsNonRoot"]) == (10001, 10001, True)
    assert 'ENTRYPOINT ["eventhub"]' in DOCKERFILE
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert "eventhub" in scripts


def test_the_image_has_extras_and_a_python_that_the_project_has() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = re.findall(r"^ARG EXTRAS=(.*)$", DOCKERFILE, re.MULTILINE)
    assert set(extras.split(",")) == set(project["optional-dependencies"]) - {"dev", "embedded"}
    (python,) = re.findall(r"^ARG PYTHON=(.*)$", DOCKERFILE, re.MULTILINE)
    assert f"Programming Language :: Python :: {python}" in project["classifiers"]
    data_dir = COMPOSE["x-eventhub"]["environment"]["EVENTHUB_DATA_DIR"]
    assert f"EVENTHUB_DATA_DIR={data_dir} " in DOCKERFILE
    assert f"VOLUME {data_dir}" in DOCKERFILE


# --- compose ----------------------------------------------------------------------------------------------------


def test_compose_names_what_it_has() -> None:
    services = COMPOSE["services"]
    for service in services.values():
        assert set(service.get("networks", [])) <= {*COMPOSE["networks"], "default"}
        named = {volume.partition(":")[0] for volume in service.get("volumes", [])}
        assert {name for name in named if name[0] != "."} <= set(COMPOSE["volumes"])
        assert all((ROOT / name).exists() for name in named if name[0] == ".")
        assert set(service.get("depends_on", [])) <= set(services)
    (trusted,) = [COMPOSE["x-eventhub"]["environment"]["EVENTHUB_TRUSTED_PROXIES"]]
    assert services["caddy"]["networks"]["front"]["ipv4_address"] == trusted
    # Whoever else were in that network could be anybody.
    assert [name for name, one in services.items() if "front" in one["networks"]] == [
        "web-1",
        "web-2",
        "caddy",
    ]
    assert [name for name, one in services.items() if "ports" in one] == ["caddy"]


# --- Kubernetes -------------------------------------------------------------------------------------------------


def test_manifests_name_what_there_is() -> None:
    names = {(one["kind"], one["metadata"].get("name")) for one in MANIFESTS if "metadata" in one}
    for deployment in DEPLOYMENTS.values():
        pod, labels = _pod(deployment), deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["selector"]["matchLabels"] == labels
        for container in (*pod["initContainers"], *pod["containers"]):
            assert container["envFrom"] == [
                {"configMapRef": {"name": "eventhub"}},
                {"secretRef": {"name": "eventhub"}},
            ]
            assert {mount["name"] for mount in container["volumeMounts"]} <= {
                one["name"] for one in pod["volumes"]
            }
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        claimed = [
            one["persistentVolumeClaim"]["claimName"]
            for one in pod["volumes"]
            if len(one) > 1 and "persistentVolumeClaim" in one
        ]
        assert [("PersistentVolumeClaim", name) in names for name in claimed] == [True]
    assert {("ConfigMap", "eventhub"), ("Secret", "eventhub")} <= names
    every = [one["spec"]["template"]["metadata"]["labels"] for one in DEPLOYMENTS.values()]
    for one in MANIFESTS:
        if one["kind"] == "Service":
            assert one["spec"]["selector"] in every
        if one["kind"] == "PodDisruptionBudget":
            assert one["spec"]["selector"]["matchLabels"] in every
        if one["kind"] == "Ingress":
            paths = one["spec"]["rules"][0]["http"]["paths"]
            assert all(("Service", path["backend"]["service"]["name"]) in names for path in paths)
            assert all(any(route.path.startswith(path["path"]) for route in ROUTES) for path in paths)
        if one["kind"] == "ScaledObject":
            assert one["spec"]["scaleTargetRef"]["name"] in DEPLOYMENTS
            assert one["spec"]["minReplicaCount"] == DEPLOYMENTS["eventhub-worker"]["spec"]["replicas"]


def test_the_kustomization_has_each_file_but_those_to_be_filled_in() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    others = {"kustomization.yaml", "secret.example.yaml", "keda.yaml"}
    assert set(listed) == {path.name for path in KUBERNETES.glob("*.yaml")} - others


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl")
def test_kubectl_makes_one_of_it() -> None:
    made = subprocess.run(
        ["kubectl", "kustomize", KUBERNETES], check=True, capture_output=True, text=True
    ).stdout
    images = re.findall(r"image: (\S+)", made)
    assert len(images) == 2 * len(DEPLOYMENTS)
    assert all(fnmatch(image, "registry.example.com/eventhub:*") for image in images)


async def test_what_workers_are_scaled_by_can_be_asked_of_the_database(database: Database) -> None:
    (scaled,) = [one for one in MANIFESTS if one["kind"] == "ScaledObject"]
    queries = [trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]]
    assert [await database.fetch_value(query) for query in queries] == [0, 0]
    async with database.transaction() as tx:
        await tx.execute(
            "INSERT INTO jobs (kind, version, payload, queue, state, run_at, attempts, max_attempts, request_id, error, created_at) "
            "SELECT 'confirm_booking', 1, '{}', 'bookings', 'queued', now() - interval '90 seconds', 0, 8, '-', '', now() "
            "FROM generate_series(1, 3)"
        )
    waiting, oldest = [await database.fetch_value(query) for query in queries]
    assert waiting == 3
    assert 90 <= oldest < 120


# --- systemd ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_can_read_the_units(tmp_path: Path) -> None:
    command = tmp_path / "eventhub"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    for path in (*UNITS, SYSTEMD / "eventhub.target"):
        text = path.read_text().replace("/opt/eventhub/current/bin/eventhub", str(command))
        # Started by their instances' names, as the target does.
        name = path.name.replace("web@", "web@8000").replace("worker@", "worker@all")
        (tmp_path / name).write_text(text)
    units = sorted([*tmp_path.glob("*.service"), *tmp_path.glob("*.target")])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], check=False, capture_output=True, text=True
    )
    ours = [
        line for line in (done.stdout + done.stderr).splitlines() if "eventhub" in line and "8001" not in line
    ]
    assert ours == []
    assert len(units) == 5


def test_the_target_wants_units_that_are_there() -> None:
    wanted = _unit(SYSTEMD / "eventhub.target")["Wants"][0].split()
    assert {re.sub(r"@\w+", "@", name) for name in wanted} == {
        path.name for path in UNITS if path.name != "eventhub-migrate.service"
    }
    for name in re.findall(r"worker@(\w+)", " ".join(wanted)):
        assert (SYSTEMD / f"worker-{name}.env").exists()
