"""Where a line that is too long is cut."""

import pytest

from eventhub.gateways.mail.text import shortened


@pytest.mark.parametrize(
    ("text", "limit", "said"),
    [
        ("abc def", 7, "abc def"),
        ("abc def", 6, "abc d…"),
        ("abcde fgh", 8, "abcde…"),
        ("a bcdefghij", 8, "a bcdef…"),
        ("a\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}x", 3, "a…"),
        ("ae\N{COMBINING ACUTE ACCENT}x", 3, "a…"),
    ],
)
def test_a_line_is_cut_between_words_where_one_ends_in_its_second_half(
    text: str, limit: int, said: str
) -> None:
    assert shortened(text, limit) == said
