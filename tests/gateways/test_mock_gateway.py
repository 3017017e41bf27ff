import asyncio
import multiprocessing
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from eventhub.gateways.payments.mock import KEYS_IN_MEMORY, EntryKind, Ledger, MockGateway
from eventhub.gateways.payments.offline import OfflineGateway
from eventhub.services.ports.payments import (
    BadSignature,
    Charge,
    GatewayRefundState,
    GatewayRefused,
    GatewayState,
    PaymentGateway,
    PaymentRef,
    Refund,
)
from tests.fakes.ledger import read_ledger

CREATED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def make_charge(key: str = "EVH-AAAAAAAAAAAA", amount: str = "59.98", number: int = 0) -> Charge:
    return Charge(
        key=key,
        amount=Decimal(amount),
        currency="USD",
        method="mock",
        description="PyCon: 2 tickets",
        payer_email="ada@example.com",
        return_url="https://events.example/payments/1/",
        transaction_id=key,
        created_at=CREATED_AT,
        number=number,
    )


def make_refund(key: str = "EVH-AAAAAAAAAAAA", amount: str = "59.98", refund_key: str = "r1") -> Refund:
    return Refund(PaymentRef(key, None, CREATED_AT), refund_key, Decimal(amount), "USD")


async def test_a_key_always_has_the_same_outcome_in_every_process() -> None:
    keys = [f"EVH-{number}" for number in range(200)]
    first = [await MockGateway(success_rate=0.7).charge(make_charge(key)) for key in keys]
    second = [await MockGateway(success_rate=0.7).charge(make_charge(key)) for key in keys]
    assert first == second
    # As another process found them.
    succeeded = [payment.state is GatewayState.SUCCEEDED for payment in first[:20]]
    assert succeeded == [letter == "Y" for letter in "nYYYYnYnnYnYnnYYYYYY"]
    assert 110 < sum(payment.state is GatewayState.SUCCEEDED for payment in first) < 170


async def test_with_a_seed_the_number_of_a_payment_decides_and_not_its_random_key() -> None:
    async def run(name: str, seed: str) -> list[GatewayState]:
        gateway = MockGateway(success_rate=0.7, seed=seed)
        charges = [make_charge(f"EVH-{name}{number}", number=number) for number in range(200)]
        states = [(await gateway.charge(charge)).state for charge in charges]
        # The same answer once the ledger has forgotten.
        refs = [PaymentRef(charge.key, "mock_1", CREATED_AT, charge.number) for charge in charges]
        other = MockGateway(success_rate=0.7, seed=seed)
        assert [found.state for ref in refs if (found := await other.look_up(ref))] == states
        return states

    first = await run("A", "seed")
    assert await run("B", "seed") == first
    assert await run("A", "another") != first
    assert await run("A", "") != await run("B", "")
    assert 110 < first.count(GatewayState.SUCCEEDED) < 170


@pytest.mark.parametrize(("rate", "state"), [(1.0, GatewayState.SUCCEEDED), (0.0, GatewayState.FAILED)])
async def test_success_rate_has_certain_ends(rate: float, state: GatewayState) -> None:
    gateway = MockGateway(success_rate=rate)
    assert {(await gateway.charge(make_charge(f"k{n}"))).state for n in range(100)} == {state}


async def test_a_repeated_key_is_one_charge(tmp_path: Path) -> None:
    gateway = MockGateway(ledger=Ledger(tmp_path / "deep" / "ledger.jsonl"))
    first, second = await asyncio.gather(gateway.charge(make_charge()), gateway.charge(make_charge()))
    assert first == second
    kinds = [entry.kind for entry in read_ledger(tmp_path / "deep" / "ledger.jsonl")]
    assert kinds == [EntryKind.CHARGE, EntryKind.REPEAT]


async def test_who_gives_up_waiting_has_charged_and_finds_it_by_key() -> None:
    gateway = MockGateway(delay_seconds=60)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(gateway.charge(make_charge()), timeout=0.01)
    found = await gateway.look_up(make_charge().ref)
    assert found is not None
    assert found.state is GatewayState.SUCCEEDED


async def test_an_unknown_key_is_found_nowhere_and_a_known_id_is_after_a_restart() -> None:
    assert await MockGateway().look_up(make_charge().ref) is None
    charged = await MockGateway().charge(make_charge())
    ref = PaymentRef(make_charge().key, charged.provider_id, CREATED_AT)
    assert await MockGateway().look_up(ref) == charged
    assert (await MockGateway().cancel(ref)).state is GatewayState.SUCCEEDED
    refund = Refund(ref, "r1", Decimal("59.98"), "USD")
    assert (await MockGateway().refund(refund)).state is GatewayRefundState.SUCCEEDED


async def test_after_a_void_no_money_comes() -> None:
    gateway = MockGateway()
    assert (await gateway.cancel(make_charge().ref)).state is GatewayState.CANCELLED
    assert (await gateway.charge(make_charge())).state is GatewayState.CANCELLED
    with pytest.raises(GatewayRefused):
        await gateway.refund(make_refund())


async def test_a_void_that_comes_too_late_tells_of_the_charge() -> None:
    gateway = MockGateway()
    await gateway.charge(make_charge())
    assert (await gateway.cancel(make_charge().ref)).state is GatewayState.SUCCEEDED


async def test_a_refund_happens_once_per_key_and_never_exceeds_the_payment(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    gateway = MockGateway(ledger=Ledger(path))
    await gateway.charge(make_charge())
    first = await gateway.refund(make_refund(amount="20.00", refund_key="r1"))
    assert await gateway.refund(make_refund(amount="20.00", refund_key="r1")) == first
    found = await gateway.look_up(make_charge().ref)
    assert found is not None
    assert found.state is GatewayState.SUCCEEDED
    with pytest.raises(GatewayRefused):
        await gateway.refund(make_refund(amount="39.99", refund_key="r2"))
    await gateway.refund(make_refund(amount="39.98", refund_key="r2"))
    found = await gateway.look_up(make_charge().ref)
    assert found is not None
    assert found.state is GatewayState.REFUNDED
    assert [entry.kind for entry in read_ledger(path)] == [
        EntryKind.CHARGE,
        EntryKind.REFUND,
        EntryKind.REFUND,
    ]


async def test_a_failed_payment_has_nothing_to_refund() -> None:
    gateway = MockGateway(success_rate=0)
    assert (await gateway.charge(make_charge())).failure
    with pytest.raises(GatewayRefused):
        await gateway.refund(make_refund())


async def test_memory_is_bounded() -> None:
    ledger = Ledger()
    gateway = MockGateway(ledger=ledger)
    for number in range(KEYS_IN_MEMORY + 5):
        await gateway.charge(make_charge(f"k{number}"))
    assert len(ledger._entries) == KEYS_IN_MEMORY


def _charge_all(path: Path) -> None:
    async def run() -> None:
        gateway = MockGateway(ledger=Ledger(path))
        await asyncio.gather(*(gateway.charge(make_charge(f"k{n}")) for n in range(50)))

    asyncio.run(run())


def test_processes_that_share_a_ledger_make_one_charge_per_key(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_charge_all, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    entries = read_ledger(path)
    charges = Counter(entry.key for entry in entries if entry.kind is EntryKind.CHARGE)
    assert charges == {f"k{n}": 1 for n in range(50)}
    assert len(entries) == 150


async def test_offline_waits_for_a_person() -> None:
    gateway = OfflineGateway()
    payment = await gateway.charge(make_charge())
    assert (payment.state, payment.reference) == (GatewayState.PENDING, "EVH-AAAAAAAAAAAA")
    found = await gateway.look_up(make_charge().ref)
    assert found is not None
    assert found.state is GatewayState.PENDING
    assert (await gateway.cancel(make_charge().ref)).state is GatewayState.CANCELLED
    assert (await gateway.refund(make_refund())).state is GatewayRefundState.MANUAL


@pytest.mark.parametrize("gateway", [MockGateway(), OfflineGateway()])
async def test_nobody_speaks_for_a_gateway_without_webhooks(gateway: PaymentGateway) -> None:
    with pytest.raises(BadSignature):
        await gateway.parse_webhook(b"{}", {})


async def test_a_charge_of_nothing_is_not_refunded_before_it_is() -> None:
    gateway = MockGateway()
    charge = make_charge("EVH-NOTHING", amount="0")
    assert (await gateway.charge(charge)).state is GatewayState.SUCCEEDED
    found = await gateway.look_up(charge.ref)
    assert found is not None
    assert found.state is GatewayState.SUCCEEDED
