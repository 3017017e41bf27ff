"""What the people who run Event Hub look at and do: the figures of now, one booking's story, acts by hand, a check-up.

The ops page and the commands show the same. Nothing here asks who may: the page is for admins, the commands for whoever
has the database.
"""
