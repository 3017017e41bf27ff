"""Texts are folded and cut into words by PostgreSQL; what is typed is folded alike, in every block of Unicode."""

import random
import re
import sys
import unicodedata

import pytest

from eventhub.database import Database
from eventhub.models.words import MAX_WORD, SEPARATOR, SPACELESS, WITHIN_WORDS, folded, folded_words, words_of
from eventhub.services import listing

_WORDS = words_of("text").expression
_IS_SEPARATOR = re.compile(SEPARATOR).fullmatch
# Characters that both know: PostgreSQL has a newer Unicode than Python.
KNOWN = [
    character
    for character in map(chr, range(1, sys.maxunicode + 1))
    if unicodedata.category(character) not in {"Cn", "Cs", "Co"}
]


async def test_postgresql_folds_every_character_as_what_is_typed_is_folded(database: Database) -> None:
    rows = await database.fetch(
        f"SELECT text, {folded('text')} AS folded, {folded(folded('text'))} AS again FROM unnest($1::text[]) text",
        # Between other letters, where a capital sigma or what combines might be another.
        [f"a{character}b" for character in KNOWN],
    )
    assert [row["text"] for row in rows if row["folded"] != listing.folded(row["text"])] == []
    assert [row["text"] for row in rows if row["again"] != row["folded"]] == []


def test_letters_fold_to_letters_and_never_into_two_words() -> None:
    typed = [character for character in KNOWN if not _IS_SEPARATOR(character)]
    assert [character for character in typed if " " in listing.folded(character)] == []
    # Counted as they are typed, composed or not.
    assert [c for c in KNOWN if bool(_IS_SEPARATOR(c)) != bool(_IS_SEPARATOR(listing.composed(c)[0]))] == []


def test_letters_and_digits_are_no_separators_and_signs_of_ascii_are() -> None:
    letters = [c for c in KNOWN if unicodedata.category(c) in {"Lu", "Ll", "Lo", "Nd"}]
    assert [c for c in letters if _IS_SEPARATOR(c) and " " not in listing.folded(c)] == []
    ascii_ = [chr(code) for code in range(1, 128)]
    assert [c for c in ascii_ if bool(_IS_SEPARATOR(c)) == c.isalnum()] == []
    assert all(_IS_SEPARATOR(c) for c in "…—“„»·•°€™→♥★☕🎉👍\u200d\ufe0f、。「」・\uff01\uff1f॥؟،־\u0589።។၊")
    assert not any(_IS_SEPARATOR(c) for c in "\u0301åßØ々ー\u3007ꯀ")


@pytest.mark.parametrize(
    ("text", "lexemes"),
    [
        ("", ""),
        ("!? …", ""),
        ("Zürich, Straße & ŁÓDŹ: Ærø", "aero lodz strasse zurich"),
        ("東京開発者会議", "京開発 会議 東京開 発者会 者会議 議 開発者"),
        ("私のPython3会", "python3会 のpython3会 会 私のpython3"),
        ("Node会 node", "node node会 会"),
        ("㈱ ｶﾞ \u2f47", "ガ 日 株"),
    ],
)
async def test_words_are_kept_folded_and_in_threes(database: Database, text: str, lexemes: str) -> None:
    assert await _lexemes(database, text) == lexemes.split()


async def _lexemes(database: Database, text: str) -> list[str]:
    lexemes: list[str] = await database.fetch_value(
        f"SELECT tsvector_to_array({_WORDS}) FROM (SELECT $1::text AS text) t", text
    )
    return sorted(lexemes)


_begins_words = re.compile(SPACELESS).match
_ALPHABET = "aÄb1 -東京会ーがガ한กุ\u1000ß㈱½\u0301🎉."


async def test_a_search_finds_just_where_each_word_begins_one(database: Database) -> None:
    drawn = random.Random(1)

    def text(most: int) -> str:
        return "".join(drawn.choices(_ALPHABET, k=drawn.randint(0, most)))

    texts = [text(25) for _ in range(400)] + [
        "東京 京都",
        "東京会 京会議",
        "はははは",
        "会" * 30,
        f"a会{'x' * 300}b",
    ]
    # Some are made of what is there, some of the like.
    queries = [text(6) for _ in range(150)] + [
        "東京都",
        "東京会議",
        "ははははは",
        f"a会{'x' * 300}",
        "議会",
        "会 東",
    ]
    for _ in range(300):
        start, source = drawn.randint(0, 20), drawn.choice(texts)
        queries.append(source[start : start + drawn.randint(1, 9)])
    hits = 0
    for query in queries:
        words = listing.search_words(listing.composed(query))
        if words:
            expected = {
                text for text in texts if all(_has(text, word) for word in listing.composed(query).split())
            }
            assert await _found(database, texts, words) == expected, query
            hits += bool(expected)
    assert hits > 200


def _has(text: str, typed: str) -> bool:
    """Whether every word in what is typed begins one in `text`, looked for place by place."""
    spaced = re.sub(f"{SEPARATOR}+", " ", text)
    folded_text = re.sub(WITHIN_WORDS, "", listing.folded(spaced))
    words = [re.sub(WITHIN_WORDS, "", listing.folded(word)) for word in re.split(f"{SEPARATOR}+", typed)]
    return all(any(_begins(folded_text, at, word) for at in range(len(folded_text) + 1)) for word in words)


def _begins(text: str, at: int, word: str) -> bool:
    at_a_start = at == 0 or text[at - 1] == " " or _begins_words(text[at - 1]) or _begins_words(text, at)
    return bool(at_a_start) and text.startswith(word, at)


async def _found(database: Database, texts: list[str], words: list[listing.Word]) -> set[str]:
    wholes = [word.whole for word in words if word.whole is not None]
    rows = await database.fetch(
        f"SELECT text FROM unnest($1::text[]) text WHERE {_WORDS} @@ $2::text::tsquery "
        f"AND (SELECT coalesce(bool_and(strpos({folded_words('text')}, whole) > 0), true) FROM unnest($3::text[]) whole)",
        texts,
        " & ".join(word.tsquery for word in words),
        wholes,
    )
    return {row["text"] for row in rows}


LONG = {
    "one letter": "a" * 20_000,
    "Latin": " ".join(f"word{number}" for number in range(2_500))[:20_000],
    "Han": "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(20_000)),
    "Han of four bytes": "".join(chr(0x20000 + number * 7919 % 40_000) for number in range(20_000)),
    "Thai": "".join(chr(0xE01 + number * number % 57) for number in range(20_000)),
    "Kana of ligatures": "".join(chr(0x3300 + number * number % 87) for number in range(20_000)),
    "mixed": "".join(f"{chr(0x4E00 + number)}{'x' * (number % 300)}" for number in range(130))[:20_000],
    "emoji": "🎉" * 20_000,
    "ligatures": "\ufdfb\ufdf5" * 10_000,
}


@pytest.mark.parametrize("name", LONG)
async def test_the_longest_text_has_its_words_to_its_end(database: Database, name: str) -> None:
    text = LONG[name]
    assert len(text) <= 20_000
    lexemes = await _lexemes(database, f"{text} last 最後")
    assert {"last", "最後", "後"} <= set(lexemes) or name == "Kana of ligatures"
    assert max(map(len, lexemes)) <= MAX_WORD
