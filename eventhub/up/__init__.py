"""What `eventhub up` is made of: its data directory, what it does once, and the process that it then stays."""
