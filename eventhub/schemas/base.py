"""Event Hub's own fields: money, times, ids and text, strict about what comes in, exact in what goes out."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from marshmallow import EXCLUDE, Schema, fields, missing, validate

from eventhub import localized
from eventhub.services import addresses, usernames
from eventhub.services.listing import AMOUNT, MAX_ID, BadValue, composed, parse_moment
from eventhub.services.passwords import MIN_LENGTH

MAX_TITLE = 200
MAX_TEXT = 20_000


class Base(Schema):
    """Unknown and read-only keys are ignored: a client may send back what it got.

    `example` is what the API's description shows.
    """

    example: ClassVar[Mapping[str, Any]] = {}
    error_messages = {"type": "Must be a JSON object."}

    class Meta:
        unknown = EXCLUDE


class Array(fields.List[Any]):
    """From `least` to `most` items. A list of another length is refused before any of its items is looked at."""

    def __init__(self, item: fields.Field[Any], *, most: int, least: int = 0, **options: Any) -> None:
        self._length = validate.Length(min=least or None, max=most)
        super().__init__(item, validate=self._length, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            self._length(value)
        return super()._deserialize(value, *args, **kwargs)


class Text(fields.String):
    """Text without NUL characters, which PostgreSQL cannot store; `max_length` in characters, as sent and composed (NFC)."""

    default_error_messages = {"nul": "Must not hold NUL characters."}

    def __init__(self, *, max_length: int = MAX_TEXT, min_length: int = 0, **options: Any) -> None:
        self._length = validate.Length(min=min_length or None, max=max_length)
        super().__init__(**{**options, "validate": [*options.get("validate", ()), self._length]})

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\0" in text:
            raise self.make_error("nul")
        # What is stored may be shorter, without the white space around it; the description counts what is sent.
        self._length(text)
        return composed(text)


class Name(Text):
    """A title or a person's name: white space is stripped around it, and is none where one is required."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip()


class EmailAddress(Text):
    """A mail address, in the one form in which it is stored and compared; white space is stripped around it."""

    default_error_messages = {"address": "Not a valid email address. {reason}"}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=254, metadata={"format": "email"}, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return addresses.of_person(text)
        except addresses.BadAddress as error:
            raise self.make_error("address", reason=str(error)) from None


class OwnEmailAddress(Text):
    """The same for a person who may have an older form already and may send it back: services/users.py checks it."""

    def __init__(self) -> None:
        super().__init__(max_length=254, metadata={"format": "email"})


class NewUsername(Text):
    """A name to sign in by and to be known by, of letters of one script; white space is stripped around it."""

    default_error_messages = {
        "scripts": "Must be of letters of one script: Latin and Cyrillic ones, for example, do not mix."
    }

    def __init__(self) -> None:
        letters = validate.Regexp(
            r"(?:[^\W_]|[.+\-_])+\Z", error="May hold letters, digits and . + - _ only."
        )
        super().__init__(required=True, min_length=1, max_length=150, validate=[letters])

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = usernames.plain(super()._deserialize(value, attr, data, **kwargs))
        if not usernames.is_of_one_script(text):
            raise self.make_error("scripts")
        return text


class NewPassword(Text):
    """A password to be: the rules for it, with the username in hand, are in services/passwords.py."""

    def __init__(self) -> None:
        rules = (
            "At least 8 characters, not only digits, and not easy to guess: two or three uncommon words are good, "
            "names, addresses, common passwords and repetitions are not."
        )
        super().__init__(
            required=True, max_length=1024, metadata={"minLength": MIN_LENGTH, "description": rules}
        )


class Whole(fields.Integer):
    """A whole number from `low` to `high`; 3.0 is one as in JSON Schema, true and 1.5 are none."""

    def __init__(self, low: int, high: int, **options: Any) -> None:
        error = options.pop("error", f"Must be a whole number from {low} to {high}.")
        super().__init__(strict=True, validate=validate.Range(low, high, error=error), **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Id(Whole):
    """The id of another resource."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, MAX_ID, error="Must be an id: a whole number from 1.", **options)


class Flag(fields.Boolean):
    """true or false, nothing that resembles them."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Money(fields.Field[Decimal]):
    """An exact amount with at most two places; a string ("29.99") or a number comes in, a string goes out.

    Of a string what is written counts ("29.990" has three places), of a number its value: 29.990 is 29.99.
    """

    default_error_messages = {
        "invalid": "Must be an amount such as 29.99.",
        "places": "Must have at most two decimal places.",
        "range": "Must be from {minimum} to {maximum}.",
    }

    def __init__(self, *, minimum: str = "0", maximum: str = "99999999.99", **options: Any) -> None:
        super().__init__(**options)
        self.minimum = Decimal(minimum)
        self.maximum = Decimal(maximum)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 40:
            raise self.make_error("invalid")
        text = str(value)
        if not AMOUNT.fullmatch(text):
            raise self.make_error("invalid")
        amount = Decimal(text)
        if not self.minimum <= amount <= self.maximum:
            raise self.make_error("range", minimum=self.minimum, maximum=self.maximum)
        written = -int(amount.as_tuple().exponent) if isinstance(value, str) else 0
        if written > 2 or amount != round(amount, 2):
            raise self.make_error("places")
        return round(amount, 2)


class Moment(fields.DateTime):
    """ISO 8601; any offset comes in and none means UTC, UTC with Z goes out.

    A date alone is none: what ends "on the 3rd" would end as that day begins. The years that there may be are in
    services/times.py.
    """

    default_error_messages = {
        "moment": "Not a valid time, such as 2026-12-27T14:00:00Z.",
        "date": "Must say the time of day too, such as 2026-12-27T14:00:00Z.",
    }

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        if not isinstance(value, str):
            raise self.make_error("moment")
        try:
            moment = parse_moment(value)
        except BadValue:
            raise self.make_error("moment") from None
        if _is_date(value):
            raise self.make_error("date")
        return moment


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


_is_web_address = validate.URL(
    schemes={"http", "https"}, require_tld=False, error="Must be an http or https URL, or empty."
)


class WebAddress(Text):
    """An http or https URL, or nothing."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=500, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).strip()
        if text:
            _is_web_address(text)
        return text


class PictureUpload(fields.Raw):
    """A picture file in a form; null removes the one there is. Other JSON is ignored, as the URL that was sent out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_none=True, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Any:
        return value if isinstance(value, bytearray) else missing


class PictureUrl(fields.String):
    """Where a picture is served, or null. Rows hold the file's name; the answer makes it a URL."""

    def __init__(self) -> None:
        super().__init__(required=True, allow_none=True)


class TimeZone(Text):
    """The IANA name of a time zone, in any case; it is kept as it is spelled."""

    default_error_messages = {"zone": "Must be an IANA time zone, such as Europe/Berlin or UTC."}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, **options)

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        zone = localized.find_zone(super()._deserialize(value, attr, data, **kwargs))
        if zone is None:
            raise self.make_error("zone")
        return zone


@cache
def picture_uploads(schema: type[Schema]) -> tuple[str, ...]:
    """Return the names of the fields through which `schema` takes pictures in."""
    return tuple(name for name, field in schema().fields.items() if isinstance(field, PictureUpload))


@cache
def picture_urls(schema: type[Schema]) -> tuple[str, ...]:
    """Return the names of the fields in which `schema` gives pictures out."""
    return tuple(name for name, field in schema().fields.items() if isinstance(field, PictureUrl))


def from_form(schema: type[Schema], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form's texts stand for in the fields of `schema`.

    An empty text is an absent value where no text is asked for. What stands for nothing stays as it is, for the
    schema to refuse.
    """
    known = schema().fields
    values = {name: _from_text(known.get(name), text) for name, text in texts.items()}
    return {name: value for name, value in values.items() if value is not missing}


_FLAGS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


def _from_text(field: fields.Field[Any] | None, text: str) -> Any:
    if not isinstance(field, Flag | fields.Integer | Money | Moment):
        return text
    bare = text.strip()
    if not bare:
        return missing
    if isinstance(field, Flag):
        return _FLAGS.get(bare.lower(), text)
    if isinstance(field, fields.Integer):
        return int(bare) if bare.isascii() and bare.removeprefix("-").isdigit() and len(bare) <= 20 else text
    return bare
