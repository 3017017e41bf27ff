"""What counts as a link, and which names a mail may bear."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eventhub.database import Database
from eventhub.services.links import display_name, has_link, has_link_sql

WITH = (
    "https://evil.example",
    "collect at HTTPS://evil.example/claim",
    "mailto://x",
    "www.evil",
    "see WWW.evil.example",
    "evil.example/claim",
    "evil.example:8080/claim",
    "a (evil.example/)",
    "b\u00fccher.example/x",
    "evil\u3002example/x",
    "evil\uff0eexample\uff0fx",  # full-width, which mail programs take for the usual ones
    "h\uff54tp\uff1a//evil",
    "EVIL.EXAMPLE/X",
    "xn--mnchen-3ya.xn--p1ai/x",
    "evil.example./x",
    "first line\nevil.example/x",
)
WITHOUT = (
    "",
    "Ann Lee",
    "Main Hall",
    "Room 1/2",
    "Room A/B",
    "Hall A.12/B",
    "Halle 2./3. Stock",
    "J. R. R. Tolkien",
    "Dr. No / M.",
    "3.5/5",
    "O'Neill, Jr.",
    "name.example",
    "person@mail.example",
    "w w w .",
)


@pytest.mark.parametrize("text", WITH)
def test_a_link_is_seen(text: str) -> None:
    assert has_link(text)
    assert display_name(text) == ""


@pytest.mark.parametrize("text", WITHOUT)
def test_a_name_or_a_room_is_no_link(text: str) -> None:
    assert not has_link(text)
    assert display_name(text) == text


@pytest.mark.parametrize("text", ["Ann\nBcc: x", "Ann\r\nLee", "Ann\u2028Lee", "Ann\x85Lee"])
def test_a_name_of_several_lines_is_none(text: str) -> None:
    assert display_name(text) == ""


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
