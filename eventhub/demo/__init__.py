"""Demo data: a dozen events with people, so that every list shows something."""

from eventhub.demo.fill import fill, has_documented_logins, has_known_admin, logins

__all__ = ["fill", "has_documented_logins", "has_known_admin", "logins"]
