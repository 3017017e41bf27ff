"""One way to the database (docs/decisions/0005-one-way-to-the-database.md), read off the source."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tortoise import Model

import eventhub
from eventhub import models

ROOT = Path(eventhub.__file__).parent
MODELS = {
    name: model
    for name, model in vars(models).items()
    if isinstance(model, type) and issubclass(model, Model)
}
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in sorted(ROOT.rglob("*.py"))
    if path.relative_to(ROOT).parts[0] not in {"database", "models"}
}

COPIES = "services/events/copies.py"  # makes rows of rows; that it forgets no column is held by its own test


@dataclass(frozen=True)
class ModelCall:
    """A use of a model: in which function, of which model, and by what: "filter.update" for Event.filter().update()."""

    function: ast.AST
    model: str
    methods: str
    call: ast.Call


def model_calls(source: str) -> Iterator[ModelCall]:
    tree = ast.parse(source)
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("eventhub.models")
        for alias in node.names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            begun = {call.func.value for call in calls if isinstance(call.func, ast.Attribute)}
            for call in calls:
                model, methods = _chain(call)
                if call not in begun and model in imported & MODELS.keys():
                    yield ModelCall(function, model, methods, call)


def _chain(node: ast.expr) -> tuple[str, str]:
    """Return ("Event", "filter.update") for Event.filter(…).update(…)."""
    names: list[str] = []
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        names.insert(0, node.func.attr)
        node = node.func.value
    return ast.unparse(node), ".".join(names)


CALLS = [(path, found) for path, source in SOURCES.items() for found in model_calls(source)]


def test_uses_of_models_are_found() -> None:
    source = """
from eventhub.models.events import Event
from icalendar import User
async def f(tx):
    await Event.filter(id=1).update(**changes)
    await Event.get(id=1)
    await User.get(id=1)
"""
    assert [(found.model, found.methods) for found in model_calls(source)] == [
        ("Event", "filter.update"),
        ("Event", "get"),
    ]
    assert len(CALLS) > 5


def test_models_make_rows_and_write_what_a_form_changes() -> None:
    """All else is SQL: there the code knows the columns."""
    for path, found in CALLS:
        takes_a_form = any(keyword.arg is None for keyword in found.call.keywords)
        is_right = found.methods == "create" or (found.methods == "filter.update" and takes_a_form)
        assert is_right, f"{path}: {ast.unparse(found.call)}"


def test_models_are_used_inside_transactions() -> None:
    """Outside of one, Tortoise would take the default pool, whoever asks."""
    for path, found in CALLS:
        assert isinstance(found.function, ast.AsyncFunctionDef), path
        taken = {argument.arg for argument in found.function.args.args}
        assert "tx" in taken, f"{path}: {ast.unparse(found.call)} in a function that takes no transaction"


def test_no_table_gets_its_rows_in_both_ways() -> None:
    made = {MODELS[found.model]._meta.db_table for _, found in CALLS if found.methods == "create"}
    entered = {path: source for path, source in SOURCES.items() if path != COPIES}
    inserted = {table for source in entered.values() for table in re.findall(r"INSERT INTO (\w+)", source)}
    assert made
    assert inserted
    assert not made & inserted


def test_nobody_names_the_connection() -> None:
    for path, source in SOURCES.items():
        assert "using_db" not in source, path
        assert not re.search(r"\b(tx|queries|database)\.client\b", source), path


def test_every_connection_is_made_in_one_way() -> None:
    """By `database/connection.py`, which knows several servers, and told what stands in front of them."""
    for name, source in SOURCES.items():
        assert "asyncpg.connect(" not in source, name
        for call in ast.walk(ast.parse(source)):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"Database.open", "migrate"}:
                assert "pooler" in {keyword.arg for keyword in call.keywords}, f"{name}:{call.lineno}"
