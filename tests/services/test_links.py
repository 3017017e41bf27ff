"""What counts as a link, and which names a mail may bear."""

import pytest

from eventhub.services.links import display_name, has_link


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "collect at HTTPS://evil.example/claim",
        "mailto://x",
        "www.evil",
        "see WWW.evil.example",
        "evil.example/claim",
        "evil.example:8080/claim",
        "a (evil.example/)",
        "bücher.example/x",
        "evil。example/x",
        "evil\uff0eexample\uff0fx",  # full-width, which mail programs take for the usual ones
        "h\uff54tp\uff1a//evil",
    ],
)
def test_a_link_is_seen(text: str) -> None:
    assert has_link(text)
    assert display_name(text) == ""


@pytest.mark.parametrize(
    "text",
    ["", "Ann Lee", "Room 1/2", "J. R. R. Tolkien", "Dr. No / M.", "3.5/5", "O'Neill, Jr.", "name.example"],
)
def test_a_name_or_a_room_is_no_link(text: str) -> None:
    assert not has_link(text)
    assert display_name(text) == text


@pytest.mark.parametrize("text", ["Ann\nBcc: x", "Ann\r\nLee", "Ann\u2028Lee", "Ann\x85Lee"])
def test_a_name_of_several_lines_is_none(text: str) -> None:
    assert display_name(text) == ""
