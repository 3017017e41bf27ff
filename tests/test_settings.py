"""What ops may choose, its defaults, and what is refused in one clear line each."""

import os
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from eventhub.settings import Settings, SettingsError, parsers, read_settings

NEEDED = {
    "DATABASE_URL": "postgres://u:p@db/eventhub",
    "REDIS_URL": "redis://cache:6379/0",
    "EVENTHUB_SECRET_KEY": "x" * 32,
}


def read(**changes: str) -> Settings:
    return read_settings({**NEEDED, **changes})


def problems(**changes: str) -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read(**changes)
    assert "x" * 32 not in str(refused.value)
    assert "hush" not in str(refused.value)
    return refused.value.problems


def test_defaults_are_the_documented_ones() -> None:
    settings = read()
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)
    assert settings.web_concurrency == len(os.sched_getaffinity(0))
    assert (settings.data_dir, settings.base_url, settings.email_url) == (Path("./var"), None, "file:")
    assert (settings.pending_booking_ttl_seconds, settings.waitlist_offer_ttl_seconds) == (1800, 86_400)
    assert settings.clock_interval_seconds == 15
    assert (settings.mock_payment_success_rate, settings.mock_payment_delay_seconds) == (1.0, 0)
    assert (settings.access_ttl_seconds, settings.refresh_ttl_seconds) == (900, 604_800)
    assert settings.payment_gateways == {}
    assert (settings.currency, settings.time_zone) == ("USD", "UTC")
    assert settings.links_base == "http://localhost:8000"


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("DATABASE_URL", "postgresql://db/x", "database_url", "postgresql://db/x"),
        ("DATABASE_URL", "postgres:///x?host=/run/pg", "database_url", "postgres:///x?host=/run/pg"),
        ("REDIS_URL", "rediss://cache", "redis_url", "rediss://cache"),
        ("EVENTHUB_METRICS_TOKEN", "sixteen-letters!", "metrics_token", "sixteen-letters!"),
        ("EVENTHUB_METRICS_TOKEN", "", "metrics_token", ""),
        ("EVENTHUB_METRICS_PORT", "9100", "metrics_port", 9100),
        ("EVENTHUB_METRICS_PORT", "", "metrics_port", None),
        ("EVENTHUB_SLOW_STATEMENT", "0", "slow_statement_seconds", 0.0),
        ("REDIS_URL", "unix:///run/redis.sock", "redis_url", "unix:///run/redis.sock"),
        ("REDIS_URL", "redis+sentinel://one,two/m", "redis_url", "redis+sentinel://one,two/m"),
        ("PORT", "9000", "port", 9000),
        ("EVENTHUB_RATE_LIMIT", "off", "rate_limit", False),
        ("EVENTHUB_RATE_LIMIT_LOGIN", "2/minute;9/day", "rate_limit_login", "2/minute;9/day"),
        (
            "EVENTHUB_SECRET_KEY_FALLBACKS",
            f"{'a' * 32}, {'b' * 32}",
            "secret_key_fallbacks",
            ("a" * 32, "b" * 32),
        ),
        (
            "EVENTHUB_TRUSTED_PROXIES",
            "10.0.0.0/8, ::1",
            "trusted_proxies",
            (ip_network("10.0.0.0/8"), ip_network("::1")),
        ),
        ("EVENTHUB_CORS_ORIGINS", "https://a.example", "cors_origins", ("https://a.example",)),
        ("PORT", "", "port", 8000),
        ("PORT", "  ", "port", 8000),
        ("EVENTHUB_HOST", "::1", "host", "::1"),
        ("WEB_CONCURRENCY", "4", "web_concurrency", 4),
        ("EVENTHUB_WEB_CONNECTIONS", "50", "web_connections", 50),
        ("EVENTHUB_BASE_URL", "https://e.example/", "links_base", "https://e.example"),
        ("EVENTHUB_EMAIL_URL", "smtp://u:p@mail:587?tls=yes", "email_url", "smtp://u:p@mail:587?tls=yes"),
        ("EVENTHUB_CLOCK_INTERVAL", "0.2", "clock_interval_seconds", 0.2),
        ("EVENTHUB_NOTIFICATIONS_KEPT_DAYS", "0", "notifications_kept_days", 0),
        ("EVENTHUB_NOTIFICATIONS_KEPT_DAYS", "30", "notifications_kept_days", 30),
        ("EVENTHUB_FONT_DIRS", "", "font_dirs", None),
        ("EVENTHUB_FONT_DIRS", f" / {os.pathsep}{Path.home()}", "font_dirs", (Path("/"), Path.home())),
        ("EVENTHUB_FONT_DIRS", "~", "font_dirs", (Path.home(),)),
        ("EVENTHUB_PENDING_BOOKING_TTL", "1", "pending_booking_ttl_seconds", 1),
        ("EVENTHUB_CURRENCY", "eur", "currency", "EUR"),
        ("EVENTHUB_CURRENCY", "JPY", "currency", "JPY"),
        ("EVENTHUB_TIME_ZONE", "europe/berlin", "time_zone", "Europe/Berlin"),
        ("EVENTHUB_TAX_RATE", "7.7250", "tax_rate", Decimal("7.725")),
        ("EVENTHUB_ACCESS_LOG", "false", "access_log", False),
        (
            "EVENTHUB_PAYMENT_GATEWAYS",
            " mock=mock, bank_transfer = offline ,",
            "payment_gateways",
            {"mock": "mock", "bank_transfer": "offline"},
        ),
    ],
)
def test_a_variable_sets_its_setting(name: str, value: str, attribute: str, expected: object) -> None:
    assert getattr(read(**{name: value}), attribute) == expected


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "", "is required and not set"),
        ("EVENTHUB_METRICS_TOKEN", "too-short", "must be at least 16 printable ASCII characters"),
        ("EVENTHUB_METRICS_TOKEN", "a token with spaces", "must be at least 16 printable ASCII characters"),
        ("EVENTHUB_METRICS_PORT", "0", "must be between 1 and 65535"),
        ("DATABASE_URL", "mysql://db/x", "must be a URL that starts with postgres: or postgresql:"),
        ("DATABASE_URL", "postgres://u:hush@db:bad/x", "has no valid host or port"),
        ("DATABASE_URL", "postgres://u:hu/sh@db/x", "has no valid host or port; percent-encode"),
        ("DATABASE_URL", "postgres://u@[::1/x", "has no valid host or port"),
        ("DATABASE_URL", "postgres://u@db:70000/x", "has no valid host or port"),
        ("DATABASE_URL", f"postgres://u@{'d' * 64}/x", "has no valid host or port"),
        ("DATABASE_URL", "postgres://u:hush@db/x?pool=9", "has pool after the ?; the options are"),
        ("DATABASE_DIRECT_URL", "postgres://u:hush@db:bad/x", "has no valid host or port"),
        ("EVENTHUB_DATABASE_POOLER", "statement", "must be one of none, session, transaction"),
        ("REDIS_URL", "redis://:hush@cache:bad/0", "has no valid host or port"),
        ("REDIS_URL", "", "is required and not set"),
        ("REDIS_URL", "cache:6379", "must be a URL"),
        ("REDIS_URL", "http://cache:6379", "must be a URL that starts with redis: or rediss: or unix:"),
        ("REDIS_URL", "redis://:hush/hush@cache/0", "percent-encode"),
        ("REDIS_URL", "redis://eventhub:12/hush@cache/0", "percent-encode"),
        ("REDIS_URL", "redis://:12?hush@cache", "percent-encode"),
        ("REDIS_URL", "redis://cache/hush", "has a path that is no number of a database"),
        ("REDIS_URL", "redis://cache?socket_timeout=5", "has the option socket_timeout, which nobody knows"),
        (
            "REDIS_URL",
            "redis://cache?ssl_ca_certs=/ca.pem",
            "has the option ssl_ca_certs, which nobody knows",
        ),
        ("REDIS_URL", "redis://cache?db=first", "has db=first: Not a valid integer."),
        ("REDIS_URL", "rediss://cache?ssl_cert_reqs=CERT_NONE", "must be one of none, optional, required"),
        (
            "REDIS_URL",
            "rediss://cache?ssl_ca_certs=/no/ca.pem",
            "has ssl_ca_certs=/no/ca.pem: there is no such",
        ),
        ("REDIS_URL", f"rediss://cache?ssl_ca_certs={__file__}", "that file holds no certificates in PEM"),
        ("REDIS_URL", f"rediss://cache?ssl_certfile={__file__}", "it cannot be used with its key"),
        ("REDIS_URL", f"rediss://cache?ssl_keyfile={__file__}", "has ssl_keyfile without ssl_certfile"),
        ("REDIS_URL", "unix://redis.sock", "must be unix:///path/of/the/socket"),
        ("REDIS_URL", "redis+sentinel://one:26379,two:26379", "/name-of-the-master/0"),
        ("REDIS_URL", "redis+sentinel://one,,two/m/0", "/name-of-the-master/0"),
        ("REDIS_URL", "redis+sentinel://one,two:x/m/0", "has no valid host or port"),
        ("REDIS_URL", "redis+sentinel://one,two/m/first", "has a path that is no number of a database"),
        ("EVENTHUB_SECRET_KEY", "", "is required and not set"),
        ("EVENTHUB_SECRET_KEY", "short", "must be at least 32 bytes"),
        ("PORT", "x", "Not a valid integer"),
        ("EVENTHUB_RATE_LIMIT", "yes", "must be one of on, off, got yes"),
        ("EVENTHUB_RATE_LIMIT_READ", "fast", "must be limits such as 5/minute;20/hour"),
        ("EVENTHUB_RATE_LIMIT_WRITE", "0/minute", "must be limits such as 5/minute;20/hour"),
        ("EVENTHUB_SECRET_KEY_FALLBACKS", f"{'a' * 32},short", "must be at least 32 bytes"),
        ("EVENTHUB_TRUSTED_PROXIES", "10.0.0.1/8", "must be addresses or networks such as 10.0.0.0/8"),
        ("EVENTHUB_CORS_ORIGINS", "https://a.example/", "must be * or origins such as"),
        ("EVENTHUB_HSTS", "-1", "must be between 0 and"),
        ("EVENTHUB_SECURITY_CONTACT", "security@example.com", "must be mailto:"),
        ("EVENTHUB_SECURITY_CONTACT", "http://example.com", "must be mailto:"),
        ("EVENTHUB_SECURITY_CONTACT", "https://example.com\nExpires: never", "must be mailto:"),
        ("EVENTHUB_RATE_LIMIT_LOGIN_NAME", "5", "must be limits such as"),
        ("PORT", "65536", "must be between 1 and 65535"),
        ("PORT", "0", "must be between 1 and 65535"),
        ("WEB_CONCURRENCY", "0", "must be between 1 and 256"),
        ("EVENTHUB_WEB_CONNECTIONS", "0", "must be between 10 and 100000"),
        ("EVENTHUB_BASE_URL", "events.example", "must be a URL"),
        ("EVENTHUB_BASE_URL", "https://events:port", "has no valid host or port"),
        ("EVENTHUB_EMAIL_URL", "sendmail", "must be a URL"),
        ("EVENTHUB_CLOCK_INTERVAL", "0", "must be between 0.05 and 3600"),
        ("EVENTHUB_JOB_LOG_KEPT_DAYS", "0", "must be between 1 and 3650"),
        ("EVENTHUB_NOTIFICATIONS_KEPT_DAYS", "29", "must be 0 (for ever) or at least 30, got 29"),
        ("EVENTHUB_NOTIFICATIONS_KEPT_DAYS", "-1", "must be between 0 and 36500"),
        ("EVENTHUB_IDEMPOTENCY_KEPT_HOURS", "23", "must be between 24 and 8760"),
        ("EVENTHUB_CLOCK_INTERVAL", "nan", ""),
        ("EVENTHUB_FONT_DIRS", f"/{os.pathsep}/no/fonts", "has /no/fonts, which is no folder"),
        ("EVENTHUB_PENDING_BOOKING_TTL", "1.5", "Not a valid integer"),
        ("EVENTHUB_MOCK_PAYMENT_SUCCESS_RATE", "1.1", "must be between 0 and 1"),
        ("EVENTHUB_PAYMENT_GATEWAYS", "cash=mock", "must be method=gateway"),
        ("EVENTHUB_PAYMENT_GATEWAYS", "mock", "must be method=gateway"),
        ("EVENTHUB_LOG_LEVEL", "LOUD", "must be one of DEBUG"),
        ("EVENTHUB_LOG_FORMAT", "xml", "must be one of text, json"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "must be a URL that starts with http: or https:"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://", "names no host"),
        ("SENTRY_DSN", "https://sentry.example.com/1", "must be a DSN such as https://key@"),
        ("SENTRY_DSN", "https://key@sentry.example.com", "must be a DSN such as https://key@"),
        ("EVENTHUB_COMMIT", "a b", "must be a commit or another name of a build"),
        ("EVENTHUB_CURRENCY", "EURO", "three letters"),
        ("EVENTHUB_CURRENCY", "UDS", "three letters"),
        ("EVENTHUB_TIME_ZONE", "CEST", "must be an IANA time zone, such as Europe/Berlin or UTC, got CEST"),
        ("EVENTHUB_CURRENCY", "kwd", "must be a currency with at most 2 decimal places, and KWD has 3"),
        ("EVENTHUB_CURRENCY", "BHD", "at most 2 decimal places"),
        ("EVENTHUB_TAX_RATE", "7.0001", "must have at most three decimal places, got 7.0001"),
        ("EVENTHUB_TAX_RATE", "100.5", "must be between 0 and 100, got 100.5"),
        ("EVENTHUB_TAX_RATE", "nan", ""),
        ("EVENTHUB_PAYMENT_PAGE", "/payments/{id}", "must be the URL of a page, as in https://events"),
        ("EVENTHUB_PAYMENT_PAGE", "https:///payments/{id}", "must be the URL of a page"),
        ("EVENTHUB_PAYMENT_PAGE", "http://[::/{id}", "has no valid host or port"),
        ("EVENTHUB_BOOKING_PAGE", "ftp://a.example/{id}", "must be the URL of a page"),
        ("EVENTHUB_BOOKING_PAGE", "https://a.example/", "with {id} where the id goes"),
        ("EVENTHUB_PASSWORD_RESET_PAGE", "https://a.example/", "with {token} where the token goes"),
        ("EVENTHUB_ACCESS_LOG", "perhaps", "Not a valid boolean"),
    ],
)
def test_a_bad_variable_is_one_clear_line(name: str, value: str, told: str) -> None:
    (line,) = problems(**{name: value})
    assert line.startswith(f"{name}: ")
    assert told in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("environ", "commit"),
    [
        ({}, ""),
        ({"EVENTHUB_COMMIT": "mine", "SOURCE_VERSION": "816a83b"}, "mine"),
        ({"EVENTHUB_COMMIT": "", "HEROKU_SLUG_COMMIT": "816a83b"}, "816a83b"),
        ({"SOURCE_VERSION": "built on Monday", "GIT_COMMIT": "816a83b"}, "816a83b"),
    ],
)
def test_the_commit_is_what_the_platform_says_unless_told_otherwise(
    environ: dict[str, str], commit: str
) -> None:
    assert read(**environ).commit == commit


def test_every_mistake_is_told_at_once() -> None:
    lines = problems(PORT="x", DATABASE_URL="", EVENTHUB_SECRET_KEY="short")
    assert {line.partition(":")[0] for line in lines} == {"PORT", "DATABASE_URL", "EVENTHUB_SECRET_KEY"}


def test_pages_of_a_front_end_get_the_id_or_are_none() -> None:
    settings = read(EVENTHUB_PAYMENT_PAGE="https://a.example/pay?payment={id}")
    assert settings.payment_url(7) == "https://a.example/pay?payment=7"
    assert settings.booking_url(7) == ""


def test_stripe_needs_its_keys_and_serves_its_methods_alone() -> None:
    lines = problems(EVENTHUB_PAYMENT_GATEWAYS="credit_card=stripe,bank_transfer=stripe")
    assert [line.partition(":")[0] for line in lines] == [
        "EVENTHUB_STRIPE_API_KEY",
        "EVENTHUB_STRIPE_WEBHOOK_SECRET",
        "EVENTHUB_PAYMENT_GATEWAYS",
    ]
    keys = {"EVENTHUB_STRIPE_API_KEY": "sk_test_1", "EVENTHUB_STRIPE_WEBHOOK_SECRET": "whsec_1"}
    settings = read(EVENTHUB_PAYMENT_GATEWAYS="credit_card=stripe", **keys)
    assert "sk_test_1" not in repr(settings)
    assert "whsec_1" not in repr(settings)


def test_the_environment_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTHUB_MARK", "kept")
    monkeypatch.setenv("PORT", "1234")
    before = dict(os.environ)
    assert read().port == 8000
    problems(PORT="x")
    assert dict(os.environ) == before
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    assert read_settings().port == 1234


def test_no_secret_shows_in_a_printed_settings_object() -> None:
    assert "x" * 32 not in repr(read())
    assert "u:p@" not in repr(read())


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("s3://bucket", None),
        ("s3://my-bucket/a/b?endpoint=https://s3.example.com&region=eu-west-1", None),
        ("file:", None),
        ("file:/elsewhere", "must be file: or s3://bucket/prefix"),
        ("s3://", "must be file: or s3://bucket/prefix"),
        ("s3://key:secret@bucket/", "credentials come from AWS_ACCESS_KEY_ID"),
        ("s3://bucket/../x", "must be file: or s3://bucket/prefix"),
        ("s3://bucket?endpoint=s3.example.com", "has an endpoint that is no URL"),
        ("s3://bucket?acl=public", "has acl; the options are endpoint and region"),
        ("https://s3.example.com/bucket", "must be file: or s3://bucket/prefix"),
    ],
)
def test_where_files_go_is_checked_at_start(url: str, problem: str | None) -> None:
    if problem is None:
        assert read(EVENTHUB_STORAGE_URL=url).storage_url == url
        return
    (line,) = problems(EVENTHUB_STORAGE_URL=url)
    assert line.startswith("EVENTHUB_STORAGE_URL: ")
    assert problem in line
    assert "key:secret" not in line


@pytest.mark.parametrize(
    ("name", "value", "extra"),
    [
        ("EVENTHUB_STORAGE_URL", "s3://bucket", "s3"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "otel"),
        ("SENTRY_DSN", "https://key@sentry.example.com/1", "sentry"),
    ],
)
def test_what_is_wanted_without_its_extra_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, extra: str
) -> None:
    assert read(**{name: value})
    monkeypatch.setattr("eventhub.settings.parsers.find_spec", lambda _: None)
    (line,) = problems(**{name: value})
    assert line == f"{name}: needs the extra {extra}: pip install 'eventhub[{extra}]'"


@pytest.mark.parametrize("missing", ["nowhere", "nowhere.below", "opentelemetry.nowhere.below"])
def test_half_an_extra_is_none(missing: str) -> None:
    """Other libraries may bring a part of it; and who looks for a module imports the packages around it."""
    with pytest.raises(parsers.Unusable, match="needs the extra otel"):
        parsers._require_extra("otel", "opentelemetry.sdk", missing)
