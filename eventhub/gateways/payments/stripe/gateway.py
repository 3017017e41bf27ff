"""Stripe's hosted Checkout: the payer pays on Stripe's page, so no card number ever comes near Event Hub.

A payment is one Checkout Session whose metadata carries our key. The answer to its creation is kept by Stripe
under our idempotency key for at least 24 hours and comes back unchanged, even where it was a 500
(https://docs.stripe.com/api/idempotent_requests); so a replayed answer is never taken for the present state.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp
import stripe

from eventhub.gateways.payments.amounts import limits, minor_units
from eventhub.gateways.payments.stripe.errors import AlreadyReturned, is_key_spent, refusals, translated
from eventhub.gateways.payments.stripe.objects import (
    KEY,
    REFUND_KEY,
    left_of,
    metadata_of,
    moved_of,
    payment_of,
    refund_of,
)
from eventhub.gateways.payments.stripe.webhooks import parse_webhook
from eventhub.services.ports.payments import (
    PAID_STATES,
    Charge,
    GatewayPayment,
    GatewayRefund,
    GatewayRefundState,
    GatewayRefused,
    GatewayState,
    GatewayUnavailable,
    Limits,
    MovedElsewhere,
    PaymentRef,
    Refund,
    WebhookEvent,
)

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams
    from stripe.params.checkout import SessionCreateParams, SessionListParamsCreated

# Telemetry reads and writes ~/.config/stripe from the event loop, and tells Stripe about this machine.
stripe.enable_telemetry = False

Found = TypeVar("Found", bound=stripe.StripeObject)

# A filter on what is switched on in Stripe's dashboard; the older `payment_method_types` is gone since 2026-09-30:
# https://docs.stripe.com/changelog/endive/2026-09-30/remove-payment-method-types-checkout-sessions
PAYMENT_METHOD_TYPES: Mapping[str, list[Any]] = {
    "credit_card": ["card"],
    "debit_card": ["card"],
    "paypal": ["paypal"],
}
EXPAND = ["payment_intent.latest_charge"]

# A session lives 30 minutes to 24 hours (https://docs.stripe.com/api/checkout/sessions/create, expires_at); the
# margin is for two clocks that differ and for the request's own way.
SHORTEST_CHECKOUT = timedelta(minutes=32)
# How much earlier than our row Stripe's clock may date what we made after it.
CLOCK_SKEW = timedelta(minutes=10)
# How much later than our row ended a charge that was on its way by then may have been made: no job runs for so long.
CHARGE_UNDER_WAY = timedelta(minutes=15)
# Keys to try where Stripe has kept a failure under the first: it would answer with that failure for a day.
TRIES_PER_CALL = 3


class StripeGateway:
    """Collects by hosted Checkout; belongs to the one event loop that first uses it."""

    name = "stripe"

    def __init__(
        self,
        *,
        api_key: str,
        webhook_secret: str,
        api_base: str = stripe.DEFAULT_API_BASE,
        timeout_seconds: float = 20.0,
        checkout_ttl_seconds: int = 3600,
    ) -> None:
        self._api_key = api_key
        self._webhook_secret = webhook_secret
        self._api_base = api_base
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._checkout_ttl = timedelta(seconds=checkout_ttl_seconds)
        self._http: aiohttp.ClientSession | None = None
        self._client: stripe.StripeClient | None = None

    def limits(self, currency: str) -> Limits:
        """Return what Stripe documents; the amount has to have the currency's own places besides."""
        return limits(currency)

    async def charge(self, charge: Charge) -> GatewayPayment:
        """Return the pending payment with its checkout_url, or how it stands where the key was used before."""
        params = _session_params(charge, expires_at(charge.created_at, datetime.now(UTC), self._checkout_ttl))

        async def post(idempotency_key: str) -> stripe.checkout.Session:
            options: stripe.RequestOptions = {"idempotency_key": idempotency_key}
            with refusals():
                session = await self._api.v1.checkout.sessions.create_async(params, options)
            return await self._retrieve(session.id) if _is_replay(session) else session

        async def find() -> stripe.checkout.Session | None:
            return await self._find(charge.ref)

        with translated():
            return payment_of(await _create_once(charge.key, post, find))

    async def look_up(self, ref: PaymentRef) -> GatewayPayment | None:
        """Return the payment as it stands, found by Stripe's id or else among all sessions since it was made."""
        with translated():
            session = await self._find(ref)
        return payment_of(session) if session else None

    async def cancel(self, ref: PaymentRef) -> GatewayPayment:
        """Expire the session, so that nobody can pay in it; where it was paid meanwhile, say so.

        A session that we never learned of is void as it is: its address was shown to nobody.
        """
        with translated():
            session = await self._find(ref)
            if session is None:
                return GatewayPayment(GatewayState.CANCELLED)
            if session.status == "open":
                session = await self._expire(session.id)
        return payment_of(session)

    async def refund(self, refund: Refund) -> GatewayRefund:
        """Return the refund of this key as it stands, made now unless it was before."""
        with translated():
            intent, charge = await self._paid_intent(refund.payment)

            async def post(idempotency_key: str) -> stripe.Refund:
                return await self._post_refund(refund, intent, charge, idempotency_key)

            async def find() -> stripe.Refund | None:
                return await self._find_refund(intent, refund.key)

            # First find: a replayed answer would tell how the refund stood when it was made.
            if (made := await find()) is not None:
                return refund_of(made)
            try:
                return refund_of(await _create_once(refund.key, post, find))
            except AlreadyReturned:
                return GatewayRefund(GatewayRefundState.SUCCEEDED)

    async def moved_elsewhere(self, ref: PaymentRef) -> MovedElsewhere | None:
        """Return which refunds were made in Stripe's dashboard, and how the payer's disputes stand."""
        with translated():
            session = await self._find(ref)
            if session is None or session.payment_intent is None:
                return None
            intent = _id_of(session.payment_intent)
            refunds = await self._api.v1.refunds.list_async({"payment_intent": intent, "limit": 100})
            disputes = await self._api.v1.disputes.list_async({"payment_intent": intent, "limit": 100})
            return moved_of(
                session,
                [refund async for refund in refunds.auto_paging_iter()],
                [dispute async for dispute in disputes.auto_paging_iter()],
            )

    async def find_key(self, reference: str) -> str | None:
        """Return our key of a payment intent: disputes, and refunds made in the dashboard, carry nothing of ours."""
        try:
            with translated():
                intent = await self._api.v1.payment_intents.retrieve_async(reference)
        except GatewayRefused:
            return None  # of another account, or made in test mode
        return metadata_of(intent).get(KEY) or None

    async def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent | None:
        """Return what the event says of one of our payments, None for other events and other people's payments."""
        return parse_webhook(body, headers, self._webhook_secret)

    async def check(self) -> str:
        """Read the newest session, as each look for a payment does; the key is to be allowed that."""
        with translated():
            await self._api.v1.checkout.sessions.list_async({"limit": 1})
        return "the API key is valid"

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._http is not None:
            await self._http.close()
        self._http = self._client = None

    @property
    def _api(self) -> stripe.StripeClient:
        if self._client is None:
            # trust_env: production may reach the internet through HTTPS_PROXY alone.
            self._http = aiohttp.ClientSession(timeout=self._timeout, trust_env=True)
            self._client = stripe.StripeClient(
                self._api_key,
                base_addresses={"api": self._api_base},
                max_network_retries=0,  # the job's row counts attempts and knows the back-off
                http_client=stripe.AIOHTTPClient(timeout=self._timeout, session=self._http),
            )
        return self._client

    async def _retrieve(self, session_id: str) -> stripe.checkout.Session:
        return await self._api.v1.checkout.sessions.retrieve_async(session_id, {"expand": EXPAND})

    async def _find(self, ref: PaymentRef) -> stripe.checkout.Session | None:
        """Return the session of `ref`. Listing sees what was just made; Stripe's search lags, and has no sessions."""
        if ref.provider_id:
            return await self._retrieve(ref.provider_id)
        until = ref.ended_at + CHARGE_UNDER_WAY if ref.ended_at else datetime.now(UTC)
        created: SessionListParamsCreated = {
            "gte": int((ref.created_at - CLOCK_SKEW).timestamp()),
            "lte": int((until + CLOCK_SKEW).timestamp()),
        }
        page = await self._api.v1.checkout.sessions.list_async({"created": created, "limit": 100})
        async for session in page.auto_paging_iter():
            if metadata_of(session).get(KEY) == ref.key:
                return await self._retrieve(session.id)
        return None

    async def _expire(self, session_id: str) -> stripe.checkout.Session:
        try:
            await self._api.v1.checkout.sessions.expire_async(session_id)
        except stripe.InvalidRequestError as error:
            session = await self._retrieve(session_id)
            if session.status == "open":
                raise GatewayUnavailable(f"Stripe did not expire {session_id}: {error}") from error
            return session
        return await self._retrieve(session_id)

    async def _paid_intent(self, ref: PaymentRef) -> tuple[str, dict[str, Any]]:
        """Return the payment intent's id and its charge."""
        session = await self._find(ref)
        if session is None or payment_of(session).state not in PAID_STATES:
            raise GatewayRefused("There is nothing to refund: this payment was never completed.")
        intent = session.payment_intent
        if intent is None:
            raise GatewayRefused("There is nothing to refund: nothing had to be paid.")
        return _id_of(intent), session.to_dict()["payment_intent"]["latest_charge"]

    async def _post_refund(
        self, refund: Refund, intent: str, charge: dict[str, Any], idempotency_key: str
    ) -> stripe.Refund:
        params: RefundCreateParams = {
            "payment_intent": intent,
            "amount": left_of(charge, minor_units(refund.amount, refund.currency)),
            "metadata": {REFUND_KEY: refund.key, KEY: refund.payment.key},
        }
        with refusals():
            return await self._api.v1.refunds.create_async(params, {"idempotency_key": idempotency_key})

    async def _find_refund(self, intent: str, refund_key: str) -> stripe.Refund | None:
        page = await self._api.v1.refunds.list_async({"payment_intent": intent, "limit": 100})
        async for refund in page.auto_paging_iter():
            if metadata_of(refund).get(REFUND_KEY) == refund_key:
                return refund
        return None


async def _create_once(
    key: str, post: Callable[[str], Awaitable[Found]], find: Callable[[], Awaitable[Found | None]]
) -> Found:
    """Return what `post` makes under `key`, or what was made before.

    A key under which Stripe keeps a failure, or other parameters, is spent: then what was made is looked for, and
    where there is nothing, the next key is used. That takes no money twice: a session takes none by being made, and
    nobody saw the address of one whose answer was lost; Stripe returns no more than was paid.
    """
    for number in range(1, TRIES_PER_CALL + 1):
        try:
            return await post(key if number == 1 else f"{key}:{number}")
        except stripe.StripeError as error:
            if not is_key_spent(error):
                raise
        if (found := await find()) is not None:
            return found
    raise GatewayUnavailable(f"Stripe keeps failures under the idempotency keys of {key}.")


def _id_of(thing: str | stripe.PaymentIntent) -> str:
    return thing if isinstance(thing, str) else thing.id


def _is_replay(made: stripe.StripeObject) -> bool:
    response = made.last_response
    return response is not None and response.headers.get("Idempotent-Replayed") == "true"


def expires_at(created_at: datetime, now: datetime, ttl: timedelta) -> int:
    """Return when the session ends, in epoch seconds: `ttl` after the payment was made.

    A charge that comes too late for that gets another `ttl`, as often as needed: so repeats nearly always send the
    same number, as one idempotency key demands.
    """
    steps = max(1, math.ceil((now + SHORTEST_CHECKOUT - created_at) / ttl))
    return int((created_at + steps * ttl).timestamp())


def _session_params(charge: Charge, expires: int) -> "SessionCreateParams":
    metadata = {KEY: charge.key, "transaction_id": charge.transaction_id}
    return {
        "mode": "payment",
        "allowed_payment_method_types": PAYMENT_METHOD_TYPES[charge.method],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": charge.currency.lower(),
                    "unit_amount": minor_units(charge.amount, charge.currency),
                    "product_data": {"name": charge.description},
                },
            }
        ],
        "client_reference_id": charge.key,
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": charge.transaction_id},
        "customer_email": charge.payer_email,
        "success_url": charge.return_url,
        "cancel_url": charge.return_url,
        "expires_at": expires,
        "expand": EXPAND,
    }
