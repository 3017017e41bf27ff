"""What `eventhub up` does once, in a process of its own that gives its memory back: the schema and the demo data.

It prints who can sign in, as JSON: [name, password, kind] of each.
"""

import asyncio
import json
import sys

from eventhub import demo, logs
from eventhub.database import UnavailableErrors, migrate
from eventhub.errors import EventHubError
from eventhub.processes import exit_with_supervisor, unwind_on_signals
from eventhub.settings import read_settings

NO_DEMO = "--no-demo"


def main() -> int:
    unwind_on_signals()
    exit_with_supervisor()
    settings = read_settings()
    logs.configure("up", "WARNING", settings.log_format)
    try:
        asyncio.run(migrate(settings.direct_url, pooler=settings.direct_pooler))
        if NO_DEMO not in sys.argv:
            asyncio.run(demo.fill(settings))
        can_sign_in = asyncio.run(demo.has_documented_logins(settings))
    except (EventHubError, *UnavailableErrors) as error:
        print(f"eventhub: {getattr(error, 'detail', None) or error}", file=sys.stderr)
        return 1
    print(json.dumps(list(demo.logins()) if can_sign_in else []))
    return 0


if __name__ == "__main__":
    sys.exit(main())
