"""Lists of what belongs to people: people see their own rows, and those who run an event see all of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventhub.database import Queries
from eventhub.errors import NotFound
from eventhub.services.access import Right, Viewer, may_sql
from eventhub.services.listing import Listing, Page, PageRequest, Params, fetch_page


@dataclass(frozen=True, slots=True)
class OwnedListing:
    """A list whose rows each belong to one person; others see a row if they have `right` over its event.

    `owner` is the SQL of that person's id. The list's source joins the event as `e`.
    """

    listing: Listing
    owner: str
    right: Right

    def is_seen_by(self, viewer: Viewer, owner_id: int, event: Mapping[str, Any]) -> bool:
        return owner_id == viewer.id or viewer.may(event, self.right)

    def _seen_by(self, viewer: Viewer, params: Params) -> str:
        """Return the condition that `is_seen_by` is."""
        viewer_id, user_type = params.add(viewer.id), params.add(viewer.user_type)
        return f"({self.owner} = {viewer_id} OR {may_sql(self.right, viewer_id, user_type)})"

    async def fetch_page(
        self,
        queries: Queries,
        viewer: Viewer,
        request: PageRequest,
        *,
        params: Params | None = None,
        where: Sequence[str] = (),
    ) -> Page:
        """Return a page of the viewer's own rows; with `event`, of everybody's for it where the viewer has the right."""
        params = params or Params()
        if "event" in request.filters:
            seen = self._seen_by(viewer, params)
        else:
            seen = f"{self.owner} = {params.add(viewer.id)}"
        return await fetch_page(queries, self.listing, request, params=params, where=[seen, *where])

    async def get(
        self,
        queries: Queries,
        viewer: Viewer,
        value: int,
        *,
        key: str = "",
        more_columns: str = "",
        params: Params | None = None,
    ) -> dict[str, Any]:
        """Return the row with this id, or with this value of `key`. Raises NotFound where the viewer may not see it."""
        params = params or Params()
        seen = self._seen_by(viewer, params)
        row = await queries.fetch_one(
            f"SELECT {self.listing.columns}{more_columns} FROM {self.listing.source} "
            f"WHERE {seen} AND {key or self.listing.id} = {params.add(value)}",
            *params.values,
        )
        if row is None:
            raise NotFound
        return dict(row)
