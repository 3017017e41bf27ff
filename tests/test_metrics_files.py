"""The dashboard, the alerts and the documents name metrics, labels and values that the code has."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from eventhub import metrics
from eventhub.models.jobs import Queue
from eventhub.settings import read_settings
from eventhub.workers import clock

ROOT = Path(__file__).parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ALERTS_FILE = ROOT / "deploy" / "prometheus" / "alerts.yml"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "eventhub.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in PANELS for target in panel["targets"]]
EXPRESSIONS = [
    *((rule["alert"], rule["expr"]) for rule in ALERTS),
    *((title, target["expr"]) for title, target in TARGETS),
]


def names_of(family: metrics.Family) -> list[str]:
    """Return what Prometheus calls the samples of a family."""
    if isinstance(family, metrics.Counter):
        return [f"{family.name}_total"]
    if isinstance(family, metrics.Histogram):
        return [f"{family.name}_{part}" for part in ("bucket", "sum", "count")]
    return [family.name]


FAMILIES = {name: family for family in metrics.ALL for name in names_of(family)}
ROWS = {
    row[1]: (re.findall(r"`(\w+)`", row[2]), row[3])
    for row in re.finditer(r"^\| `(eventhub_\w+)` \| (.*?) \| (.*) \|$", OPERATIONS, re.MULTILINE)
}


def labels_of(expression: str) -> set[str]:
    """Return the labels that the metrics of an expression have."""
    named = re.findall(r"eventhub_\w+", expression)
    return {label for name in named for label in FAMILIES[name].labels} | {"le"}


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression leaves, as far as it names any."""
    return {
        label.strip() for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in group.split(",")
    }


def matchers(expression: str) -> Iterator[tuple[str, str, str]]:
    """Yield the metric, the label and a value of it, for each that an expression asks for."""
    for name, chosen in re.findall(r"(eventhub_\w+)\{([^}]*)\}", expression):
        for label, values in re.findall(r'(\w+)\s*(?:=|!=|=~|!~)\s*"([^"]*)"', chosen):
            for value in values.split("|"):
                yield name, label, value


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_each_expression_names_metrics_labels_and_values_that_there_are(title: str, expression: str) -> None:
    assert set(re.findall(r"eventhub_\w+", expression)) <= FAMILIES.keys()
    assert grouped(expression) <= labels_of(expression)
    tasks = {item.name for item in scheduled()}
    for name, label, value in matchers(expression):
        family = FAMILIES[name]
        assert label in family.labels, (title, label)
        said = ROWS[family.name + ("_total" if isinstance(family, metrics.Counter) else "")][1]
        match label:
            case "queue":
                assert value in set(Queue)
            case "task":
                assert value in tasks
            case "route" | "status":
                re.compile(value)
            case _:
                assert f"`{value}`" in said, (title, label, value)


def scheduled() -> list[clock.ScheduledTask]:
    environ = {
        "DATABASE_URL": "postgres://u@localhost/db",
        "REDIS_URL": "redis://localhost",
        "EVENTHUB_SECRET_KEY": "s" * 32,
        "EVENTHUB_METRICS_PORT": "9100",
    }
    nothing: Any = None
    return clock.schedule(read_settings(environ), nothing, nothing, nothing)


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_each_expression_is_balanced(title: str, expression: str) -> None:
    assert expression.count('"') % 2 == 0
    bare = re.sub(r'"[^"]*"', '""', expression)
    opened: list[str] = []
    for character in bare:
        if character in "([{":
            opened.append(character)
        elif character in ")]}":
            assert opened, title
            assert opened.pop() + character in {"()", "[]", "{}"}, title
    assert opened == [], title
    for name in set(re.findall(r"eventhub_\w+", bare)):
        # A counter is read by how fast it grows, and nothing else is.
        is_counted = re.search(rf"(?:rate|increase)\({name}\b", bare) is not None
        assert is_counted is not isinstance(FAMILIES[name], metrics.Gauge), (title, name)


def test_promtool_takes_the_alerts() -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    checked = subprocess.run(
        [tool, "check", "rules", ALERTS_FILE], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def slug(heading: str) -> str:
    """Return the anchor that a heading has where Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("rule", ALERTS, ids=[rule["alert"] for rule in ALERTS])
def test_each_alert_says_what_happened_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    said = rule["annotations"]
    assert said["summary"].endswith(".")
    assert said["description"].endswith(".")
    for label in re.findall(r"\$labels\.(\w+)", said["summary"] + said["description"]):
        assert label in grouped(rule["expr"])
    document, _, anchor = said["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / document).read_text(), re.MULTILINE)
    assert anchor in set(map(slug, headings))
    assert re.search(rf"^\| `{rule['alert']}` \| .*\(#{anchor}\)\) \|$", OPERATIONS, re.MULTILINE)


def test_the_documents_name_no_alert_that_there_is_not() -> None:
    assert re.findall(r"^\| `(EventHub\w+)`", OPERATIONS, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_the_table_of_metrics_is_the_code_s() -> None:
    told = {
        family.name + ("_total" if isinstance(family, metrics.Counter) else ""): list(family.labels)
        for family in metrics.ALL
    }
    assert {name: labels for name, (labels, _) in ROWS.items()} == told
    for family in metrics.ALL:
        said = ROWS[family.name + ("_total" if isinstance(family, metrics.Counter) else "")][1]
        assert said.startswith("histogram:") is isinstance(family, metrics.Histogram)


def test_each_panel_has_its_place_and_names_the_labels_that_are_left() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    for title, target in TARGETS:
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in grouped(target["expr"]), title
