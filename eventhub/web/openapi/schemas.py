"""From marshmallow schemas to the components of the API's description: each of the house's fields exactly."""

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields, validate

from eventhub.schemas.base import (
    Flag,
    Id,
    Moment,
    Money,
    PictureUpload,
    PictureUrl,
    Text,
    WebAddress,
    picture_uploads,
)
from eventhub.services.times import FIRST_YEAR, LAST_YEAR
from eventhub.web.call import Route

_NUMBER = r"^[+-]?([0-9]+(\.[0-9]{0,2})?|\.[0-9]{1,2})([eE]\+?[0-9]{1,3})?$"
_ADDRESS = r"^\s*([Hh][Tt][Tt][Pp][Ss]?://\S+)?\s*$"
_PLACES = r"^-?[0-9]+\.[0-9]{2}$"
_FLAG = r"^\s*([Tt][Rr][Uu][Ee]|[Oo][Nn]|1|[Ff][Aa][Ll][Ss][Ee]|[Oo][Ff][Ff]|0)?\s*$"
# All that is not ASCII stands for letters and digits: no notation of those is understood everywhere.
_USERNAME = r"^[-.+_0-9A-Za-z\u0080-\uffff]+$"


class Components:
    """The schemas of all routes, under their names; a partial one whose whole has required fields is another."""

    def __init__(self, spec: APISpec, plugin: MarshmallowPlugin, routes: Sequence[Route]) -> None:
        self._spec = spec
        self._incoming = {part for route in routes if route.body for part in _with_parts(route.body)}
        converter = plugin.converter
        assert isinstance(converter, OpenAPIConverter)  # noqa: S101 - the plugin has it once the spec is made
        for describe in (
            _money(self._incoming),
            _moment(self._incoming),
            _address,
            _picture,
            _text,
            _id,
            _default,
            _choice,
        ):
            converter.add_attribute_function(describe)  # type: ignore[no-untyped-call]
        for route in routes:
            for schema in filter(None, (route.returns, route.body)):
                self._add(schema, is_partial=route.is_partial and schema is route.body)

    def ref(self, schema: type[Schema], *, is_partial: bool = False, is_form: bool = False) -> dict[str, str]:
        name = f"{name_of(schema(partial=is_partial))}{'Form' if is_form else ''}"
        return {"$ref": f"#/components/schemas/{name}"}

    def _add(self, schema: type[Schema], *, is_partial: bool) -> None:
        made = schema(partial=is_partial)
        name = name_of(made)
        if name in self._spec.components.schemas:  # as a part of another
            self._spec.components.schemas[name].setdefault("description", doc_of(schema))
            return
        self._spec.components.schema(name, {"description": doc_of(schema)}, schema=made)
        if schema in self._incoming and picture_uploads(schema):
            described = self._spec.components.schemas[name]
            required = described.get("required", ())
            inputs = {
                key: _input(made.fields[key], said, is_required=key in required)
                for key, said in described["properties"].items()
            }
            self._spec.components.schema(f"{name}Form", {**described, "properties": inputs})


def _with_parts(schema: type[Schema]) -> Iterator[type[Schema]]:
    """Yield a schema and those of the objects in it."""
    yield schema
    for field in schema().fields.values():
        part = field.inner if isinstance(field, fields.List) else field
        if isinstance(part, fields.Nested):
            yield from _with_parts(type(part.schema))


def make_plugin() -> MarshmallowPlugin:
    return MarshmallowPlugin(schema_name_resolver=name_of)


def name_of(schema: Any) -> str:
    """Return the component's name of a schema's class or instance."""
    made = schema() if isinstance(schema, type) else schema
    is_partial = made.partial and any(field.required for field in made.fields.values())
    return f"{'Partial' if is_partial else ''}{type(made).__name__}"


def doc_of(thing: object) -> str:
    """Return the first paragraph of a docstring as one line."""
    paragraph = (getattr(thing, "__doc__", None) or "").strip().partition("\n\n")[0]
    return " ".join(paragraph.split())


def _input(field: fields.Field[Any], described: dict[str, Any], *, is_required: bool) -> dict[str, Any]:
    """Return how a form's input for `field` is described: a file, or what JSON takes; left empty, where it may be."""
    if isinstance(field, PictureUpload):
        return {"type": "string", "format": "binary", "description": described["description"]}
    if isinstance(field, Flag):
        return {
            "type": ["boolean", "string"],
            "pattern": _FLAG,
            "description": "true, on, 1, false, off or 0.",
        }
    if is_required or isinstance(field, fields.String):
        return described
    return {
        "anyOf": [
            described,
            {"type": "string", "maxLength": 0, "description": "Treated as if it were absent."},
        ]
    }


def _money(incoming: Collection[type[Schema] | None]) -> Callable[..., dict[str, Any]]:
    """Return how amounts are described: texts or numbers in the schemas that come in, texts in all others."""

    def describe(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
        if not isinstance(field, Money):
            return {}
        null = ["null"] if field.allow_none else []
        if type(field.parent) not in incoming:
            return {"type": ["string", *null] if null else "string", "pattern": _PLACES}
        return {
            "type": ["string", "number", *null],
            "pattern": _NUMBER,
            "minimum": float(field.minimum),
            "maximum": float(field.maximum),
            "description": f"An amount of at most two decimal places, from {field.minimum} to {field.maximum}.",
        }

    return describe


def _moment(incoming: Collection[type[Schema] | None]) -> Callable[..., dict[str, Any]]:
    """Return how times are described: in the schemas that come in with the years that there may be."""

    def describe(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
        if not isinstance(field, Moment):
            return {}
        described = {"type": ["string", "null"] if field.allow_none else "string", "format": "date-time"}
        if type(field.parent) in incoming:
            years = f"in the years {FIRST_YEAR} to {LAST_YEAR}"
            described["description"] = f"A time {years}, with any offset; without one, it is UTC."
        return described

    return describe


def _address(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
    if not isinstance(field, WebAddress):
        return {}
    return {"pattern": _ADDRESS, "description": "An http or https URL, or an empty string."}


def _picture(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
    if isinstance(field, PictureUrl):
        return {"format": "uri"}
    if isinstance(field, PictureUpload):
        return {
            "description": "A picture file in a form. An empty string, or null in JSON, removes the present picture. "
            "Other JSON changes nothing."
        }
    return {}


def _text(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
    if not isinstance(field, Text):
        return {}
    said: dict[str, Any] = {}
    for check in _checks(field):
        match check:
            case validate.Regexp():
                said |= {"pattern": _USERNAME, "description": check.error}
            case _:
                pass
    if "password" in (field.name or ""):
        said["format"] = "password"
    return said


def _default(_: object, __: fields.Field[Any], *, ret: dict[str, Any], **___: object) -> dict[str, Any]:
    """Say in words what stands for an absent value: generators take a `default` for a field that is always there."""
    default = ret.pop("default", None)
    if default is None or default == "":
        return {}
    said = f"If it is absent: `{json.dumps(default)}`."
    return {"description": f"{ret['description']} {said}" if "description" in ret else said}


def _choice(_: object, __: fields.Field[Any], *, ret: dict[str, Any], **___: object) -> dict[str, Any]:
    """Set null apart from the values of a choice: an enum with null in it is three types to generators."""
    if None not in ret.get("enum", ()):
        return {}
    values = [value for value in ret.pop("enum") if value is not None]
    return {"anyOf": [{"type": ret.pop("type")[0], "enum": values}, {"type": "null"}]}


def _checks(field: fields.Field[Any]) -> Iterator[object]:
    return chain.from_iterable(
        check.validators if isinstance(check, validate.And) else [check] for check in field.validators
    )


def _id(_: object, field: fields.Field[Any], **__: object) -> dict[str, Any]:
    return {"format": "int64"} if isinstance(field, Id) or field.name == "id" else {}
