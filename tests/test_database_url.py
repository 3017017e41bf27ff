"""DATABASE_URL as libpq reads it, and what nobody could mean by it, refused with a sentence."""

import pytest

from eventhub.database_url import BadUrl, Host, parse


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgres://u:p@a:5432,b:5433/db", (Host("a", 5432), Host("b", 5433))),
        ("postgres://u:p@a,b:5433/db", (Host("a", None), Host("b", 5433))),
        ("postgres://u@[::1]:5432,[::2]/db", (Host("::1", 5432), Host("::2", None))),
        ("postgres:///db?host=a,b&port=1,2", (Host("a", 1), Host("b", 2))),
        ("postgres:///db?host=a,b&port=7", (Host("a", 7), Host("b", 7))),
        ("postgres://u@/db?host=/run/postgresql", (Host("/run/postgresql", None),)),
        ("postgres://u@%2Frun%2Fpostgresql/db", (Host("/run/postgresql", None),)),
        ("postgresql:///db", (Host(None, None),)),
    ],
)
def test_servers_are_named_in_each_way_that_libpq_knows(url: str, hosts: tuple[Host, ...]) -> None:
    address = parse(url)
    assert address.hosts == hosts
    assert address.database == "db"


def test_who_signs_in_is_decoded() -> None:
    address = parse("postgres://o%40ps:p%2Fw%3A@db/event%20hub?sslmode=require")
    assert (address.user, address.password, address.database) == ("o@ps", "p/w:", "event hub")
    assert parse("postgres://db?user=u&password=hush&dbname=x").password == "hush"
    assert address.options == {"sslmode": "require"}


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("a,b/db?target_session_attrs=writable", "target_session_attrs=writable, which must be one of any,"),
        ("a/db?pgbouncer=true", "has pgbouncer after the ?; the options are target_session_attrs,"),
        ("a/db?sslmode=maybe", "sslmode=maybe, which must be one of disable"),
        ("a/db?sslmode=verify-full", "needs sslrootcert="),
        ("a/db?sslrootcert=/nowhere.pem", "which must be a file that can be read"),
        ("a/db?connect_timeout=soon", "which must be a whole number from 1"),
        ("a/db?channel_binding=require", "which must be one of prefer, disable"),
        ("a/db?host=b", "names servers twice"),
        ("a,,b/db", "one of them is empty"),
        ("/db?host=a,b&port=1,2,3", "has 3 ports for 2 hosts"),
        ("a:0/db", "no valid host or port"),
        ("a:70000/db", "no valid host or port"),
        ("/db?host=a&port=x", "no valid host or port"),
        ("u:hu?sh@a/db", "no valid host or port"),
        ("u:1?hush@a/db", "has something unreadable after the ?"),
        ("u:hu#sh@a/db", "has a # that is not percent-encoded"),
    ],
)
def test_what_nobody_could_mean_is_refused_without_the_password(rest: str, told: str) -> None:
    with pytest.raises(BadUrl) as refused:
        parse(f"postgres://{rest}")
    assert told in str(refused.value)
    assert "hu" not in str(refused.value)


def test_another_scheme_is_refused() -> None:
    with pytest.raises(BadUrl, match="starts with postgres: or postgresql:"):
        parse("mysql://db/x")
