"""What the `aerich` command reads: the database of DATABASE_URL."""

import os

from eventhub.database.migrations import aerich_config

TORTOISE_ORM = aerich_config(os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/eventhub"))
