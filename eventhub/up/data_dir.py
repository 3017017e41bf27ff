"""The data directory of `eventhub up`: its secret, and the environment that follows from its servers."""

import contextlib
import os
import secrets
from pathlib import Path

from eventhub import embedded

UP_GATEWAYS = "credit_card=mock,debit_card=mock,paypal=mock,bank_transfer=offline,mock=mock"
UP_BANK_DETAILS = "The demo's account: nothing can be sent there"


def chosen_data_dir() -> Path:
    return Path(os.environ.get("EVENTHUB_DATA_DIR", "").strip() or "./var").absolute()


def up_environ(data_dir: Path, servers: embedded.Services, secret: str) -> dict[str, str]:
    """Return the environment of the processes that `up` starts: its own, on the embedded servers."""
    return {
        "EVENTHUB_PAYMENT_GATEWAYS": UP_GATEWAYS,
        "EVENTHUB_BANK_DETAILS": UP_BANK_DETAILS,
        "EVENTHUB_HOST": "127.0.0.1",
        "EVENTHUB_METRICS_NETWORKS": "127.0.0.1,::1",
        "EVENTHUB_SECRET_KEY": secret,
        **{name: value for name, value in os.environ.items() if value.strip()},
        "EVENTHUB_DATA_DIR": str(data_dir),
        "DATABASE_URL": servers.database_url,
        "DATABASE_DIRECT_URL": "",
        "EVENTHUB_DATABASE_POOLER": "none",
        "REDIS_URL": servers.redis_url,
    }


def kept_secret(data_dir: Path) -> str:
    """Return the secret key of this data dir, made on the first start."""
    path = data_dir / "secret_key"
    if not path.exists():
        # Whole or not at all, and one for all who start at the same time.
        made = data_dir / f"secret_key.{os.getpid()}"
        made.touch(mode=0o600)
        made.write_text(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(made)
        made.unlink()
    return path.read_text().strip()
