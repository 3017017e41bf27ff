"""The parts of an event's programme."""

from marshmallow import fields

from eventhub.schemas.base import MAX_TITLE, Base, Id, Moment, Name, Text


class SessionDetails(Base):
    """What an organizer enters for a session. Its times may be outside its event's. An event has at most 500 sessions with 1 MiB of text."""

    event = Id(required=True)
    title = Name(required=True, min_length=1, max_length=MAX_TITLE)
    description = Text()
    start_time = Moment(required=True)
    end_time = Moment(required=True)
    speaker = Id(allow_none=True)
    room_or_link = Text(max_length=300)

    example = {
        "event": 1,
        "title": "Opening Keynote",
        "description": "Opening keynote speech",
        "start_time": "2025-12-27T14:00:00Z",
        "end_time": "2025-12-27T15:00:00Z",
        "speaker": 1,
        "room_or_link": "Main Hall",
    }


class SessionChanges(SessionDetails):
    """What an organizer can change in a session. Without `event`, which lists leave out, it stays in its event."""

    event = Id()

    example = {name: value for name, value in SessionDetails.example.items() if name != "event"}


class SessionListItem(Base):
    """A session in a list and in its event; a `room_or_link` with a link is empty for everybody who does not take part."""

    id = fields.Integer(required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    start_time = Moment(required=True)
    end_time = Moment(required=True)
    speaker = fields.Integer(required=True, allow_none=True)
    speaker_name = fields.String(required=True, allow_none=True)
    room_or_link = fields.String(required=True)
    created_at = Moment(required=True)
    updated_at = Moment(required=True)

    example = {
        "id": 1,
        "title": "Session Title",
        "description": "Session description",
        "start_time": "2025-12-27T14:00:00Z",
        "end_time": "2025-12-27T15:00:00Z",
        "speaker": 1,
        "speaker_name": "Speaker Name",
        "room_or_link": "Room A",
        "created_at": "2025-12-20T12:00:00Z",
        "updated_at": "2025-12-20T12:00:00Z",
    }


class Session(SessionListItem):
    """A session by itself."""

    event = fields.Integer(required=True)

    example = {**SessionListItem.example, "event": 1}
