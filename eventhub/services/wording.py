"""How messages say when and where an event takes place."""

from datetime import datetime


def when(start: datetime, end: datetime) -> str:
    """Return both times, as in 2026-12-01 18:00 to 2026-12-01 20:00 UTC."""
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"


def where(location: str, *, is_online: bool) -> str:
    """Return the place, and that it is online, or that neither is known yet."""
    return " and ".join(filter(None, [location, "online" if is_online else ""])) or "to be announced"
