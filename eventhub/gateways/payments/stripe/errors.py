"""What Stripe's errors mean for a payment: unknown, or a final no."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import stripe

from eventhub.services.ports.payments import ChargeDisputed, GatewayRefused, GatewayUnavailable

# Refusals that pass: https://docs.stripe.com/error-codes
PASSING_CODES = frozenset({"balance_insufficient", "lock_timeout", "rate_limit"})
PAYER_REASONS = {
    "amount_too_small": "The amount is too small to be paid by this method.",
    "amount_too_large": "The amount is too large to be paid by this method.",
    "email_invalid": "The payment provider does not accept the email address.",
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn all that the library and its connection raise into GatewayUnavailable."""
    try:
        yield
    except stripe.AuthenticationError as error:
        raise GatewayUnavailable(
            "Stripe does not take the API key: check EVENTHUB_STRIPE_API_KEY."
        ) from error
    except stripe.StripeError as error:
        raise GatewayUnavailable(f"Stripe failed: {error}") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:  # while the body was being read
        raise GatewayUnavailable(f"Stripe's answer broke off: {type(error).__name__}") from error


class AlreadyReturned(Exception):
    """Raised when all of a payment's money went back before, by another's hand (Stripe's dashboard)."""


@contextmanager
def refusals() -> Iterator[None]:
    """Turn a final no to what we ask to be made into GatewayRefused.

    For these calls alone: where a question is refused, nothing is known about the payment.
    """
    try:
        yield
    except stripe.CardError as error:
        raise GatewayRefused(error.user_message or "The card was declined.") from error
    except stripe.InvalidRequestError as error:
        if error.code == "charge_already_refunded":
            raise AlreadyReturned from error
        if error.code == "charge_disputed":
            raise ChargeDisputed(
                "The payer's bank is deciding about the payment, or has returned it."
            ) from error
        # 404: what Stripe gave us before is unknown to this API key: no verdict on the payment.
        if error.http_status == 404 or error.code in PASSING_CODES:
            raise
        reason = PAYER_REASONS.get(error.code or "", "The payment provider did not accept the payment.")
        raise GatewayRefused(reason) from error


def is_key_spent(error: stripe.StripeError) -> bool:
    """Tell whether this idempotency key will answer so for a day: a failure replayed, or other parameters kept."""
    replayed = error.headers.get("Idempotent-Replayed") == "true" if error.headers else False
    other_parameters = isinstance(error, stripe.IdempotencyError) and error.http_status == 400
    return other_parameters or (replayed and (error.http_status or 0) >= 500)
