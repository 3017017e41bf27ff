"""How hard a password is to guess, told in a process of its own (`passwords.py`): zxcvbn's words take 14 MB."""

import orjson
from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE, enumerate_l33t_subs, relevant_l33t_subtable

GOOD_SCORE = 2  # of 0 to 4: more than a million guesses
MAX_LENGTH = 72  # that zxcvbn takes
# zxcvbn tries every way to read symbols as letters, over the whole text. Hundreds of ways take it seconds, so of what is
# nearly all such symbols the beginning decides.
MANY_READINGS = 100
MAX_LENGTH_OF_SYMBOLS = 32
HOUSE_WORDS = ("eventhub", "event hub", "event-hub", "event_hub", "event.hub")
HELP = "Add another word or two: uncommon words are best."


def answer(question: bytes) -> bytes:
    """Return what is wrong with a password, in sentences; empty if it will do. The question is its arguments in JSON."""
    return problem(*orjson.loads(question)).encode()


def problem(password: str, *own_words: str) -> str:
    """Return what is wrong with `password`, where words that are its owner's own are guessed first."""
    readings = len(enumerate_l33t_subs(relevant_l33t_subtable(password, L33T_TABLE)))
    length = MAX_LENGTH_OF_SYMBOLS if readings > MANY_READINGS else MAX_LENGTH
    words = [word[:length] for word in (*own_words, *HOUSE_WORDS) if word]
    result = zxcvbn(password[:length], user_inputs=words)
    if result["score"] >= GOOD_SCORE:
        return ""
    if any(match.get("dictionary_name") == "user_inputs" for match in result["sequence"]):
        why = "Your name, your address and the name of this service are guessed first."
    else:
        why = result["feedback"]["warning"]
    return " ".join(filter(None, ("Is too weak.", why, HELP)))
