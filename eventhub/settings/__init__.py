"""One frozen `Settings`, read from the environment by entry points only and passed on from there.

`Settings` reaches `web`, `workers`, `demo` and the builders of gateways. Services never see it: they take the values
themselves, so that a signature says what a rule depends on.
"""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from eventhub import __version__
from eventhub.database_url import Pooler
from eventhub.networks import Network
from eventhub.settings import parsers, redis_url

STRIPE_METHODS = ("credit_card", "debit_card", "paypal")
VARIABLE = "variable"  # in the metadata of a field of Settings: the variable's name
# What platforms call the commit that they have built, where EVENTHUB_COMMIT does not say it.
COMMITS_OF_PLATFORMS = (
    "SOURCE_VERSION",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "GIT_COMMIT",
    "COMMIT_SHA",
)

T = TypeVar("T")


class SettingsError(Exception):
    """Raised when the environment cannot be used; `problems` has one line per mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def usable_cores() -> int:
    """Return how many cores this process may use, which in a container are often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _of(name: str, parse: Callable[[str], T], default: str | None = None, *, is_secret: bool = False) -> T:
    """Return a field of Settings: its variable, how to read it, and the text that stands for an unset one.

    A variable without a default is required.
    """
    how = {VARIABLE: name, "parse": parse, "default": default}
    found: T = field(repr=not is_secret, metadata=how)
    return found


@dataclass(frozen=True)
class Settings:
    """Everything that ops may choose. Durations are in seconds; README and docs/operations.md explain each."""

    database_url: str = _of("DATABASE_URL", parsers.database, is_secret=True)
    database_pooler: Pooler = _of("EVENTHUB_DATABASE_POOLER", parsers.member(Pooler), "none")  # noqa: RUF009
    database_direct_url: str = _of(
        "DATABASE_DIRECT_URL", parsers.optional(parsers.database), "", is_secret=True
    )
    redis_url: str = _of("REDIS_URL", redis_url.check, is_secret=True)
    secret_key: str = _of("EVENTHUB_SECRET_KEY", parsers.secret, is_secret=True)
    secret_key_fallbacks: tuple[str, ...] = _of(
        "EVENTHUB_SECRET_KEY_FALLBACKS", parsers.each(parsers.secret), "", is_secret=True
    )
    host: str = _of("EVENTHUB_HOST", str, "0.0.0.0")  # noqa: S104 - a server in a container listens on all addresses
    port: int = _of("PORT", parsers.number(int, 1, 65535), "8000")
    base_url: str | None = _of("EVENTHUB_BASE_URL", parsers.base_url, "")
    data_dir: Path = _of("EVENTHUB_DATA_DIR", Path, "./var")  # noqa: RUF009 - a field, whatever its type
    storage_url: str = _of("EVENTHUB_STORAGE_URL", parsers.storage, "file:")
    font_dirs: tuple[Path, ...] | None = _of("EVENTHUB_FONT_DIRS", parsers.fonts, "")
    log_level: str = _of("EVENTHUB_LOG_LEVEL", parsers.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
    log_format: str = _of("EVENTHUB_LOG_FORMAT", parsers.one_of("text", "json"), "text")
    access_log: bool = _of("EVENTHUB_ACCESS_LOG", parsers.boolean, "true")
    commit: str = _of("EVENTHUB_COMMIT", parsers.commit, "")
    otlp_endpoint: str = _of("OTEL_EXPORTER_OTLP_ENDPOINT", parsers.otlp_endpoint, "")
    sentry_dsn: str = _of("SENTRY_DSN", parsers.sentry_dsn, "", is_secret=True)
    web_concurrency: int = _of("WEB_CONCURRENCY", parsers.number(int, 1, 256), str(usable_cores()))
    database_pool_size: int = _of("EVENTHUB_DATABASE_POOL", parsers.number(int, 2, 200), "10")
    slow_statement_seconds: float = _of("EVENTHUB_SLOW_STATEMENT", parsers.number(float, 0, 3600), "0.5")
    clock_interval_seconds: float = _of("EVENTHUB_CLOCK_INTERVAL", parsers.number(float, 0.05, 3600), "15")
    # The API promises that keys of requests are known for a day.
    idempotency_kept_hours: int = _of("EVENTHUB_IDEMPOTENCY_KEPT_HOURS", parsers.number(int, 24, 8760), "24")
    job_log_kept_days: int = _of("EVENTHUB_JOB_LOG_KEPT_DAYS", parsers.number(int, 1, 3650), "14")
    notifications_kept_days: int = _of("EVENTHUB_NOTIFICATIONS_KEPT_DAYS", parsers.kept_days(30), "0")
    facts_kept_days: int = _of("EVENTHUB_FACTS_KEPT_DAYS", parsers.kept_days(1), "400")

    email_url: str = _of(
        "EVENTHUB_EMAIL_URL", parsers.url("file", "console", "smtp"), "file:", is_secret=True
    )
    email_from: str = _of("EVENTHUB_EMAIL_FROM", str, "Event Hub <no-reply@localhost>")
    mail_budget: int = _of("EVENTHUB_MAIL_BUDGET", parsers.number(int, 1, 10_000), "50")
    mail_budget_unverified: int = _of("EVENTHUB_MAIL_BUDGET_UNVERIFIED", parsers.number(int, 0, 10_000), "5")
    password_reset_page: str = _of("EVENTHUB_PASSWORD_RESET_PAGE", parsers.page("token"), "")
    email_verification_page: str = _of("EVENTHUB_EMAIL_VERIFICATION_PAGE", parsers.page("token"), "")
    booking_page: str = _of("EVENTHUB_BOOKING_PAGE", parsers.page("id"), "")
    payment_page: str = _of("EVENTHUB_PAYMENT_PAGE", parsers.page("id"), "")

    access_ttl_seconds: int = _of("EVENTHUB_ACCESS_TTL", parsers.seconds(high=86_400), "900")
    refresh_ttl_seconds: int = _of("EVENTHUB_REFRESH_TTL", parsers.seconds(), "604800")
    password_reset_ttl_seconds: int = _of("EVENTHUB_PASSWORD_RESET_TTL", parsers.seconds(60, 604_800), "3600")
    email_verification_ttl_seconds: int = _of(
        "EVENTHUB_EMAIL_VERIFICATION_TTL", parsers.seconds(60), "259200"
    )
    pending_booking_ttl_seconds: int = _of("EVENTHUB_PENDING_BOOKING_TTL", parsers.seconds(), "1800")
    waitlist_offer_ttl_seconds: int = _of("EVENTHUB_WAITLIST_OFFER_TTL", parsers.seconds(), "86400")

    currency: str = _of("EVENTHUB_CURRENCY", parsers.currency, "USD")
    time_zone: str = _of("EVENTHUB_TIME_ZONE", parsers.time_zone, "UTC")
    seller: tuple[str, ...] = _of("EVENTHUB_SELLER", parsers.lines, "Event Hub")
    tax_rate: Decimal | None = _of("EVENTHUB_TAX_RATE", parsers.tax_rate, "")  # noqa: RUF009
    payment_gateways: Mapping[str, str] = _of("EVENTHUB_PAYMENT_GATEWAYS", parsers.gateways, "")
    payment_wait_seconds: int = _of("EVENTHUB_PAYMENT_WAIT", parsers.seconds(), "3900")
    offline_payment_wait_seconds: int = _of("EVENTHUB_OFFLINE_PAYMENT_WAIT", parsers.seconds(), "604800")
    bank_details: tuple[str, ...] = _of("EVENTHUB_BANK_DETAILS", parsers.lines, "")
    mock_payment_success_rate: float = _of(
        "EVENTHUB_MOCK_PAYMENT_SUCCESS_RATE", parsers.number(float, 0, 1), "1"
    )
    mock_payment_delay_seconds: float = _of(
        "EVENTHUB_MOCK_PAYMENT_DELAY", parsers.number(float, 0, 3600), "0"
    )
    mock_payment_ledger: bool = _of("EVENTHUB_MOCK_PAYMENT_LEDGER", parsers.boolean, "false")
    mock_payment_seed: str = _of("EVENTHUB_MOCK_PAYMENT_SEED", str, "")
    stripe_api_key: str = _of("EVENTHUB_STRIPE_API_KEY", str, "", is_secret=True)
    stripe_webhook_secret: str = _of("EVENTHUB_STRIPE_WEBHOOK_SECRET", str, "", is_secret=True)
    stripe_api_base: str = _of(
        "EVENTHUB_STRIPE_API_BASE", parsers.url("http", "https"), "https://api.stripe.com"
    )
    stripe_timeout_seconds: float = _of("EVENTHUB_STRIPE_TIMEOUT", parsers.number(float, 0.1, 120), "20")
    stripe_checkout_ttl_seconds: int = _of(
        "EVENTHUB_STRIPE_CHECKOUT_TTL", parsers.seconds(1800, 82_800), "3600"
    )

    trusted_proxies: tuple[Network, ...] = _of("EVENTHUB_TRUSTED_PROXIES", parsers.each(parsers.network), "")
    cors_origins: tuple[str, ...] = _of("EVENTHUB_CORS_ORIGINS", parsers.each(parsers.origin), "")
    metrics_token: str = _of("EVENTHUB_METRICS_TOKEN", parsers.token, "", is_secret=True)
    metrics_networks: tuple[Network, ...] = _of(
        "EVENTHUB_METRICS_NETWORKS", parsers.each(parsers.network), ""
    )
    metrics_port: int | None = _of("EVENTHUB_METRICS_PORT", parsers.port, "")
    hsts_seconds: int = _of("EVENTHUB_HSTS", parsers.number(int, 0, 63_072_000), "0")
    security_contact: str = _of("EVENTHUB_SECURITY_CONTACT", parsers.contact, "")
    web_connections: int = _of("EVENTHUB_WEB_CONNECTIONS", parsers.number(int, 10, 100_000), "1000")
    web_connections_per_address: int = _of(
        "EVENTHUB_WEB_CONNECTIONS_PER_ADDRESS", parsers.number(int, 1, 100_000), "200"
    )
    web_unsent_bytes: int = _of("EVENTHUB_WEB_UNSENT_BYTES", parsers.number(int, 2**20, 2**40), "50331648")
    rate_limit: bool = _of("EVENTHUB_RATE_LIMIT", parsers.switch, "on")
    rate_limit_login: str = _of("EVENTHUB_RATE_LIMIT_LOGIN", parsers.rate, "5/minute;20/hour;60/day")
    rate_limit_login_name: str = _of("EVENTHUB_RATE_LIMIT_LOGIN_NAME", parsers.rate, "100/hour;300/day")
    rate_limit_login_address: str = _of(
        "EVENTHUB_RATE_LIMIT_LOGIN_ADDRESS", parsers.rate, "30/minute;200/hour;1000/day"
    )
    rate_limit_register: str = _of("EVENTHUB_RATE_LIMIT_REGISTER", parsers.rate, "10/minute;60/hour")
    rate_limit_reset: str = _of("EVENTHUB_RATE_LIMIT_RESET", parsers.rate, "3/hour;10/day")
    rate_limit_reset_mails: str = _of("EVENTHUB_RATE_LIMIT_RESET_MAILS", parsers.rate, "30/day")
    rate_limit_reset_address: str = _of(
        "EVENTHUB_RATE_LIMIT_RESET_ADDRESS", parsers.rate, "10/minute;60/hour"
    )
    rate_limit_code: str = _of("EVENTHUB_RATE_LIMIT_CODE", parsers.rate, "10/minute;100/day")
    rate_limit_write: str = _of("EVENTHUB_RATE_LIMIT_WRITE", parsers.rate, "300/minute")
    rate_limit_read: str = _of("EVENTHUB_RATE_LIMIT_READ", parsers.rate, "1200/minute")

    @property
    def direct_url(self) -> str:
        """Where what needs a session of its own, such as a migration, finds the database."""
        return self.database_direct_url or self.database_url

    @property
    def direct_pooler(self) -> Pooler:
        """What stands before `direct_url`."""
        return Pooler.NONE if self.database_direct_url else self.database_pooler

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The key that signs, then those that only verify."""
        return (self.secret_key, *self.secret_key_fallbacks)

    @property
    def release(self) -> str:
        """The version that runs, and the commit where it is known: `0.1.0+816a83b`."""
        return f"{__version__}+{self.commit}" if self.commit else __version__

    @property
    def links_base(self) -> str:
        """Where links in mails and PDFs point, without a trailing slash."""
        return (self.base_url or f"http://localhost:{self.port}").rstrip("/")

    def booking_url(self, booking_id: int) -> str:
        """Return a booking's page in the front end, empty where none is set."""
        return self.booking_page.replace("{id}", str(booking_id))

    def payment_url(self, payment_id: int) -> str:
        """Return a payment's page in the front end, empty where none is set."""
        return self.payment_page.replace("{id}", str(payment_id))


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings in `environ` (default: the process's own), or raise SettingsError with every mistake."""
    values, problems = _read(
        os.environ if environ is None else environ, [one.name for one in fields(Settings)]
    )
    problems += _missing_for_stripe(values)
    if problems:
        raise SettingsError(problems)
    return Settings(**values)


def read_some(environ: Mapping[str, str], *names: str) -> dict[str, Any]:
    """Return the values of these fields of Settings alone, whatever else is missing or wrong. Raises SettingsError."""
    values, problems = _read(environ, names)
    if problems:
        raise SettingsError(problems)
    return values


def _read(environ: Mapping[str, str], names: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of these fields, and a line for each that has none."""
    texts = texts_in(environ)
    values: dict[str, Any] = {}
    problems = []
    for one in fields(Settings):
        if one.name not in names:
            continue
        name = one.metadata[VARIABLE]
        text = texts.get(name, one.metadata["default"])
        if text is None:
            problems.append(f"{name}: is required and not set")
            continue
        try:
            values[one.name] = one.metadata["parse"](text)
        except parsers.Unusable as error:
            problems.append(f"{name}: {error}")
    return values, problems


def texts_in(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what variables are set to: an empty one is unset, as in a .env file with nothing filled in."""
    texts = {name: text for name, text in environ.items() if text.strip()}
    of_platform = (texts[name] for name in COMMITS_OF_PLATFORMS if parsers.is_commit(texts.get(name, "")))
    texts.setdefault("EVENTHUB_COMMIT", next(of_platform, ""))
    return texts


def _missing_for_stripe(values: Mapping[str, Any]) -> list[str]:
    methods = [method for method, name in values.get("payment_gateways", {}).items() if name == "stripe"]
    if not methods:
        return []
    needed = {
        "EVENTHUB_STRIPE_API_KEY": values["stripe_api_key"],
        "EVENTHUB_STRIPE_WEBHOOK_SECRET": values["stripe_webhook_secret"],
    }
    return [
        *(
            f"{name}: is required, because EVENTHUB_PAYMENT_GATEWAYS sends {methods[0]} to stripe"
            for name, value in needed.items()
            if not value
        ),
        *(
            f"EVENTHUB_PAYMENT_GATEWAYS: {method} cannot go to stripe, which serves {', '.join(STRIPE_METHODS)}"
            for method in methods
            if method not in STRIPE_METHODS
        ),
    ]
