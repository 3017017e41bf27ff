"""What the `aerich` command reads: the database of DATABASE_URL."""

import os

from eventhub.database import tortoise_config

TORTOISE_ORM = tortoise_config(os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/eventhub"))
