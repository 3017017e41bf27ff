"""What a process that stays must not load: each of these costs it memory for as long as it runs."""

import subprocess
import sys

import pytest

APPLICATION = "aiohttp asyncpg dramatiq jinja2 marshmallow redis stripe tortoise typst valkey".split()
API = "aiohttp.web apispec eventhub.web.app".split()
MAILS = "aiosmtplib icalendar jinja2".split()
# What has a process of its own, or a purpose that this process may never have.
COSTLY = "PIL aerich obstore segno sentry_sdk stripe typst zxcvbn".split()


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("eventhub.supervisor", [*APPLICATION, "eventhub.database"]),
        ("eventhub.up.running", [*APPLICATION, "eventhub.database", "eventhub.demo"]),
        ("eventhub.workers.master", [*sorted({*APPLICATION} - {"dramatiq"}), "eventhub.database"]),
        # The commands but `web`, the clock among them.
        ("eventhub.cli", [*API, *COSTLY, "icalendar", "jinja2"]),
        ("eventhub.web.server", [*COSTLY, *MAILS]),
        ("eventhub.workers.main", [*API, *COSTLY]),
    ],
)
def test_a_module_does_without(module: str, unwanted: list[str]) -> None:
    asked = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout
    assert set(loaded.split()) & set(unwanted) == set()


@pytest.mark.parametrize(("gateway", "is_loaded"), [("mock", "False"), ("stripe", "True")])
def test_web_loads_stripe_before_it_forks_where_the_settings_name_it(gateway: str, is_loaded: str) -> None:
    asked = (
        "import sys; from types import SimpleNamespace; from eventhub.web.app import load; "
        f"load(SimpleNamespace(payment_gateways={{'credit_card': '{gateway}'}})); print('stripe' in sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", asked], check=True, capture_output=True, text=True).stdout
    assert loaded.strip() == is_loaded
