"""Payments by Stripe's hosted Checkout."""

from eventhub.gateways.payments.stripe.gateway import StripeGateway, expires_at

__all__ = ["StripeGateway", "expires_at"]
