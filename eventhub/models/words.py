"""Texts as they are searched and sorted: folded letters, and the words in them, as PostgreSQL computes them.

`services/listing/words.py` does the same to what is typed.
"""

from eventhub.models.base import GeneratedField

# Words are runs of letters and digits. The class is spelled out instead of [^[:alnum:]], which depends on the
# database's locale: everything in ASCII that is no letter or digit, the punctuation of living scripts, symbols, emoji and
# what selects their form separate words; all else is part of one.
_SEPARATORS = (
    r"\u0021-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb-\u00bf\u00d7\u00f7"
    r"\u02c2-\u02c5\u02d2-\u02df\u037a\u037e\u0384\u0385\u0387\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3"
    r"\u05f4\u0606-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0700-\u070f\u0964\u0965\u0970\u0df4\u0e3f\u0e4f\u0e5a\u0e5b"
    r"\u0f01-\u0f17\u0f3a-\u0f3d\u104a-\u104f\u10fb\u1360-\u1368\u1400\u166d\u166e\u1680\u17d4-\u17d6\u17d8-\u17db"
    r"\u1800-\u180a\u180e\u1fbd\u1fbf-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed-\u1fef\u1ffd\u1ffe\u2000-\u206f"
    r"\u207a-\u207e\u208a-\u208e\u20a0-\u20ff\u2100\u2101\u2103-\u2106\u2108\u2109\u2114\u2116-\u2118\u211e-\u2123"
    r"\u2125\u2127\u2129\u212e\u213a\u213b\u2140-\u2144\u214a-\u214d\u214f\u2190-\u2bff\u2e00-\u2e2e\u2e30-\u2e7f"
    r"\u2ff0-\u3004\u3008-\u3020\u3030\u3037\u303d-\u303f\u309b\u309c\u30a0\u30fb\ua4fe\ua4ff\ua60d-\ua60f\ua92e\ua92f"
    r"\ua9c1-\ua9cd\uaaf0\uaaf1\uabeb\ufc5e-\ufc63\ufd3e\ufd3f\ufdfa\ufdfb\ufe00-\ufe70\ufe72\ufe74\ufe76\ufe78\ufe7a"
    r"\ufe7c\ufe7e\ufeff\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\ufffd"
    "\U0001f000-\U0001faff\U000e0001-\U000e01ef"
)
SEPARATOR = rf"[\u0001-\u0020{_SEPARATORS}]"
# Without what lies beyond 16 bits, which JavaScript's patterns take for two characters each.
SEPARATOR_OF_16_BITS = f"{SEPARATOR[: SEPARATOR.index(chr(0x1F000))]}]"
# What the compatible form of a letter brings with it: the brackets of ㈱.
WITHIN_WORDS = rf"[\u0001-\u001f{_SEPARATORS}]+"

# Scripts that write no space between words (Han, Kana, Hangul, Thai, Lao, Khmer, Burmese): each character begins one.
SPACELESS = (
    r"[\u3005-\u3007\u3021-\u3029\u3031-\u303c\u3041-\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff\u0e01-\u0e5b"
    r"\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\ua9e0-\ua9fe\uaa60-\uaa7f"
    "\U0001aff0-\U0001b16f\U00020000-\U0003ffff]"
)

MARKS = r"[\u0300-\u036f]+"
# Letters that no decomposition takes apart, among them the dotless i, and the sigma that ends a word.
ONE_FOR_ONE = {"ø": "o", "ł": "l", "đ": "d", "\u0131": "i", "ς": "\u03c3"}
TWO_FOR_ONE = {"ß": "ss", "æ": "ae", "œ": "oe"}

# How many characters of such scripts (or runs of others among them) are kept together as one lexeme.
GRAM = 3
# Lexemes may have 2,046 bytes, a tsvector 1 MiB of them: enough for all that an event may say, but for texts that
# consist of ligatures.
MAX_WORD = 200
MAX_FOLDED = 60_000


def folded(text: str) -> str:
    """Return the SQL for `text` in small letters without their marks (NFKD less U+0300 to U+036F), composed again."""
    sql = f"regexp_replace(lower(normalize({text}, NFKD)), '{MARKS}', '', 'g')"
    sql = f"translate({sql}, '{''.join(ONE_FOR_ONE)}', '{''.join(ONE_FOR_ONE.values())}')"
    for letter, letters in TWO_FOR_ONE.items():
        sql = f"replace({sql}, '{letter}', '{letters}')"
    return f"normalize({sql}, NFC)"


def folded_words(text: str) -> str:
    """Return the SQL for the words of `text`, folded, with a space between them."""
    spaced = f"regexp_replace({text}, '{SEPARATOR}+', ' ', 'g')"
    return f"regexp_replace({folded(spaced)}, '{WITHIN_WORDS}', '', 'g')"


def _lexemes(text: str) -> str:
    """Return the SQL for the words of `text` as a `tsvector`, to search by prefixes.

    東京開発者会議 is there as 東京開, 京開発, 開発者, 発者会, 者会議, 会議 and 議: what is typed begins one of them, or is
    made of them.
    """
    sql = f"left({folded_words(text)}, {MAX_FOLDED})"
    sql = f"regexp_replace({sql}, '{SPACELESS}', '/\\&/', 'g')"
    # Each word of such a script once as it is, and once for each < without its first characters.
    copies = " ".join(f"{'<' * number}\\&" for number in range(GRAM))
    sql = f"regexp_replace({sql}, '[^ ]*/[^ ]*', '{copies}', 'g')"
    for _ in range(GRAM - 1):
        sql = f"regexp_replace({sql}, '</*[^</ ]+', '', 'g')"
    # Then cut after every third.
    sql = f"regexp_replace({sql}, '/*[^/ ]+(?:/+[^/ ]+){{0,{GRAM - 1}}}', '\\& ', 'g')"
    sql = f"regexp_replace(translate({sql}, '/<', ''), '([^ ]{{{MAX_WORD}}})[^ ]+', '\\1', 'g')"
    return f"array_to_tsvector(array_remove(string_to_array({sql}, ' '), ''))"


# A function of the database: PostgreSQL reads and plans the expression of a generated column anew in each UPDATE of its
# table, also of one that concerns other columns. This one, as it is, cost more than the rest of a booking's UPDATE.
WORDS_OF = f"CREATE FUNCTION words_of(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN {_lexemes('$1')}"


def words_of(text: str) -> GeneratedField:
    """Return a column with the words of `text`, an SQL expression, as WORDS_OF finds them."""
    return GeneratedField(f"words_of({text})", sql_type="TSVECTOR", null=True)
