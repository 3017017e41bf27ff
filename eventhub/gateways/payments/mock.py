"""A provider that does not exist: it decides by the payment alone, and remembers every charge that it made."""

import asyncio
import fcntl
import hashlib
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from eventhub.services.ports.payments import (
    ANY_AMOUNT,
    PAID_STATES,
    BadSignature,
    Charge,
    GatewayPayment,
    GatewayRefund,
    GatewayRefundState,
    GatewayRefused,
    GatewayState,
    Limits,
    MovedElsewhere,
    PaymentRef,
    Refund,
    WebhookEvent,
)

KEYS_IN_MEMORY = 10_000
DECLINED = "The payment was declined."


class EntryKind(StrEnum):
    """What happened at the mock provider."""

    CHARGE = "charge"  # the first call with a key: the only one that takes money
    REPEAT = "repeat"  # another charge call with that key, answered from the first
    CANCEL = "cancel"  # before any charge: none can follow
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `succeeded` tells whether a charge took money. `amount` is in major units."""

    key: str
    kind: EntryKind
    amount: str = "0"
    currency: str = ""
    transaction_id: str = ""
    succeeded: bool = False
    refund_key: str = ""


Decision = Callable[[Sequence[Entry]], Entry | None]


class Ledger:
    """What the mock provider did, by key: with a `path` for all processes that share it, else for this one alone.

    In memory the oldest of more than 10,000 keys are forgotten (outcomes are decided anew the same way, so only voids and
    refunds are); the file keeps everything, for tests that count real charges over many processes.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._read_bytes = 0
        self._entries: OrderedDict[str, list[Entry]] = OrderedDict()

    async def write(self, key: str, decide: Decision) -> Sequence[Entry]:
        """Return the key's entries after adding the one that `decide` made of the earlier ones, if any: atomically."""
        if self._path is None:
            return self._write(key, decide)[0]
        return await asyncio.to_thread(self._write_to_file, self._path, key, decide)

    def _write(self, key: str, decide: Decision) -> tuple[Sequence[Entry], Entry | None]:
        entry = decide(tuple(self._entries.get(key, ())))
        if entry is not None:
            self._remember(entry)
        return tuple(self._entries.get(key, ())), entry

    def _remember(self, entry: Entry) -> None:
        self._entries.setdefault(entry.key, []).append(entry)
        self._entries.move_to_end(entry.key)
        if self._path is None and len(self._entries) > KEYS_IN_MEMORY:
            self._entries.popitem(last=False)

    def _write_to_file(self, path: Path, key: str, decide: Decision) -> Sequence[Entry]:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab+", buffering=0) as file:
            # Held by the open file, so it excludes this process's other threads too; let go by closing.
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read_bytes)
            for line in file.read().splitlines():
                self._remember(parse_entry(line))
            entries, added = self._write(key, decide)
            if added is not None:
                file.write(json.dumps(asdict(added)).encode() + b"\n")
            self._read_bytes = file.seek(0, os.SEEK_END)
            return entries


def parse_entry(line: bytes) -> Entry:
    """Return the entry that a line of the ledger's file holds."""
    fields = json.loads(line)
    return Entry(**{**fields, "kind": EntryKind(fields["kind"])})


class MockGateway:
    """Charges at once, with the outcome that a payment always has; a repeated key charges nothing.

    With a `seed`, the payment's number decides: the fifth payment of a fresh database ends alike in every run with
    this seed and rate. Without one its key does, which is random: outcomes differ from run to run. The delay comes after the charge: a caller that is killed or gives up while it waits has charged without knowing it.
    """

    name = "mock"

    def __init__(
        self,
        *,
        success_rate: float = 1.0,
        delay_seconds: float = 0.0,
        ledger: Ledger | None = None,
        seed: str = "",
    ) -> None:
        self._seed = seed
        self._success_rate = success_rate
        self._delay_seconds = delay_seconds
        self._ledger = ledger or Ledger()

    def limits(self, currency: str) -> Limits:  # noqa: ARG002 - all are alike
        """Return no limits."""
        return ANY_AMOUNT

    async def charge(self, charge: Charge) -> GatewayPayment:
        """Return the payment of this key: succeeded or failed, or cancelled where `cancel` came first."""
        first = Entry(
            key=charge.key,
            kind=EntryKind.CHARGE,
            amount=str(charge.amount),
            currency=charge.currency,
            transaction_id=charge.transaction_id,
            succeeded=self._succeeds(charge.ref),
        )
        repeat = Entry(key=charge.key, kind=EntryKind.REPEAT, transaction_id=charge.transaction_id)
        entries = await self._ledger.write(charge.key, lambda past: repeat if past else first)
        await asyncio.sleep(self._delay_seconds)
        return self._payment(charge.ref, entries)

    async def look_up(self, ref: PaymentRef) -> GatewayPayment | None:
        """Return the payment as it stands, None where neither the ledger nor the reference knows of a charge."""
        entries = await self._ledger.write(ref.key, lambda _past: None)
        return self._payment(ref, entries) if entries or ref.provider_id else None

    async def cancel(self, ref: PaymentRef) -> GatewayPayment:
        """Void the payment, unless it was charged: then return how that ended."""

        def decide(past: Sequence[Entry]) -> Entry | None:
            untouched = not past and not ref.provider_id
            return Entry(key=ref.key, kind=EntryKind.CANCEL) if untouched else None

        return self._payment(ref, await self._ledger.write(ref.key, decide))

    async def refund(self, refund: Refund) -> GatewayRefund:
        """Return the money of a succeeded payment; raise GatewayRefused for more than is left, or where nothing is."""

        def decide(past: Sequence[Entry]) -> Entry | None:
            if any(entry.refund_key == refund.key for entry in past):
                return None
            self._check_refundable(refund, past)
            return Entry(
                key=refund.payment.key,
                kind=EntryKind.REFUND,
                amount=str(refund.amount),
                currency=refund.currency,
                refund_key=refund.key,
            )

        await self._ledger.write(refund.payment.key, decide)
        return GatewayRefund(GatewayRefundState.SUCCEEDED, provider_id=_provider_id(refund.key))

    async def moved_elsewhere(self, ref: PaymentRef) -> MovedElsewhere | None:  # noqa: ARG002 - all are alike
        """Return None: nobody else comes near this money."""
        return None

    async def find_key(self, reference: str) -> str | None:  # noqa: ARG002 - all are alike
        """Return None: no event names a payment."""
        return None

    async def parse_webhook(self, body: bytes, headers: Mapping[str, str]) -> WebhookEvent | None:  # noqa: ARG002
        """Raise BadSignature: nobody may speak for this gateway."""
        raise BadSignature("The mock gateway sends no webhooks.")

    async def check(self) -> str:
        """Return what it is: there is nobody to ask."""
        return "payments succeed or fail at random, and no money moves"

    async def close(self) -> None:
        """Nothing is open."""

    def _succeeds(self, ref: PaymentRef) -> bool:
        # 48 bits: an exact float in [0, 1), spread evenly over payments.
        drawn_from = f"{self._seed}:{ref.number}" if self._seed else ref.key
        draw = int.from_bytes(hashlib.sha256(drawn_from.encode()).digest()[:6]) / 2**48
        return draw < self._success_rate

    def _payment(self, ref: PaymentRef, entries: Sequence[Entry]) -> GatewayPayment:
        if any(entry.kind is EntryKind.CANCEL for entry in entries):
            return GatewayPayment(GatewayState.CANCELLED)
        provider_id = _provider_id(ref.key)
        charged = _charged(entries)
        # A reference with our id was charged before the ledger's memory began.
        succeeded = charged.succeeded if charged else self._succeeds(ref)
        if not succeeded:
            return GatewayPayment(GatewayState.FAILED, provider_id, failure=DECLINED)
        returned = _returned(entries)
        all_returned = charged is not None and returned > 0 and returned >= Decimal(charged.amount)
        return GatewayPayment(GatewayState.REFUNDED if all_returned else GatewayState.SUCCEEDED, provider_id)

    def _check_refundable(self, refund: Refund, past: Sequence[Entry]) -> None:
        known = bool(past) or refund.payment.provider_id is not None
        if not known or self._payment(refund.payment, past).state not in PAID_STATES:
            raise GatewayRefused("There is nothing to refund: this payment was never completed.")
        charged = _charged(past)
        if charged and _returned(past) + refund.amount > Decimal(charged.amount):
            raise GatewayRefused("The refund is more than what is left of the payment.")


def _charged(entries: Sequence[Entry]) -> Entry | None:
    return next((entry for entry in entries if entry.kind is EntryKind.CHARGE), None)


def _returned(entries: Sequence[Entry]) -> Decimal:
    refunds = (Decimal(entry.amount) for entry in entries if entry.kind is EntryKind.REFUND)
    return sum(refunds, Decimal(0))


def _provider_id(key: str) -> str:
    return "mock_" + hashlib.sha256(key.encode()).hexdigest()[:24]
