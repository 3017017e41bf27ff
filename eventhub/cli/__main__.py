"""What `python -m eventhub.cli` runs."""

import sys

from eventhub.cli import main

sys.exit(main())
