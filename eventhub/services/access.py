"""Who is asking, and what they may see and do: the table of rights over events, for Python and for SQL."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from eventhub.database import Queries, Row
from eventhub.errors import EventHubError, Forbidden, Invalid, NotFound
from eventhub.models.users import UserType
from eventhub.services.listing import Params


class Right(Enum):
    """What may be done with an event beyond what everybody may. Any of these rights lets its holder see the draft."""

    EDIT = auto()  # change the event, its state and its sessions, and see its links
    PEOPLE = auto()  # see its bookings with their requirements, its waitlist and its certificates
    MONEY = auto()  # see its payments and invoices, record transfers, refund; so confirm and cancel bookings
    GATE = auto()  # record who came
    HAND_OVER = auto()  # give it another organizer


@dataclass(frozen=True, slots=True)
class Role:
    """A row of the table of rights: what users of some types may do with the events that name them, or with all.

    `ids` is SQL over `events e` for the id of the user that an event names, or with `is_list` for an array of ids. Rows
    with `event_columns` hold its value as `key`. A role without them is for all events.
    """

    rights: frozenset[Right]
    user_types: frozenset[UserType]
    key: str = ""
    ids: str = ""
    is_list: bool = False

    def is_held_by(self, viewer: "Viewer", event: Mapping[str, Any]) -> bool:
        return viewer.user_type in self.user_types and (not self.key or self._names(event, viewer.id))

    def _names(self, event: Mapping[str, Any], user_id: int) -> bool:
        named = event[self.key]
        return user_id in named if self.is_list else user_id == named

    def sql(self, viewer: str, user_type: str) -> str:
        """Return the condition that `is_held_by` is."""
        types = ", ".join(f"'{name}'" for name in sorted(self.user_types))
        is_of_type = f"{user_type}::text IN ({types})"
        return f"{self.names_sql(viewer)} AND {is_of_type}" if self.key else is_of_type

    def names_sql(self, viewer: str) -> str:
        return f"{viewer} = ANY({self.ids})" if self.is_list else f"{self.ids} = {viewer}"


# To manage an event it is not enough to be its organizer: one still has to be an organizer at all.
ROLES = (
    Role(frozenset(Right), frozenset({UserType.ADMIN})),
    Role(
        frozenset(Right) - {Right.HAND_OVER},
        frozenset({UserType.ORGANIZER}),
        key="organizer_id",
        ids="e.organizer_id",
    ),
)

IS_PUBLIC = "e.published_at IS NOT NULL"


def event_columns() -> str:
    """Return the columns of `events e` that rights are decided by."""
    return ", ".join(["e.published_at", *(f"{role.ids} AS {role.key}" for role in ROLES if role.key)])


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

    def may(self, event: Mapping[str, Any], right: Right) -> bool:
        """Whether the viewer has a right over the event, a row with `event_columns`."""
        return any(right in role.rights and role.is_held_by(self, event) for role in ROLES)

    def sees(self, event: Mapping[str, Any]) -> bool:
        """Whether the viewer may see the event, a row with `event_columns`, at all.

        One that was never published is for those alone who have a right over it, also once it is cancelled.
        """
        return event["published_at"] is not None or any(role.is_held_by(self, event) for role in ROLES)


ANONYMOUS = Viewer()


def may_sql(right: Right, viewer: str, user_type: str) -> str:
    """Return the condition that `Viewer.may` is, in SQL over `events e`: placeholders of the viewer's id and type."""
    held = [role.sql(viewer, user_type) for role in ROLES if right in role.rights]
    return f"({' OR '.join(held) or 'false'})"


def sees_sql(viewer: str, user_type: str) -> str:
    """Return the condition that `Viewer.sees` is, likewise."""
    return f"({' OR '.join([IS_PUBLIC, *(role.sql(viewer, user_type) for role in ROLES)])})"


def seen_by(viewer: Viewer, params: Params) -> list[str]:
    """Return the same condition for one viewer, which their type decides in part: so public reads have plans of their own."""
    roles = [role for role in ROLES if viewer.user_type in role.user_types]
    if not all(role.key for role in roles):
        return []
    if not roles:
        return [IS_PUBLIC]
    viewer_id = params.add(viewer.id)
    return [f"({' OR '.join([IS_PUBLIC, *(role.names_sql(viewer_id) for role in roles)])})"]


def require(allowed: bool, detail: str) -> None:
    """Raise Forbidden with `detail` unless `allowed`."""
    if not allowed:
        raise Forbidden(detail)


async def find_event(queries: Queries, event_id: int) -> Row | None:
    """Return the `event_columns` of an event, which stays unlocked; None where it does not exist."""
    return await queries.fetch_one(f"SELECT {event_columns()} FROM events e WHERE e.id = $1", event_id)


async def find_events(queries: Queries, event_ids: Sequence[int]) -> Mapping[int, Row]:
    """Return the same of several, by their ids."""
    rows = await queries.fetch(
        f"SELECT e.id, {event_columns()} FROM events e WHERE e.id = ANY($1::bigint[])", event_ids
    )
    return {row["id"]: row for row in rows}


def check_sees(viewer: Viewer, event: Row | None, absent: Callable[[], EventHubError] = NotFound) -> Row:
    """Return the event. Raises what `absent` makes where there is none that the viewer may see: both look the same."""
    if event is None or not viewer.sees(event):
        raise absent()
    return event


def check_may(
    viewer: Viewer,
    event: Row | None,
    right: Right,
    detail: str,
    absent: Callable[[], EventHubError] = NotFound,
) -> Row:
    """Return the event to a viewer with this right: 404 for what one may not see, 403 for what one may see but not do.

    Raises Forbidden with `detail`, and what `check_sees` raises.
    """
    event = check_sees(viewer, event, absent)
    require(viewer.may(event, right), detail)
    return event


def no_such_event() -> Invalid:
    """Return the refusal of a body that names an event which its sender may not see, or which does not exist."""
    return Invalid({"event": ["No event with this id exists."]})


async def check_user(queries: Queries, viewer: Viewer, user_id: int) -> None:
    """Raise NotFound where the viewer may not see a user with this id."""
    if not await queries.fetch_value(
        "SELECT true FROM users WHERE id = $1 AND (is_active OR $2::boolean)", user_id, viewer.is_admin
    ):
        raise NotFound
