"""A local Stripe on a real socket: the part of its API that the gateway uses, and the ways in which it can fail.

It follows Stripe's pages, not the gateway: https://docs.stripe.com/api (checkout/sessions, refunds, errors,
idempotent_requests), https://docs.stripe.com/webhooks#verify-manually. Use it as `async with StripeServer() as stripe`
and give `stripe.url` as EVENTHUB_STRIPE_API_BASE. What the payer does is a method: `pay`, `decline`, `expire`, …
"""

import asyncio
import hashlib
import hmac
import itertools
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]

API_KEY = "sk_test_fake"
WEBHOOK_SECRET = "whsec_fake"
SESSION_PARAMS = re.compile(
    r"mode|client_reference_id|customer_email|success_url|cancel_url|expires_at|expand\[\d+\]"
    r"|metadata\[\w+\]|payment_intent_data\[(metadata\]\[\w+|description)\]"
    r"|allowed_payment_method_types\[\d+\]|line_items\[0\]\[quantity\]"
    r"|line_items\[0\]\[price_data\]\[(currency|unit_amount|product_data\]\[name)\]"
)


class Fault(Enum):
    """What goes wrong with a request, and whether it took effect."""

    DECLINED = "402 card_error, kept under the idempotency key"
    SERVER_ERROR = "500 without effect, kept under the idempotency key"
    SERVER_ERROR_AFTER = "500 although it took effect, kept under the idempotency key"
    RATE_LIMITED = "429 without effect"
    KEY_IN_USE = "409: another request with this idempotency key is under way"
    NO_BALANCE = "400: the account has too little money to return any, for now"
    HANG_BEFORE = "no answer and no effect"
    HANG_AFTER = "took effect, no answer"
    DROP_BEFORE = "connection closed without effect"
    DROP_AFTER = "took effect, connection closed in the middle of the answer"
    GARBAGE = "200 with a page of HTML, although it took effect"


EFFECTIVE = {Fault.SERVER_ERROR_AFTER, Fault.HANG_AFTER, Fault.DROP_AFTER, Fault.GARBAGE}


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    method: str
    path: str
    params: Json
    idempotency_key: str | None


@dataclass(frozen=True)
class Answer:
    """What was answered under an idempotency key, to be said again."""

    call: Call
    status: int
    body: Json


@dataclass(frozen=True)
class Webhook:
    """A signed event, ready to be posted."""

    body: bytes
    headers: Mapping[str, str]


class ApiError(Exception):
    """Raised by a handler for an error answer."""

    def __init__(
        self, status: int, kind: str, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"type": kind, "message": message, "code": code, "param": param}}


@dataclass
class StripeServer:
    """The fake; all its objects are public for tests to look at."""

    api_key: str = API_KEY
    webhook_secret: str = WEBHOOK_SECRET
    url: str = ""
    sessions: dict[str, Json] = field(default_factory=dict)
    intents: dict[str, Json] = field(default_factory=dict)
    charges: dict[str, Json] = field(default_factory=dict)
    refunds: dict[str, Json] = field(default_factory=dict)
    disputes: dict[str, Json] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    refund_status: str = "succeeded"  # of refunds made from now on

    def __post_init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._faults: list[tuple[Fault, str]] = []
        self._numbers = itertools.count(1)
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/v1/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        await self._runner.cleanup()

    # Knobs

    def fail(self, fault: Fault, *, path: str = "", times: int = 1) -> None:
        """Let the next `times` requests whose "METHOD path" contains `path` go wrong."""
        self._faults.extend([(fault, path)] * times)

    def forget_keys(self) -> None:
        """Prune all idempotency keys, as Stripe does after a day or more."""
        self._answers.clear()

    # What the payer, the payer's bank and Stripe's dashboard do

    def pay(self, session_id: str) -> Json:
        """Pay an open session by card; raises ValueError where it cannot be paid any more."""
        session = self._open(session_id)
        intent = self._intent(session)
        charge = self._charge(intent)
        intent.update(status="succeeded", latest_charge=charge["id"], last_payment_error=None)
        session.update(status="complete", payment_status="paid", url=None)
        return session

    def decline(self, session_id: str, message: str = "Your card was declined.") -> Json:
        """Refuse the payer's card: the session stays open, the payer may try another."""
        intent = self._intent(self._open(session_id))
        intent.update(
            status="requires_payment_method", last_payment_error={"code": "card_declined", "message": message}
        )
        return intent

    def pay_slowly(self, session_id: str) -> Json:
        """Complete a session by a method whose money comes days later (or not): see `settle`."""
        session = self._open(session_id)
        self._intent(session).update(status="processing")
        session.update(status="complete", payment_status="unpaid", url=None)
        return session

    def settle(self, session_id: str, *, paid: bool) -> Json:
        """Let the money of `pay_slowly` come, or fail to."""
        session = self.sessions[session_id]
        intent = self.intents[session["payment_intent"]]
        if paid:
            intent.update(status="succeeded", latest_charge=self._charge(intent)["id"])
            session.update(payment_status="paid")
        else:
            intent.update(
                status="requires_payment_method",
                last_payment_error={"code": "insufficient_funds", "message": "The bank account is empty."},
            )
        return session

    def expire(self, session_id: str) -> Json:
        """Let an open session reach its end."""
        session = self._open(session_id)
        session.update(status="expired", url=None)
        return session

    def charged(self, key: str) -> int:
        """Return how many charges took money for our payment `key`, refunded or not."""
        return sum(1 for charge in self.charges.values() if charge["metadata"].get("eventhub_key") == key)

    def refunded(self, key: str) -> int:
        """Return how much went back for our payment `key`, in minor units."""
        charges = (c for c in self.charges.values() if c["metadata"].get("eventhub_key") == key)
        return sum(charge["amount_refunded"] for charge in charges)

    def session_of(self, key: str) -> Json:
        """Return the one session of our payment `key`; fails where there is none or more."""
        (session,) = [s for s in self.sessions.values() if s["client_reference_id"] == key]
        return session

    def send_back(self, refund: Json) -> None:
        """Let the payer's bank not take the money of this refund: Stripe has it again."""
        refund.update(status="failed", failure_reason="expired_or_canceled_card")
        charge = self.charges[refund["charge"]]
        charge.update(amount_refunded=charge["amount_refunded"] - refund["amount"], refunded=False)

    def refund_in_dashboard(self, session_id: str, amount: int | None = None) -> Json:
        """Return a refund that somebody makes in the dashboard, of all that is left or of `amount`."""
        params = {"payment_intent": self.sessions[session_id]["payment_intent"]}
        return self._create_refund(params if amount is None else {**params, "amount": amount})

    def dispute(self, session_id: str, status: str = "needs_response") -> Json:
        """Let the payer ask their bank for the money back; a status of `warning_…` is a mere inquiry."""
        intent = self.intents[self.sessions[session_id]["payment_intent"]]
        charge = self.charges[intent["latest_charge"]]
        charge["disputed"] = True
        dispute_id = f"du_{next(self._numbers)}"
        self.disputes[dispute_id] = {
            "id": dispute_id,
            "object": "dispute",
            "amount": charge["amount"] - charge["amount_refunded"],
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": charge["currency"],
            "is_charge_refundable": status.startswith("warning"),
            "metadata": {},
            "payment_intent": intent["id"],
            "reason": "product_not_received",
            "status": status,
        }
        return self.disputes[dispute_id]

    def decide(self, dispute: Json, status: str) -> Json:
        """Let a dispute go on, or end as `won`, `lost` or `warning_closed`."""
        is_refundable = status.startswith("warning") or status == "won"
        dispute.update(status=status, is_charge_refundable=is_refundable)
        return dispute

    # Webhooks

    def webhook(
        self,
        kind: str,
        thing: Json,
        *,
        event_id: str | None = None,
        signed_at: int | None = None,
        secret: str | None = None,
    ) -> Webhook:
        """Return a signed event: give `event_id` to repeat one, `signed_at` to make it stale."""
        now = int(time.time())
        event = {
            "id": event_id or f"evt_{next(self._numbers)}",
            "object": "event",
            "api_version": "2026-10-28.endive",
            "created": now,
            "data": {"object": thing},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
        body = json.dumps(event, indent=2).encode()
        timestamp = now if signed_at is None else signed_at
        signature = sign(body, timestamp, secret or self.webhook_secret)
        return Webhook(
            body, {"Content-Type": "application/json", "Stripe-Signature": f"t={timestamp},v1={signature}"}
        )

    # The API

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        call = await _call(request)
        self.calls.append(call)
        fault = self._next_fault(call)
        if fault is Fault.HANG_BEFORE:
            await self._closing.wait()
        if fault is Fault.DROP_BEFORE:
            _cut(request)
            return web.Response()
        status, body, replayed = self._perform(call, fault, request.headers.get("Authorization", ""))
        if fault is Fault.HANG_AFTER:
            await self._closing.wait()
        if fault is Fault.DROP_AFTER:
            return await _half_an_answer(request, json.dumps(body).encode())
        if fault is Fault.GARBAGE:
            return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
        headers = {"Request-Id": f"req_{next(self._numbers)}"}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        return web.json_response(body, status=status, headers=headers)

    def _next_fault(self, call: Call) -> Fault | None:
        for index, (fault, path) in enumerate(self._faults):
            if path in f"{call.method} {call.path}":
                del self._faults[index]
                return fault
        return None

    def _perform(self, call: Call, fault: Fault | None, authorization: str) -> tuple[int, Json, bool]:
        try:
            _admit(fault, authorization == f"Bearer {self.api_key}")
            kept = self._kept(call)
        except ApiError as error:
            return error.status, error.body, False
        if kept is not None:
            return kept.status, kept.body, True
        return (*self._execute(call, fault), False)

    def _kept(self, call: Call) -> Answer | None:
        kept = self._answers.get(call.idempotency_key or "") if call.method == "POST" else None
        if kept is not None and (kept.call.path, kept.call.params) != (call.path, call.params):
            raise ApiError(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters",
            )
        return kept

    def _execute(self, call: Call, fault: Fault | None) -> tuple[int, Json]:
        """Answers are kept once execution has begun: not where the parameters were bad."""
        try:
            endpoint = self._endpoint(call)
            if fault is None or fault in EFFECTIVE:
                status, body = 200, json.loads(json.dumps(endpoint()))
        except ApiError as error:
            return error.status, error.body
        if fault is Fault.DECLINED:
            status, body = _error(402, "card_error", "Your card was declined.", code="card_declined")
        if fault in {Fault.SERVER_ERROR, Fault.SERVER_ERROR_AFTER}:
            status, body = _error(500, "api_error", "An unknown error occurred")
        if call.method == "POST" and call.idempotency_key:
            self._answers[call.idempotency_key] = Answer(call, status, body)
        return status, body

    def _endpoint(self, call: Call) -> Callable[[], Json]:
        route = f"{call.method} {call.path}"
        if route == "POST /v1/checkout/sessions":
            _check_session(call.params)
        with_params = {
            "POST /v1/checkout/sessions": self._create_session,
            "GET /v1/checkout/sessions": self._list_sessions,
            "POST /v1/refunds": self._create_refund,
            "GET /v1/refunds": self._list_refunds,
            "GET /v1/disputes": self._list_disputes,
        }
        if route in with_params:
            return partial(with_params[route], call.params)
        if match := re.fullmatch(r"GET /v1/payment_intents/(\w+)", route):
            return partial(self._show_intent, match[1])
        if match := re.fullmatch(r"GET /v1/checkout/sessions/(\w+)", route):
            return partial(self._show_session, match[1], call.params)
        if match := re.fullmatch(r"POST /v1/checkout/sessions/(\w+)/expire", route):
            return partial(self._expire_session, match[1])
        raise ApiError(404, "invalid_request_error", f"Unrecognized request URL ({route})")

    def _create_session(self, params: Json) -> Json:
        session_id = f"cs_test_{next(self._numbers)}"
        self.sessions[session_id] = {
            "id": session_id,
            "object": "checkout.session",
            "amount_total": int(params["line_items[0][price_data][unit_amount]"]),
            "client_reference_id": params.get("client_reference_id"),
            "created": int(time.time()),
            "currency": params["line_items[0][price_data][currency]"],
            "customer_email": params.get("customer_email"),
            "expires_at": int(params.get("expires_at", time.time() + 86_400)),
            "livemode": False,
            "metadata": _metadata(params, "metadata"),
            "mode": params["mode"],
            "payment_intent": None,
            "payment_intent_metadata": _metadata(params, "payment_intent_data[metadata]"),
            "payment_method_types": [params["allowed_payment_method_types[0]"]],
            "payment_status": "unpaid",
            "status": "open",
            "url": f"{self.url}/pay/{session_id}",
        }
        return self._expanded(self.sessions[session_id], params)

    def _show_session(self, session_id: str, params: Json) -> Json:
        return self._expanded(self._session(session_id), params)

    def _list_sessions(self, params: Json) -> Json:
        since = int(params.get("created[gte]", 0))
        until = int(params.get("created[lte]", time.time() + 86_400))
        newest_first = [s for s in reversed(self.sessions.values()) if since <= s["created"] <= until]
        return _page(newest_first, params, "/v1/checkout/sessions")

    def _expire_session(self, session_id: str) -> Json:
        if self._session(session_id)["status"] != "open":
            raise ApiError(
                400,
                "invalid_request_error",
                'Only Checkout Sessions with a status in ["open"] can be expired',
            )
        return self.expire(session_id)

    def _create_refund(self, params: Json) -> Json:
        intent = self.intents.get(params["payment_intent"])
        if intent is None or intent["latest_charge"] is None:
            raise ApiError(404, "invalid_request_error", "No such payment_intent", code="resource_missing")
        charge = self.charges[intent["latest_charge"]]
        disputes = [dispute for dispute in self.disputes.values() if dispute["charge"] == charge["id"]]
        if not all(dispute["is_charge_refundable"] for dispute in disputes):
            raise ApiError(
                400, "invalid_request_error", "The charge has been charged back", code="charge_disputed"
            )
        left = charge["amount"] - charge["amount_refunded"]
        if left == 0:
            raise ApiError(400, "invalid_request_error", "already refunded", code="charge_already_refunded")
        amount = int(params.get("amount", left))
        if amount > left:
            raise ApiError(
                400, "invalid_request_error", f"Refund amount is greater than {left}", param="amount"
            )
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        refund_id = f"re_{next(self._numbers)}"
        self.refunds[refund_id] = {
            "id": refund_id,
            "object": "refund",
            "amount": amount,
            "charge": charge["id"],
            "created": int(time.time()),
            "currency": charge["currency"],
            "metadata": _metadata(params, "metadata"),
            "payment_intent": intent["id"],
            "status": self.refund_status,
        }
        return self.refunds[refund_id]

    def _list_refunds(self, params: Json) -> Json:
        wanted = params.get("payment_intent")
        newest_first = [r for r in reversed(self.refunds.values()) if wanted in {None, r["payment_intent"]}]
        return _page(newest_first, params, "/v1/refunds")

    def _list_disputes(self, params: Json) -> Json:
        wanted = params.get("payment_intent")
        newest_first = [d for d in reversed(self.disputes.values()) if wanted in {None, d["payment_intent"]}]
        return _page(newest_first, params, "/v1/disputes")

    def _show_intent(self, intent_id: str) -> Json:
        if intent_id not in self.intents:
            raise ApiError(404, "invalid_request_error", "No such payment_intent", code="resource_missing")
        return self.intents[intent_id]

    def _expanded(self, session: Json, params: Json) -> Json:
        intent_id = session["payment_intent"]
        if intent_id is None or "payment_intent.latest_charge" not in _expand(params):
            return session
        intent = self.intents[intent_id]
        charge = self.charges.get(intent["latest_charge"] or "")
        return {**session, "payment_intent": {**intent, "latest_charge": charge}}

    def _session(self, session_id: str) -> Json:
        if session_id not in self.sessions:
            raise ApiError(404, "invalid_request_error", "No such checkout.session", code="resource_missing")
        return self.sessions[session_id]

    def _open(self, session_id: str) -> Json:
        session = self.sessions[session_id]
        if session["status"] != "open":
            raise ValueError(f"{session_id} is {session['status']}: nobody can pay in it")
        return session

    def _intent(self, session: Json) -> Json:
        """Stripe makes a session's payment intent when the payer first tries to pay."""
        if session["payment_intent"] is None:
            intent_id = f"pi_{next(self._numbers)}"
            session["payment_intent"] = intent_id
            self.intents[intent_id] = {
                "id": intent_id,
                "object": "payment_intent",
                "amount": session["amount_total"],
                "currency": session["currency"],
                "last_payment_error": None,
                "latest_charge": None,
                "metadata": session["payment_intent_metadata"],
                "status": "requires_payment_method",
            }
        return self.intents[session["payment_intent"]]

    def _charge(self, intent: Json) -> Json:
        charge_id = f"ch_{next(self._numbers)}"
        self.charges[charge_id] = {
            "id": charge_id,
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": 0,
            "currency": intent["currency"],
            "disputed": False,
            "metadata": dict(intent["metadata"]),
            "payment_intent": intent["id"],
            "refunded": False,
        }
        return self.charges[charge_id]


def sign(body: bytes, timestamp: int, secret: str) -> str:
    """Return the v1 signature of a webhook: https://docs.stripe.com/webhooks#verify-manually."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


async def _call(request: web.Request) -> Call:
    params = dict(request.query) if request.method == "GET" else dict(await request.post())
    return Call(request.method, request.path, params, request.headers.get("Idempotency-Key"))


def _admit(fault: Fault | None, is_key_known: bool) -> None:
    if not is_key_known:
        raise ApiError(401, "invalid_request_error", "Invalid API Key provided")
    if fault is Fault.RATE_LIMITED:
        raise ApiError(429, "invalid_request_error", "Too many requests", code="rate_limit")
    if fault is Fault.NO_BALANCE:
        raise ApiError(400, "invalid_request_error", "Insufficient funds", code="balance_insufficient")
    if fault is Fault.KEY_IN_USE:
        raise ApiError(409, "idempotency_error", "The key is in use", code="idempotency_key_in_use")


def _error(status: int, kind: str, message: str, *, code: str | None = None) -> tuple[int, Json]:
    return status, ApiError(status, kind, message, code=code).body


def _check_session(params: Json) -> None:
    for name in params:
        if not SESSION_PARAMS.fullmatch(name):
            raise ApiError(
                400,
                "invalid_request_error",
                f"Received unknown parameter: {name}",
                code="parameter_unknown",
                param=name,
            )
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", params.get("customer_email", "a@b.example")):
        raise ApiError(400, "invalid_request_error", "Invalid email address", code="email_invalid")
    if int(params["line_items[0][price_data][unit_amount]"]) < 50:
        raise ApiError(400, "invalid_request_error", "The amount is too small", code="amount_too_small")
    lifetime = int(params.get("expires_at", time.time() + 86_400)) - time.time()
    if not 30 * 60 - 1 <= lifetime <= 24 * 3600 + 1:
        raise ApiError(
            400,
            "invalid_request_error",
            "expires_at must be between 30 minutes and 24 hours away",
            param="expires_at",
        )


def _metadata(params: Json, prefix: str) -> dict[str, str]:
    start = f"{prefix}["
    return {name[len(start) : -1]: value for name, value in params.items() if name.startswith(start)}


def _expand(params: Json) -> list[str]:
    return [value for name, value in params.items() if name.startswith("expand[")]


def _page(newest_first: list[Json], params: Json, url: str) -> Json:
    ids = [thing["id"] for thing in newest_first]
    start = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
    end = start + int(params.get("limit", 10))
    return {
        "object": "list",
        "data": newest_first[start:end],
        "has_more": end < len(ids),
        "url": url,
    }


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.close()


async def _half_an_answer(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _cut(request)
    return response
