"""Demo data: a dozen events with people, so that every list shows something."""

from eventhub.demo.fill import fill, has_documented_logins, logins

__all__ = ["fill", "has_documented_logins", "logins"]
