"""Addresses and usernames: which are taken, their one form, and that the mailer refuses nothing that was taken."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventhub.gateways.mail.mime import mailbox, message_bytes
from eventhub.services import addresses, usernames
from eventhub.services.ports.mail import Mail, message_id

SENDER = mailbox("Event Hub", "no-reply@localhost")
MAIL = Mail(message_id=message_id("test", "example.com"), to_address="", to_name="", subject="s", text="t")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("john@example.com", "john@example.com"),
        (" \u3000John.D+tag@EXAMPLE.Com\n", "John.D+tag@example.com"),
        ("a@b\u00fccher.example", "a@b\u00fccher.example"),
        ("a@B\u00dcCHER\u3002example", "a@b\u00fccher.example"),
        ("a@xn--bcher-kva.example", "a@b\u00fccher.example"),
        ("A@XN--BCHER-KVA.example", "A@b\u00fccher.example"),
        ("jose\u0301@x.test", "jos\u00e9@x.test"),
        ("a@mail.local", "a@mail.local"),
        ("a@intra.net.internal", "a@intra.net.internal"),
        ("a@localhost", "a@localhost"),
        ("!#$%&'*+/=?^_`{|}~-@x.org", "!#$%&'*+/=?^_`{|}~-@x.org"),
        ("x" * 64 + "@x.org", "x" * 64 + "@x.org"),
    ],
)
def test_an_address_has_one_form(typed: str, stored: str) -> None:
    assert addresses.of_person(typed) == addresses.of_person(stored) == stored
    assert addresses.one_form(typed) == stored
    assert stored in addresses.spellings(typed)


@pytest.mark.parametrize(
    "typed",
    [
        *('"a,b"@x.org', '"a"@x.org', "a@[127.0.0.1]", "a@[IPv6:::1]", "a@127.0.0.1", "a@x.1"),
        *("x" * 65 + "@x.org", "\u00fc" * 33 + "@x.org", "a@" + "x" * 64 + ".org"),
        "a@" + ".".join(["x" * 60] * 4) + ".example.org",
        *("", "a", "a@", "@x.org", "a@x", "a b@x.org", "a..b@x.org", ".a@x.org", "a@x..org", "a@-x.org"),
        *("a@b@x.org", "Ann <a@x.org>", "a(b)@x.org", "a,b@x.org", "a\u202eb@x.org", "\ud800@x.org"),
        *("a@x_y.org", "a@xn--\u00fc.org", "a@xn--zzzzzzzz-.org", "a\0b@x.org"),
    ],
)
def test_what_mail_servers_do_not_take_is_no_address(typed: str) -> None:
    with pytest.raises(addresses.BadAddress):
        addresses.of_person(typed)
    assert addresses.one_form(typed) == typed
    assert addresses.spellings(typed) == [typed]


PART = st.text(
    st.one_of(st.sampled_from("aZ0.-+_'\"\\,@[]() \u00fc\u0130\u00df\u03c2\u3002\uff21"), st.characters())
)
LIKELY = st.tuples(st.one_of(PART, st.just("ann")), st.one_of(PART, st.just("b\u00fccher"))).map(
    lambda parts: f"{parts[0]}@{parts[1]}.example"
)


@given(typed=st.one_of(LIKELY, st.emails(), st.text()))
@settings(max_examples=1500, deadline=None)
def test_the_mailer_takes_every_address_that_an_account_may_have(typed: str) -> None:
    try:
        stored = addresses.of_person(typed)
    except addresses.BadAddress:
        return
    assert addresses.of_person(stored) == stored
    assert len(stored) <= 254
    sent = message_bytes(replace(MAIL, to_address=stored), SENDER, datetime(2030, 1, 1, tzinfo=UTC))
    assert f"To: <{mailbox('', typed).address}>".encode() in sent


@pytest.mark.parametrize(
    "name",
    [
        "john_doe",
        "zo\u00eb.m\u00fcller",
        "\u0141ukasz",
        "\u0438\u0432\u0430\u043d-7",
        "\u540d\u524d",
        "Tokyo\u6771\u4eac\u30e9\u30fc\u30e1\u30f3",
        "\uae40Kim",
        "007",
        "me+1",
    ],
)
def test_names_of_one_script_are_plain(name: str) -> None:
    assert usernames.is_of_one_script(name)
    assert usernames.plain(name) == name


@pytest.mark.parametrize(
    "name", ["\u0430dmin", "admi\u03bf", "p\u0430yp\u0430l", "\u0433\u03bf\u0433", "\uae40\u30e9", "\u0561bc"]
)
def test_names_that_mix_scripts_are_told(name: str) -> None:
    assert not usernames.is_of_one_script(name)


def test_letters_in_other_clothes_are_the_letters() -> None:
    assert usernames.plain("\uff41dm\u2170n") == usernames.plain("\U0001d41admin") == "admin"
