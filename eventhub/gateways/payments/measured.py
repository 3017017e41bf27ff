"""A payment gateway whose calls are counted and timed."""

import time
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from eventhub import metrics
from eventhub.services.ports.payments import (
    Charge,
    GatewayPayment,
    GatewayRefund,
    GatewayRefused,
    GatewayUnavailable,
    Limits,
    MovedElsewhere,
    PaymentGateway,
    PaymentRef,
    Refund,
    WebhookEvent,
)

T = TypeVar("T")


class MeasuredGateway:
    """The gateway that it is given, with each call that goes outside counted by its outcome."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway
        self.name = gateway.name

    async def charge(self, charge: Charge) -> GatewayPayment:
        return await self._measured("charge", self._gateway.charge(charge))

    async def look_up(self, ref: PaymentRef) -> GatewayPayment | None:
        return await self._measured("look_up", self._gateway.look_up(ref))

    async def cancel(self, ref: PaymentRef) -> GatewayPayment:
        return await self._measured("cancel", self._gateway.cancel(ref))

    async def refund(self, refund: Refund) -> GatewayRefund:
        return await self._measured("refund", self._gateway.refund(refund))

    async def moved_elsewhere(self, ref: PaymentRef) -> MovedElsewhere | None:
        return await self._measured("moved_elsewhere", self._gateway.moved_elsewhere(ref))

    async def find_key(self, reference: str) -> str | None:
        return await self._measured("find_key", self._gateway.find_key(reference))

    def limits(self, currency: str) -> Limits:
        return self._gateway.limits(currency)

    async def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent | None:
        return await self._gateway.parse_webhook(body, headers)

    async def check(self) -> str:
        return await self._measured("check", self._gateway.check())

    async def close(self) -> None:
        await self._gateway.close()

    async def _measured(self, operation: str, call: Awaitable[T]) -> T:
        began_at = time.perf_counter()
        outcome = "failed"
        try:
            answer = await call
            outcome = "ok"
        except GatewayRefused:
            outcome = "refused"
            raise
        except GatewayUnavailable:
            outcome = "unavailable"
            raise
        else:
            return answer
        finally:
            metrics.GATEWAY_CALLS.observe(time.perf_counter() - began_at, self.name, operation, outcome)
