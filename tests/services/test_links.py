"""What has a link in it, for Python and for PostgreSQL."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eventhub.database import Database
from eventhub.services.links import has_link, has_link_sql

WITH = (
    "https://meet.example/room",
    "zoommtg://join?x=1",
    "Hall 1, or www.example.com",
    "WWW.example.com",
    "Zoom: example.com/j/123",
    "meet.example.com:8443/room",
    "EXAMPLE.COM/X",
    "m\u00fcnchen.example/x",
    "xn--mnchen-3ya.xn--p1ai/x",
    "\u4f1a\u8b70.example/x",
    "example.com./x",
    "(see a.bc/)",
    "first line\nexample.com/x",
)
WITHOUT = (
    "",
    "Main Hall",
    "Room A/B",
    "Room 3.14/2",
    "Hall A.12/B",
    "Halle 2./3. Stock",
    "Dr. Who / Hall",
    "python/django",
    "example.com",
    "person@mail.example",
    "a:b//c",
    "w w w .",
    "1/2",
    "and/or. Not",
)


@pytest.mark.parametrize("text", WITH)
def test_an_address_to_open_is_a_link(text: str) -> None:
    assert has_link(text)


@pytest.mark.parametrize("text", WITHOUT)
def test_a_room_is_no_link(text: str) -> None:
    assert not has_link(text)


PIECES = [
    *"aZw9.:/-_@ \n~[`{\x7f\x80\u00a0\u00e9\u0130\u3002\u4f1a\U0001f600",
    "www.",
    "WwW.",
    "bc",
    ":80",
    ".",
    "/",
    "a",
]


async def test_postgresql_finds_the_same_links(database: Database) -> None:
    drawn: list[str] = []

    @given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
    @hypothesis_settings(deadline=None, derandomize=True, max_examples=2000, database=None)
    def draw(text: str) -> None:
        drawn.append(text)

    draw()
    texts = [*WITH, *WITHOUT, *drawn]
    rows = await database.fetch(
        f"SELECT {has_link_sql('text')} AS found FROM unnest($1::text[]) WITH ORDINALITY AS t (text, n) ORDER BY n",
        texts,
    )
    found = [text for text, row in zip(texts, rows, strict=True) if row["found"]]
    assert found == [text for text in texts if has_link(text)]
    assert len(WITH) + 100 < len(found) < len(texts) - 100
