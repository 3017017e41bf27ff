"""The description of the API says what the routes do: no more, no less, checked against real answers."""

import ast
import io
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiohttp import FormData
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate
from yarl import URL

import eventhub
from eventhub.errors import Conflict, EventHubError, Forbidden
from eventhub.gateways.payments.mock import MockGateway
from eventhub.services.listing import MAX_ID
from eventhub.web.call import Route
from eventhub.web.openapi import document
from eventhub.web.openapi.schemas import doc_of
from eventhub.web.routes import ROUTES
from tests.api import PASSWORD, Answer, Api, Person
from tests.services.test_certificates import end
from tests.web import document as printed_document
from tests.web.test_accounts import mailed_tokens
from tests.web.test_schemas import walk, world
from tests.web.test_uploads import picture, put_avatar

assert world  # a fixture

DESCRIBED = document.build(ROUTES)
BY_NAME = {f"{route.method} {route.path}": route for route in ROUTES}


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DESCRIBED["paths"][document.path_of(route)][route.method.lower()]
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
        "RateLimit-Remaining",
        "Content-Disposition",
        "Content-Encoding",
        "Accept-Encoding",
        "Vary",
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
    assert sorted(described) == sorted((route.method, document.path_of(route)) for route in ROUTES)
    ids = [operation(route)["operationId"] for route in ROUTES]
    assert len(set(ids)) == len(ids)
    assert [tag["name"] for tag in DESCRIBED["tags"]][:11] == (
        "Authentication Users Events Sessions Bookings Waitlist Payments Invoices Notifications Reviews Certificates"
    ).split()
    for route in ROUTES:
        described_route = operation(route)
        assert described_route["summary"]
        assert described_route.get("security") == (None if route.is_public else [{"bearerAuth": []}])
    assert DESCRIBED["security"] == [{}, {"bearerAuth": []}], "of all others: with or without a sign-in"


def parameters(route: Route, place: str) -> dict[str, Mapping[str, Any]]:
    found = [resolve(parameter) for parameter in operation(route)["parameters"]]
    return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}


def test_every_list_says_what_it_takes() -> None:
    lists = [route for route in ROUTES if route.listing]
    assert lists
    for route in lists:
        listing = route.listing
        assert listing is not None
        found = parameters(route, "query")
        search = ["search"] if listing.search else []
        assert list(found) == [
            *route.query,
            *listing.filters,
            *search,
            "ordering",
            "page_size",
            "cursor",
            "count",
        ]
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
            assert (body is None) is (route.raw_body is None)
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


def test_bodies_are_described_as_generators_of_clients_take_them() -> None:
    """A `default` makes a field one that is always there, and an enum with null in it is none."""
    for route in ROUTES:
        for content in operation(route).get("requestBody", {"content": {}})["content"].values():
            schema = resolve(content["schema"])
            for name, described in schema.get("properties", {}).items():
                assert "default" not in described, (route.path, name)
                assert None not in described.get("enum", ()), (route.path, name)
    booking = resolve(
        operation(BY_NAME["POST /api/bookings/"])["requestBody"]["content"]["application/json"]["schema"]
    )
    assert booking["properties"]["number_of_tickets"]["description"] == "If it is absent: `1`."


def test_an_error_names_what_is_wrong_with_each_field_in_a_list_of_texts() -> None:
    errors = DESCRIBED["components"]["schemas"]["Error"]["properties"]["errors"]
    assert errors["additionalProperties"] == {"type": "array", "items": {"type": "string"}}


def test_the_examples_are_the_documents() -> None:
    for name, digest in printed_document.PRINTED.items():
        assert printed_document.digest(getattr(printed_document, name)) == digest, (
            f"{name} is no longer as the API document prints it"
        )
    registered = example_of(BY_NAME["POST /api/users/"])
    assert {name: registered[name] for name in printed_document.REGISTERED} == printed_document.REGISTERED
    assert example_of(BY_NAME["POST /api/bookings/"]) == {**printed_document.BOOKED, "currency": "USD"}
    assert example_of(BY_NAME["GET /api/bookings/"]) == [printed_document.BOOKING]


def example_of(route: Route) -> Any:
    """Return the example of the operation's success."""
    answer = operation(route)["responses"][str(route.status)]
    return answer["content"]["application/json"]["example"]


def test_every_body_and_every_json_answer_has_an_example_that_holds() -> None:
    for route in ROUTES:
        described = operation(route)
        contents = [described.get("requestBody"), described["responses"][str(route.status)]]
        for content in (found["content"] for found in contents if found and "content" in found):
            json = content.get("application/json")
            if json is None or route.path == "/api/schema/":
                continue
            assert json["example"], f"{route.method} {route.path}"
            Draft202012Validator(strict(json["schema"])).validate(json["example"])


def test_every_operation_says_what_it_does_and_not_what_a_schema_is() -> None:
    for name, route in BY_NAME.items():
        words = operation(route)["description"]
        assert words.startswith(doc_of(route.handler)), name
        assert words not in {doc_of(route.body), doc_of(route.returns)}, name
        for parameter in (*parameters(route, "query").values(), *parameters(route, "header").values()):
            assert parameter["description"], name


@pytest.mark.parametrize(("status", "error"), [(403, Forbidden), (409, Conflict)])
def test_every_code_of_a_refusal_is_named_where_it_may_come(status: int, error: type[EventHubError]) -> None:
    """That each route names its own is held by each answer that a test gets: `tests/routes.py`."""
    named = {code for route in ROUTES for code in route.refuses.get(status, ())}
    # The last is raised for acts on the ops page and on the command line, which are no part of the API.
    assert named == raised_codes(error) - {"permission_denied", "idempotency_key_in_use", "moves_money"}
    for name, route in BY_NAME.items():
        words = operation(route)["description"]
        assert all(f"`{code}`" in words for code in route.refuses.get(status, ())), name


def raised_codes(error: type[EventHubError]) -> set[str]:
    """Return the codes of all errors of this class that the package makes, as their calls are written."""
    classes = {kind.__name__: kind for kind in (error, *error.__subclasses__())}
    codes = set()
    for path in Path(eventhub.__file__).parent.rglob("*.py"):
        if path.parent.name == "ops":  # its pages are no part of the API
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and (
                kind := classes.get(ast.unparse(node.func).rpartition(".")[2])
            ):
                given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                codes |= {ast.literal_eval(code) for code in given} or {kind.code}
    return codes


def test_limits_and_waits_are_listed_where_they_are() -> None:
    for name, route in BY_NAME.items():
        responses = operation(route)["responses"]
        assert ("429" in responses) is not route.is_unlimited, name
        reads = route.body is not None or route.is_idempotent or route.raw_body is not None
        assert all((str(status) in responses) is reads for status in (408, 413, 415)), name


# --- real answers -------------------------------------------------------------------------------------------------


async def test_every_answer_is_as_described(world: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every route of the table is asked for something that it does."""
    admin = await world.sign_in("asker")
    walked = set()
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
        walked.add(f"{route.method} {route.path}")

    monkeypatch.setattr(MockGateway, "parse_webhook", AsyncMock(return_value=None))
    async for person, name, path, body in the_rest(world, admin):
        route = BY_NAME[name]
        data = {"data": body} if isinstance(body, bytes | FormData) else {"json": body}
        answer = await person.request(route.method, path, **data)
        assert answer.status == route.status, (name, answer.data)
        check_answer(route, answer)
        walked.add(name)
    assert walked == set(BY_NAME)


async def the_rest(api: Api, admin: Person) -> AsyncIterator[tuple[Person, str, str, object]]:
    """Yield what `walk` leaves out, with who asks: accounts, money, certificates, deletions, files."""
    payer = await api.person()
    event = await admin.create_event(price="5.00")
    booking = await payer.book(event)
    paying = {"booking": booking["id"], "method": "mock"}
    yield payer, "POST /api/payments/", "/api/payments/", paying
    await api.run_jobs()
    ((payment,), (invoice,)) = [(await payer.get(f"/api/{name}/")).data for name in ("payments", "invoices")]
    for kind, row in (("payments", payment), ("invoices", invoice)):
        yield payer, f"GET /api/{kind}/", f"/api/{kind}/", None
        yield payer, f"GET /api/{kind}/{{id}}/", f"/api/{kind}/{row['id']}/", None
    yield payer, "GET /api/payments/{id}/receipt/", f"/api/payments/{payment['id']}/receipt/", None
    yield payer, "POST /api/invoices/{id}/mark_as_sent/", f"/api/invoices/{invoice['id']}/mark_as_sent/", None
    yield payer, "POST /api/payments/{id}/refund/", f"/api/payments/{payment['id']}/refund/", None
    yield api.anonymous, "POST /api/payments/webhook/{gateway}/", "/api/payments/webhook/mock/", b"{}"
    await payer.verify()
    booking = await payer.book(await admin.create_event(price="5.00"))
    transfer = {"booking": booking["id"], "method": "bank_transfer"}
    for person, actions in ((payer, ("cancel",)), (admin, ("complete", "refund", "mark_returned"))):
        made = await payer.post("/api/payments/", transfer)
        for action in actions:
            yield (
                person,
                f"POST /api/payments/{{id}}/{action}/",
                f"/api/payments/{made.data['id']}/{action}/",
                None,
            )

    attended = await admin.create_event()
    await payer.book(attended)
    await end(api, admin, attended["id"])
    await api.run_jobs()
    (certificate,) = (await payer.get("/api/certificates/")).data
    path = f"/api/certificates/{certificate['id']}/"
    number = certificate["certificate_number"]
    yield payer, "GET /api/certificates/", "/api/certificates/", None
    yield api.anonymous, "GET /api/certificates/verify/{number}/", f"/api/certificates/verify/{number}/", None
    yield payer, "GET /api/certificates/{id}/", path, None
    yield payer, "GET /api/certificates/{id}/download/", f"{path}download/", None
    yield payer, "POST /api/certificates/{id}/mark_as_downloaded/", f"{path}mark_as_downloaded/", None
    yield payer, "POST /api/certificates/{id}/reissue/", f"{path}reissue/", None

    full = await admin.create_event(max_attendees=1)
    await admin.book(full)
    entry = (await payer.post("/api/waitlist/", {"event": full["id"]})).data
    yield payer, "POST /api/waitlist/{id}/leave/", f"/api/waitlist/{entry['id']}/leave/", None
    draft = await admin.create_event(publish=False)
    for kind, found in (
        ("sessions", 1),
        ("ticket_types", 1),
        ("promo_codes", 1),
        ("reviews", 1),
        ("events", draft["id"]),
    ):
        yield admin, f"DELETE /api/{kind}/{{id}}/", f"/api/{kind}/{found}/", None
    for path in ("/api/changes/", "/api/changes/stream/"):
        yield payer, f"GET {path}", path, None
    page = api.unsubscribe_path(payer.id)
    for method in ("GET", "POST"):
        yield api.anonymous, f"{method} /api/notifications/unsubscribe/{{token}}/", page, None

    resend = "/api/auth/email/verify/resend/"
    yield payer, f"POST {resend}", resend, None
    (token,) = await mailed_tokens(api, payer.user["email"])
    yield api.anonymous, "POST /api/auth/email/verify/", "/api/auth/email/verify/", {"token": token}
    change = {"old_password": PASSWORD, "new_password": "another-good-1"}
    yield payer, "POST /api/auth/password/change/", "/api/auth/password/change/", change
    reset = {"email": payer.user["email"]}
    yield api.anonymous, "POST /api/auth/password/reset/", "/api/auth/password/reset/", reset
    confirm = {"token": (await mailed_tokens(api, payer.user["email"]))[-1], "new_password": "another-good-2"}
    path = "/api/auth/password/reset/confirm/"
    yield api.anonymous, f"POST {path}", path, confirm
    sign_ins = "/api/auth/sign_ins/"
    yield admin, f"GET {sign_ins}", sign_ins, None
    yield admin, f"DELETE {sign_ins}", sign_ins, None
    (current,) = (await admin.get(sign_ins)).data
    yield admin, f"DELETE {sign_ins}{{id}}/", f"{sign_ins}{current['id']}/", None
    yield api.anonymous, "POST /api/auth/logout/", "/api/auth/logout/", {"refresh": admin.refresh}

    other = await api.person()
    avatar = URL(await put_avatar(other, picture())).path
    yield api.anonymous, "GET /media/{name:.+}", avatar, None
    yield api.anonymous, "GET /api/docs/{name}", "/api/docs/docs.js", None
    for path in ("/api/schema/", "/api/docs/", "/healthz/", "/readyz/", "/.well-known/security.txt"):
        yield api.anonymous, f"GET {path}", path, None


async def test_every_error_is_as_described(world: Api) -> None:
    stranger = await world.person()
    for route in ROUTES:
        seen = set()
        for reader in (world.anonymous, stranger, Person(world, "forged")):
            for path in bad_paths(route):
                body = {"event": 1, "rating": 9, "user_type": "admin"} if route.body else None
                asked = [await reader.request(route.method, path, body, params=bad_query(route))]
                if "event" in route.query:
                    asked.append(await reader.request(route.method, path, params={"event": "77"}))
                if route.is_idempotent:
                    asked.append(await reader.post(path, body, headers={"Idempotency-Key": "a b"}))
                for answer in asked:
                    check_answer(route, answer)
                    seen.add(answer.status)
        # What is described is answered; of 400 to bodies the test below shows it, of 403 the table of permissions.
        shown = {401, 404} if route.body else {400, 401, 404}
        described = shown & {int(status) for status in operation(route)["responses"]}
        if (
            route.path == "/.well-known/security.txt"
        ):  # is not there where it is not set: tests/web/test_hardening.py
            described.discard(404)
        assert described <= seen, f"{route.method} {route.path}"


def bad_paths(route: Route) -> list[str]:
    path = document.path_of(route)
    if "{gateway}" in path:
        return [path.replace("{gateway}", name) for name in ("nothing", "offline")]
    for name in ("name", "token", "number"):
        path = path.replace(f"{{{name}}}", "nothing")
    return [path.replace("{id}", str(number)) for number in (1, 77, MAX_ID + 1, "x")]


def bad_query(route: Route) -> dict[str, str]:
    return {"page_size": "0"} if route.listing else dict.fromkeys(route.query, "\0")


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


async def test_the_root_leads_to_the_page(api: Api) -> None:
    for path in ("/", "/api/"):
        answer = await api.anonymous.get(path)
        assert (answer.status, answer.headers["Location"]) == (302, "/api/docs/")
