"""What a booking in lines takes in, before any rule looks at it."""

import pytest
from marshmallow import ValidationError

from eventhub.schemas.bookings import BookingRequest, TicketHolder


def test_more_people_than_there_can_be_tickets_are_refused_before_they_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[object] = []
    monkeypatch.setattr(TicketHolder, "_do_load", lambda _self, data, **_: looked_at.append(data))
    items = [{"ticket_type": n, "quantity": 60, "attendees": [{"name": "A"}] * 60} for n in (1, 2)]
    with pytest.raises(ValidationError) as refused:
        BookingRequest().load({"event": 1, "items": items})
    assert refused.value.messages == {"items": ["At most 100 tickets in all."]}
    assert looked_at == []


@pytest.mark.parametrize(
    "items", [None, "x", 1, {}, [None], ["x"], [{"attendees": "x"}], [{"attendees": None}], [[{}] * 200]]
)
def test_what_is_no_list_of_people_is_left_to_the_fields(items: object) -> None:
    with pytest.raises(ValidationError) as refused:
        BookingRequest().load({"event": "x", "items": items})
    assert "event" in refused.value.messages
