"""One frozen `Settings`, read from the environment by entry points only and passed on from there."""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from environs import Env, EnvValidationError, ValidationError

from eventhub import localized

PAYMENT_METHODS = ("credit_card", "debit_card", "paypal", "bank_transfer", "mock")
GATEWAYS = ("mock", "offline", "stripe")
STRIPE_METHODS = ("credit_card", "debit_card", "paypal")
MIN_SECRET_BYTES = 32
MONEY_PLACES = 2  # of amounts in the database and in JSON
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_RATE = re.compile(
    r"[1-9][0-9]{0,8}/(?:second|minute|hour|day)(?:;[1-9][0-9]{0,8}/(?:second|minute|hour|day))*\Z"
)


class SettingsError(Exception):
    """Raised when the environment cannot be used; `problems` has one line per mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """Everything that ops may choose. Durations are in seconds; README and docs/operations.md explain each."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    host: str
    port: int
    web_concurrency: int
    data_dir: Path
    base_url: str | None
    email_url: str = field(repr=False)
    email_from: str
    mail_budget: int
    mail_budget_unverified: int
    pending_booking_ttl_seconds: int
    waitlist_offer_ttl_seconds: int
    clock_interval_seconds: float
    payment_gateways: Mapping[str, str]
    mock_payment_success_rate: float
    mock_payment_delay_seconds: float
    access_ttl_seconds: int
    refresh_ttl_seconds: int
    database_pool_size: int
    log_level: str
    access_log: bool
    currency: str
    payment_wait_seconds: int
    offline_payment_wait_seconds: int
    bank_details: tuple[str, ...]
    storage_url: str
    font_dirs: tuple[Path, ...] | None
    seller: tuple[str, ...]
    tax_rate: Decimal | None
    password_reset_ttl_seconds: int
    email_verification_ttl_seconds: int
    password_reset_page: str
    email_verification_page: str
    booking_page: str
    payment_page: str
    mock_payment_ledger: bool
    mock_payment_seed: str
    stripe_api_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    stripe_api_base: str
    stripe_timeout_seconds: float
    stripe_checkout_ttl_seconds: int
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
    trusted_proxies: tuple[Network, ...]
    cors_origins: tuple[str, ...]
    web_connections: int
    web_connections_per_address: int
    web_unsent_bytes: int
    hsts_seconds: int
    security_contact: str
    rate_limit: bool
    rate_limit_login: str
    rate_limit_login_name: str
    rate_limit_login_address: str
    rate_limit_register: str
    rate_limit_reset: str
    rate_limit_reset_mails: str
    rate_limit_reset_address: str
    rate_limit_write: str
    rate_limit_read: str

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The key that signs, then those that only verify."""
        return (self.secret_key, *self.secret_key_fallbacks)

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


def read_settings(environ: Mapping[str, str] | None = None, *, default_host: str = "0.0.0.0") -> Settings:  # noqa: S104 - a server in a container listens on all addresses
    """Return the settings in `environ` (default: the process's own), or raise SettingsError with every mistake."""
    env = Env(eager=False)
    source = dict(os.environ if environ is None else environ)
    # An empty variable is an unset one, as in a .env file with nothing filled in.
    env_source = {name: value for name, value in source.items() if value.strip()}
    with _environment(env_source):
        settings = _collect(env, default_host)
        problems = _missing_for_stripe(settings)
        try:
            env.seal()
        except EnvValidationError as error:
            problems = [*_problems(error), *problems]
    if problems:
        raise SettingsError(problems)
    return settings


def _collect(env: Env, default_host: str) -> Settings:
    return Settings(
        database_url=env.str("DATABASE_URL", validate=_url("postgres", "postgresql")),
        redis_url=env.str("REDIS_URL", validate=_url("redis", "rediss", "unix")),
        secret_key=env.str("EVENTHUB_SECRET_KEY", validate=_secret),
        host=env.str("EVENTHUB_HOST", default_host),
        port=env.int("PORT", 8000, validate=_between(1, 65535)),
        web_concurrency=env.int("WEB_CONCURRENCY", usable_cores(), validate=_between(1, 256)),
        data_dir=Path(env.str("EVENTHUB_DATA_DIR", "./var")),
        base_url=env.str("EVENTHUB_BASE_URL", None, validate=_optional(_url("http", "https"))),
        email_url=env.str("EVENTHUB_EMAIL_URL", "file:", validate=_url("file", "console", "smtp")),
        email_from=env.str("EVENTHUB_EMAIL_FROM", "Event Hub <no-reply@localhost>"),
        mail_budget=env.int("EVENTHUB_MAIL_BUDGET", 50, validate=_between(1, 10_000)),
        mail_budget_unverified=env.int("EVENTHUB_MAIL_BUDGET_UNVERIFIED", 5, validate=_between(0, 10_000)),
        pending_booking_ttl_seconds=env.int(
            "EVENTHUB_PENDING_BOOKING_TTL", 1800, validate=_between(1, 31_536_000)
        ),
        waitlist_offer_ttl_seconds=env.int(
            "EVENTHUB_WAITLIST_OFFER_TTL", 86_400, validate=_between(1, 31_536_000)
        ),
        clock_interval_seconds=env.float("EVENTHUB_CLOCK_INTERVAL", 15.0, validate=_between(0.05, 3600)),
        payment_gateways=_gateways(env.str("EVENTHUB_PAYMENT_GATEWAYS", "", validate=_gateway_map)),
        mock_payment_success_rate=env.float(
            "EVENTHUB_MOCK_PAYMENT_SUCCESS_RATE", 1.0, validate=_between(0, 1)
        ),
        mock_payment_delay_seconds=env.float("EVENTHUB_MOCK_PAYMENT_DELAY", 0.0, validate=_between(0, 3600)),
        access_ttl_seconds=env.int("EVENTHUB_ACCESS_TTL", 900, validate=_between(1, 86_400)),
        refresh_ttl_seconds=env.int("EVENTHUB_REFRESH_TTL", 604_800, validate=_between(1, 31_536_000)),
        database_pool_size=env.int("EVENTHUB_DATABASE_POOL", 10, validate=_between(2, 200)),
        log_level=env.str(
            "EVENTHUB_LOG_LEVEL", "INFO", validate=_one_of("DEBUG", "INFO", "WARNING", "ERROR")
        ),
        access_log=env.bool("EVENTHUB_ACCESS_LOG", True),
        storage_url=env.str("EVENTHUB_STORAGE_URL", "file:", validate=_storage),
        font_dirs=_folders(env.str("EVENTHUB_FONT_DIRS", "", validate=_fonts)),
        payment_wait_seconds=env.int("EVENTHUB_PAYMENT_WAIT", 3900, validate=_between(1, 31_536_000)),
        offline_payment_wait_seconds=env.int(
            "EVENTHUB_OFFLINE_PAYMENT_WAIT", 604_800, validate=_between(1, 31_536_000)
        ),
        bank_details=_lines(env.str("EVENTHUB_BANK_DETAILS", "")),
        seller=_lines(env.str("EVENTHUB_SELLER", "Event Hub")),
        tax_rate=env.decimal("EVENTHUB_TAX_RATE", None, validate=_optional(_tax_rate)),
        currency=(env.str("EVENTHUB_CURRENCY", "USD", validate=_currency) or "").upper(),
        password_reset_ttl_seconds=env.int(
            "EVENTHUB_PASSWORD_RESET_TTL", 3600, validate=_between(60, 604_800)
        ),
        email_verification_ttl_seconds=env.int(
            "EVENTHUB_EMAIL_VERIFICATION_TTL", 259_200, validate=_between(60, 31_536_000)
        ),
        password_reset_page=env.str("EVENTHUB_PASSWORD_RESET_PAGE", "", validate=_page("token")),
        email_verification_page=env.str("EVENTHUB_EMAIL_VERIFICATION_PAGE", "", validate=_page("token")),
        booking_page=env.str("EVENTHUB_BOOKING_PAGE", "", validate=_page("id")),
        payment_page=env.str("EVENTHUB_PAYMENT_PAGE", "", validate=_page("id")),
        mock_payment_ledger=env.bool("EVENTHUB_MOCK_PAYMENT_LEDGER", False),
        mock_payment_seed=env.str("EVENTHUB_MOCK_PAYMENT_SEED", ""),
        stripe_api_key=env.str("EVENTHUB_STRIPE_API_KEY", ""),
        stripe_webhook_secret=env.str("EVENTHUB_STRIPE_WEBHOOK_SECRET", ""),
        stripe_api_base=env.str(
            "EVENTHUB_STRIPE_API_BASE", "https://api.stripe.com", validate=_url("http", "https")
        ),
        stripe_timeout_seconds=env.float("EVENTHUB_STRIPE_TIMEOUT", 20.0, validate=_between(0.1, 120)),
        stripe_checkout_ttl_seconds=env.int(
            "EVENTHUB_STRIPE_CHECKOUT_TTL", 3600, validate=_between(1800, 82_800)
        ),
        secret_key_fallbacks=_parts(env.str("EVENTHUB_SECRET_KEY_FALLBACKS", "", validate=_each(_secret))),
        trusted_proxies=_networks(env.str("EVENTHUB_TRUSTED_PROXIES", "", validate=_each(_network))),
        cors_origins=_parts(env.str("EVENTHUB_CORS_ORIGINS", "", validate=_each(_origin))),
        web_connections=env.int("EVENTHUB_WEB_CONNECTIONS", 1000, validate=_between(10, 100_000)),
        web_connections_per_address=env.int(
            "EVENTHUB_WEB_CONNECTIONS_PER_ADDRESS", 200, validate=_between(1, 100_000)
        ),
        web_unsent_bytes=env.int("EVENTHUB_WEB_UNSENT_BYTES", 50_331_648, validate=_between(2**20, 2**40)),
        hsts_seconds=env.int("EVENTHUB_HSTS", 0, validate=_between(0, 63_072_000)),
        security_contact=env.str("EVENTHUB_SECURITY_CONTACT", "", validate=_contact),
        rate_limit=env.str("EVENTHUB_RATE_LIMIT", "on", validate=_one_of("on", "off")) == "on",
        rate_limit_login=env.str("EVENTHUB_RATE_LIMIT_LOGIN", "5/minute;20/hour;60/day", validate=_rate),
        rate_limit_login_name=env.str("EVENTHUB_RATE_LIMIT_LOGIN_NAME", "100/hour;300/day", validate=_rate),
        rate_limit_login_address=env.str(
            "EVENTHUB_RATE_LIMIT_LOGIN_ADDRESS", "30/minute;200/hour;1000/day", validate=_rate
        ),
        rate_limit_register=env.str("EVENTHUB_RATE_LIMIT_REGISTER", "10/minute;60/hour", validate=_rate),
        rate_limit_reset=env.str("EVENTHUB_RATE_LIMIT_RESET", "3/hour;10/day", validate=_rate),
        rate_limit_reset_mails=env.str("EVENTHUB_RATE_LIMIT_RESET_MAILS", "30/day", validate=_rate),
        rate_limit_reset_address=env.str(
            "EVENTHUB_RATE_LIMIT_RESET_ADDRESS", "10/minute;60/hour", validate=_rate
        ),
        rate_limit_write=env.str("EVENTHUB_RATE_LIMIT_WRITE", "300/minute", validate=_rate),
        rate_limit_read=env.str("EVENTHUB_RATE_LIMIT_READ", "1200/minute", validate=_rate),
    )


def usable_cores() -> int:
    """Return how many cores this process may use, which in a container are often fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _environment:  # noqa: N801 - reads as a statement
    """Puts `source` where environs looks (os.environ) for the time of the block."""

    def __init__(self, source: dict[str, str]) -> None:
        self.source = source

    def __enter__(self) -> None:
        self.saved = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.source)

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self.saved)


def _missing_for_stripe(settings: Settings) -> list[str]:
    methods = [method for method, gateway in settings.payment_gateways.items() if gateway == "stripe"]
    if not methods:
        return []
    needed = {
        "EVENTHUB_STRIPE_API_KEY": settings.stripe_api_key,
        "EVENTHUB_STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secret,
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


def _problems(error: EnvValidationError) -> list[str]:
    required = "Environment variable not set."
    if not isinstance(error.error_messages, Mapping):
        return error.error_messages
    return [
        f"{name}: {'is required and not set' if message == required else message}"
        for name, messages in error.error_messages.items()
        for message in messages
    ]


def _url(*schemes: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if _split(value).scheme not in schemes:
            raise ValidationError(f"must be a URL that starts with {' or '.join(f'{s}:' for s in schemes)}")

    return check


def _split(value: str) -> SplitResult:
    """Return the parts of a URL whose host and port can be used; where it has none, others judge that."""
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        host.encode("idna")
        is_usable = parts.port != 0 and not re.search(r"\s", host)
    except ValueError:  # its text may quote a piece of the password, as in postgres://user:pa/ss@host
        is_usable = False
    if not is_usable:
        raise ValidationError("has no valid host or port; percent-encode : / ? # [ ] @ in user and password")
    return parts


def _page(name: str) -> Callable[[str], None]:
    place = f"{{{name}}}"

    def check(value: str) -> None:
        parts = _split(value)
        if value and not (parts.scheme in {"http", "https"} and parts.hostname and place in value):
            raise ValidationError(
                f"must be the URL of a page, as in https://events.example.com/{place}, with {place} where "
                f"the {name} goes"
            )

    return check


def _folders(value: str | None) -> tuple[Path, ...] | None:
    parts = [part.strip() for part in (value or "").split(os.pathsep)]
    return tuple(Path(part).expanduser() for part in parts if part) or None


def _fonts(value: str) -> None:
    if missing := [folder for folder in _folders(value) or () if not folder.is_dir()]:
        raise ValidationError(f"has {missing[0]}, which is no folder; several are parted by {os.pathsep}")


def _storage(value: str) -> None:
    if value == "file:":
        return
    parts = urlsplit(value)
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-]+)*/?(\?.*)?", value):
        raise ValidationError(
            "must be file: or s3://bucket/prefix?endpoint=…&region=… (credentials come from AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY)"
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - {"endpoint", "region"}:
        raise ValidationError(f"has {', '.join(sorted(unknown))}; the options are endpoint and region")
    if "endpoint" in options and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+/?", options["endpoint"]):
        raise ValidationError("has an endpoint that is no URL such as https://s3.example.com")
    if find_spec("obstore") is None:
        raise ValidationError("needs the extra s3: pip install 'eventhub[s3]'")


def _secret(value: str) -> None:
    if len(value.encode()) < MIN_SECRET_BYTES:
        raise ValidationError(
            f"must be at least {MIN_SECRET_BYTES} bytes long, e.g. from `openssl rand -hex 32`"
        )


def _parts(value: str | None) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in (value or "").split(",")) if part)


def _each(check: Callable[[str], None]) -> Callable[[str], None]:
    def check_each(value: str) -> None:
        for part in _parts(value):
            check(part)

    return check_each


def _network(value: str) -> None:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValidationError(f"must be addresses or networks such as 10.0.0.0/8, got {value}") from None


def _networks(value: str | None) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part) for part in _parts(value))
    except ValueError:  # reported by `_network`
        return ()


def _origin(value: str) -> None:
    parts = _split(value)
    if value != "*" and (
        parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != value
    ):
        raise ValidationError(f"must be * or origins such as https://events.example.com, got {value}")


def _contact(value: str) -> None:
    if value and not re.fullmatch(r"(?:mailto:[!-~]+@[!-~]+|https://[!-~]+)", value):
        raise ValidationError("must be mailto:security@example.com or the https: URL of a page")


def _rate(value: str) -> None:
    if not _RATE.match(value):
        raise ValidationError(
            f"must be limits such as 5/minute;20/hour, by second, minute, hour or day, got {value}"
        )


def _currency(value: str) -> None:
    if not localized.is_currency(value.upper()):
        raise ValidationError(f"must be a currency's three letters (ISO 4217), such as USD, got {value}")
    if (places := localized.places(value.upper())) > MONEY_PLACES:
        raise ValidationError(
            f"must be a currency with at most {MONEY_PLACES} decimal places, and {value.upper()} has {places}"
        )


def _between(low: float, high: float) -> Callable[[float], None]:
    def check(value: float) -> None:
        if not low <= value <= high:
            raise ValidationError(f"must be between {low:g} and {high:g}, got {value:g}")

    return check


def _tax_rate(value: Decimal) -> None:
    if not 0 <= value <= 100:
        raise ValidationError(f"must be between 0 and 100, got {value}")
    if value != round(value, 3):
        raise ValidationError(f"must have at most three decimal places, got {value}")


def _one_of(*values: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if value not in values:
            raise ValidationError(f"must be one of {', '.join(values)}, got {value}")

    return check


def _optional(check: Callable[[Any], None]) -> Callable[[Any], None]:
    def check_if_set(value: str | None) -> None:
        if value is not None:
            check(value)

    return check_if_set


def _gateway_map(value: str) -> None:
    for pair in filter(None, (part.strip() for part in value.split(","))):
        method, _, gateway = (part.strip() for part in pair.partition("="))
        if method not in PAYMENT_METHODS or gateway not in GATEWAYS:
            raise ValidationError(
                f"'{pair}' must be method=gateway, with a method of {', '.join(PAYMENT_METHODS)} "
                f"and a gateway of {', '.join(GATEWAYS)}"
            )


def _lines(value: str | None) -> tuple[str, ...]:
    """Return the lines of a text in which | stands for a line break, as in a one-line .env value."""
    return tuple(line.strip() for line in (value or "").split("|") if line.strip())


def _gateways(value: str | None) -> Mapping[str, str]:
    pairs = (part.partition("=") for part in (value or "").split(",") if "=" in part)
    return {method.strip(): gateway.strip() for method, _, gateway in pairs}
