"""The description of the API says what the routes do: no more, no less, checked against real answers."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate

from eventhub.services.listing import MAX_ID
from eventhub.web import openapi
from eventhub.web.call import Route
from eventhub.web.examples import EXAMPLES
from eventhub.web.routes import ROUTES
from tests.api import Answer, Api, Person
from tests.web import document
from tests.web.test_schemas import walk, world

assert world  # a fixture

DESCRIBED = openapi.build(ROUTES)
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DESCRIBED["paths"][openapi.path_of(route)][route.method.lower()]
    return found


def resolve(described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference stands for."""
    if "$ref" not in described:
        return described
    found: Any = DESCRIBED
    for part in described["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def strict(schema: Any) -> Any:
    """Return the schema with its references filled in and with no room for keys that it does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in resolve(schema).items()}
    if isinstance(made.get("properties"), dict) and "type" in made:
        made.setdefault("additionalProperties", False)
    return made


def check_answer(route: Route, answer: Answer) -> None:
    """Assert that the operation describes this very answer: its status, its type, every key, its headers."""
    name = f"{route.method} {route.path}"
    responses = operation(route)["responses"]
    assert str(answer.status) in responses, (name, answer.status, answer.data)
    described = resolve(responses[str(answer.status)])
    for header in (
        "ETag",
        "Link",
        "X-Total-Count",
        "Idempotency-Replayed",
        "WWW-Authenticate",
        "Retry-After",
    ):
        assert header not in answer.headers or header in described["headers"], (name, header)
    if answer.status in {204, 304}:
        assert "content" not in described
        return
    kind = answer.headers["Content-Type"].partition(";")[0]
    schema = strict(described["content"][kind]["schema"])
    if kind == "application/json":
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(answer.data)


def test_the_description_is_valid() -> None:
    validate(DESCRIBED)


def test_every_route_is_described_and_nothing_else() -> None:
    described = [(method.upper(), path) for path, item in DESCRIBED["paths"].items() for method in item]
    assert sorted(described) == sorted((route.method, openapi.path_of(route)) for route in ROUTES)
    ids = [operation(route)["operationId"] for route in ROUTES]
    assert len(set(ids)) == len(ids)
    assert [tag["name"] for tag in DESCRIBED["tags"]][:11] == (
        "Authentication Users Events Sessions Bookings Waitlist Payments Invoices Notifications Reviews Certificates"
    ).split()
    for route in ROUTES:
        described_route = operation(route)
        assert described_route["summary"]
        assert described_route["security"][-1] == {"bearerAuth": []}
        assert (described_route["security"][0] == {}) is route.is_public


def parameters(route: Route, place: str) -> dict[str, Mapping[str, Any]]:
    found = [resolve(parameter) for parameter in operation(route)["parameters"]]
    return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}


def test_every_list_says_what_it_takes() -> None:
    lists = [route for route in ROUTES if route.listing]
    assert len(lists) == 13
    for route in lists:
        listing = route.listing
        assert listing is not None
        found = parameters(route, "query")
        search = ["search"] if listing.search else []
        assert list(found) == [*listing.filters, *search, "ordering", "page_size", "cursor", "count"]
        for name, query_filter in listing.filters.items():
            assert found[name]["schema"] == query_filter.parse.schema
            assert found[name]["description"]
        ordering = found["ordering"]["schema"]
        assert ordering["items"]["enum"] == [s + name for name in listing.orderings for s in ("", "-")]
        assert ",".join(ordering["default"]) == listing.default_ordering


async def test_what_a_list_describes_is_what_it_takes(api: Api) -> None:
    admin = await api.person("admin")
    for route in (route for route in ROUTES if route.listing):
        path = route.path.replace("{id}", str(admin.id))
        if path.startswith("/api/events/1"):
            continue  # the same parameters as the lists of bookings
        for name, parameter in parameters(route, "query").items():
            for value in good_values(parameter["schema"]):
                answer = await admin.get(path, params={name: value})
                assert answer.status == 200 or name == "cursor", (path, name, value, answer.data)


def good_values(schema: Mapping[str, Any]) -> Iterator[str]:
    match schema:
        case {"enum": values}:
            yield from values
        case {"items": items}:
            yield ",".join(items["enum"])
        case {"type": "integer" | "number"}:
            yield from (str(schema[bound]) for bound in ("minimum", "maximum"))
        case {"type": "boolean"}:
            yield from ("true", "false")
        case {"format": "date-time"}:
            yield "2026-12-27T14:00:00Z"
        case _:
            yield "x" * schema.get("maxLength", 1)


def test_bodies_say_what_is_required_and_which_forms_there_are() -> None:
    for route in ROUTES:
        body = operation(route).get("requestBody")
        if route.body is None:
            assert body is None or "webhook" in route.path
            continue
        assert body is not None
        required = {name for name, field in route.body().fields.items() if field.required}
        schema = resolve(body["content"]["application/json"]["schema"])
        assert set(schema.get("required", [])) == (set() if route.is_partial else required)
        assert list(schema["properties"]) == list(route.body().fields)
    event = operation(BY_NAME["POST /api/events/"])["requestBody"]["content"]
    assert list(event) == ["application/json", "multipart/form-data"]
    assert resolve(event["multipart/form-data"]["schema"])["properties"]["cover_image"]["format"] == "binary"
    assert resolve(event["application/json"]["schema"])["properties"]["price"]["type"] == ["string", "number"]


def test_the_examples_are_the_documents_and_hold() -> None:
    assert EXAMPLES
    for schema, example in EXAMPLES.items():
        described = {"$ref": f"#/components/schemas/{schema.__name__}"}
        Draft202012Validator(strict(described)).validate(dict(example))
    printed = {name: value for name, value in vars(document).items() if name.isupper()}
    shown = [dict(example) for example in EXAMPLES.values()]
    for name in (
        "TOKENS USER_LIST_ITEM REGISTRATION ACCOUNT_CHANGES PROFILE_CHANGES EVENT_LIST_ITEM EVENT NEW_EVENT STATISTICS "
        "SESSION NEW_SESSION BOOKING NEW_BOOKING NEW_ENTRY NOTIFICATION UNREAD_COUNT REVIEW PAYMENT NEW_REVIEW "
        "CERTIFICATE INVOICE"
    ).split():
        assert printed[name] in shown, name


# --- real answers -------------------------------------------------------------------------------------------------


async def test_every_answer_is_as_described(world: Api) -> None:
    admin = await world.sign_in("asker")
    async for route, path, body in walk(world, admin):
        key = f"key-of-{operation(route)['operationId']}"
        headers = {"Idempotency-Key": key} if route.is_idempotent else {}
        answer = await admin.request(route.method, path, body, headers=headers)
        assert answer.status == route.status
        check_answer(route, answer)
        if route.is_idempotent:
            again = await admin.request(route.method, path, body, headers=headers)
            assert again.headers["Idempotency-Replayed"] == "true"
            check_answer(route, again)
        if "ETag" in answer.headers:
            again = await admin.get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert again.status == 304
            check_answer(route, again)


async def test_every_error_is_as_described(world: Api) -> None:
    stranger = await world.person()
    seen = set()
    for reader in (world.anonymous, stranger, Person(world, "forged")):
        for route in ROUTES:
            for path in bad_paths(route):
                body = {"event": 1, "rating": 9, "user_type": "admin"} if route.body else None
                answer = await reader.request(route.method, path, body, params=bad_query(route))
                check_answer(route, answer)
                seen.add(answer.status)
                if route.is_idempotent:
                    answer = await reader.post(path, body, headers={"Idempotency-Key": "a b"})
                    check_answer(route, answer)
    assert seen >= {400, 401, 403, 404}


def bad_paths(route: Route) -> list[str]:
    path = openapi.path_of(route)
    for name in ("name", "token", "gateway", "number"):
        path = path.replace(f"{{{name}}}", "nothing")
    return [path.replace("{id}", str(number)) for number in (1, 77, MAX_ID + 1, "x")]


def bad_query(route: Route) -> dict[str, str]:
    return {"page_size": "0"} if route.listing else {}


async def test_bodies_that_are_none_are_refused_as_described(world: Api) -> None:
    admin = await world.sign_in("asker")
    for route in (route for route in ROUTES if route.body):
        path = route.path.replace("{id}", "1")
        for data, kind, status in (
            (b"{", "application/json", 400),
            (b"[]", "application/json", 400),
            (b"<a/>", "text/xml", 415),
            (b" " * (1024 * 1024 + 1), "application/json", 413),
        ):
            answer = await admin.request(
                route.method, path, data=io.BytesIO(data), headers={"Content-Type": kind}
            )
            assert answer.status == status
            check_answer(route, answer)


async def test_it_is_served_to_everybody(api: Api) -> None:
    answer = await api.anonymous.get("/api/schema/")
    assert answer.status == 200
    assert answer.data == DESCRIBED
    again = await api.anonymous.get("/api/schema/", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui.css", "text/css"),
        ("docs.js", "text/javascript"),
        ("docs.css", "text/css"),
        ("favicon-32x32.png", "image/png"),
    ],
)
async def test_the_page_brings_its_files(api: Api, name: str, kind: str) -> None:
    page = await api.anonymous.get("/api/docs/")
    assert page.status == 200
    assert f"/api/docs/{name}" in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "'unsafe-eval'" not in page.headers["Content-Security-Policy"]
    file = await api.anonymous.get(f"/api/docs/{name}")
    assert file.status == 200
    assert file.headers["Content-Type"].startswith(kind)
    check_answer(BY_NAME["GET /api/docs/{name}"], file)
    plain = await api.anonymous.get(f"/api/docs/{name}", headers={"Accept-Encoding": "identity"})
    assert (file.headers["Content-Encoding"], plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert file.headers["Vary"] == "Accept-Encoding"
    assert file.text == plain.text


async def test_the_pages_texts_are_compressed_for_who_takes_it(api: Api) -> None:
    for name, encoding, expected in (
        ("docs.js", "gzip, deflate, br", "gzip"),
        ("docs.js", "br;q=1.0, GZIP;q=0.5", "gzip"),
        ("docs.js", "gzip;q=0", None),
        ("docs.js", "identity", None),
        ("favicon-32x32.png", "gzip", None),
    ):
        file = await api.anonymous.get(f"/api/docs/{name}", headers={"Accept-Encoding": encoding})
        assert file.headers.get("Content-Encoding") == expected, (name, encoding)
        assert file.headers.get("Vary") == ("Accept-Encoding" if name.endswith(".js") else None)
        check_answer(BY_NAME["GET /api/docs/{name}"], file)


async def test_no_other_file_is_served(api: Api) -> None:
    for name in ("index.html", "nothing.js", "..%2Fdocs.py", "swagger-ui.js"):
        assert (await api.anonymous.get(f"/api/docs/{name}")).status == 404
