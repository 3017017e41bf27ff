"""Who is asking."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventhub.errors import Forbidden
from eventhub.models.users import UserType


@dataclass(frozen=True, slots=True)
class Viewer:
    """The user behind a request; `id` 0 and no type for anonymous ones.

    As remembered for up to 15 s: what changes rights or moves money asks `auth.look_again` first.
    """

    id: int = 0
    user_type: str = ""
    sign_in_id: int = 0

    @property
    def is_admin(self) -> bool:
        return self.user_type == UserType.ADMIN

    @property
    def is_organizer(self) -> bool:
        """Whether the viewer may create events at all."""
        return self.user_type in {UserType.ORGANIZER, UserType.ADMIN}

    def manages(self, organizer_id: int) -> bool:
        """Whether the viewer may do what the organizer with this id may: who no longer is one manages nothing."""
        return self.is_admin or (self.is_organizer and self.id == organizer_id)

    def sees(self, event: Mapping[str, Any]) -> bool:
        """Whether the viewer may see the event (a row with `published_at` and `organizer_id`) at all.

        One that was never published is its organizer's alone, also once it is cancelled.
        """
        return event["published_at"] is not None or self.manages(event["organizer_id"])


ANONYMOUS = Viewer()


def manages_sql(viewer_id: str, user_type: str, organizer: str = "e.organizer_id") -> str:
    """Return the condition that `Viewer.manages` is, in SQL: placeholders of the viewer's id and `user_type`."""
    return (
        f"({user_type}::text = '{UserType.ADMIN}' "
        f"OR {organizer} = {viewer_id} AND {user_type}::text = '{UserType.ORGANIZER}')"
    )


def require(allowed: bool, detail: str) -> None:
    """Raise Forbidden with `detail` unless `allowed`."""
    if not allowed:
        raise Forbidden(detail)
