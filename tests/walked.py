"""What the API answered on a walk, comparable with another walk: ids, times and what is drawn at random are taken out.

`golden_walk.jsonl` is what the document's walk was answered before anything stood beside the document: a client that uses
the documented keys alone gets the same for ever. `UPDATE_GOLDEN=1` writes it anew: read what has changed.
"""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden_walk.jsonl"
# What single objects have behind their documented keys, since there is more than the document; lists have none of it.
NEW_KEYS = {"timezone", "lines"}

_ID_KEYS = {"id", "organizer", "event", "user", "speaker", "booking", "payment_id", "author", "certificate"}
_DRAWN = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"), "<time>"),
    (re.compile(r"EVH-[A-Z0-9]{12}"), "<transaction>"),
    (re.compile(r"CERT-\d+-\d+-[A-Z0-9]{6}"), "<certificate>"),
    (re.compile(r"(INV|CRN)-\d{4}-"), r"\1-<year>-"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    (re.compile(r"\b(Event|event|Booking) \d+"), r"\1 <id>"),
    (re.compile(r"/certificates/\d+/"), "/certificates/<id>/"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<here>"),
)
_IN_PATH = (
    (re.compile(r"/\d+/"), "/<id>/"),
    (re.compile(r"(event|speaker)=\d+"), r"\1=<id>"),
    (re.compile(r"search=[a-z0-9]{6}&"), "search=<part>&"),
)


class Trace:
    """The answers of one walk. `set_aside` are the seats of events, by their ids, that reserved ticket types have taken."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.set_aside: dict[int, int] = {}
        self._places: defaultdict[str, dict[int, int]] = defaultdict(dict)

    def add(self, method: str, path: str, status: int, data: Any) -> None:
        if isinstance(data, dict) and "available_spots" in data:
            event_id = data["id"] if "id" in data else int(path.split("/")[3])
            data = {**data, "available_spots": data["available_spots"] + self.set_aside.get(event_id, 0)}
        name = "invoices" if path.endswith("/receipt/") else path.split("/")[2]
        shown = _replaced(f"{method} {path}", (*_IN_PATH, *_DRAWN))
        self.answers.append({"request": shown, "status": status, "answer": self._plain(data, name)})

    def _plain(self, value: Any, name: str) -> Any:
        """Return `value` without what differs from walk to walk; an id becomes its place among those of its `name`."""
        match value:
            case dict():
                return {
                    key: self._place(item, name if key == "id" else key)
                    if key in _ID_KEYS
                    else self._plain(item, key)
                    for key, item in value.items()
                }
            case list():
                return [self._plain(item, name) for item in value]
            case str():
                return _replaced(value, _DRAWN)
        return value

    def _place(self, value: Any, name: str) -> Any:
        if type(value) is not int:
            return self._plain(value, name)
        places = self._places[name]
        return f"<{name} {places.setdefault(value, len(places) + 1)}>"


def _replaced(text: str, patterns: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in patterns:
        text = pattern.sub(replacement, text)
    return text


def documented(answers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the answers as text, a line each, without the new keys that single objects end with."""
    return [json.dumps({**each, "answer": _without_new_keys(each["answer"])}) for each in answers]


def _without_new_keys(answer: Any) -> Any:
    if not isinstance(answer, dict):
        return answer
    kept = list(answer.items())
    while kept and kept[-1][0] in NEW_KEYS:
        kept.pop()
    return dict(kept)
