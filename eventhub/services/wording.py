"""How messages say where an event takes place."""


def where(location: str, *, is_online: bool) -> str:
    """Return the place, and that it is online, or that neither is known yet."""
    return " and ".join(filter(None, [location, "online" if is_online else ""])) or "to be announced"
