"""An address gets no more mails than it may, however many workers mail it at once."""

import asyncpg

from eventhub.models.jobs import SEND_NOTIFICATION
from tests.cluster import Cluster
from tests.races.books import all_jobs_done, enqueue, lined_up, user_id

MAILS = 20
AT_ONCE = 4  # so many the worker does at the same time, at least


async def test_of_the_mails_that_leave_at_once_an_address_gets_as_many_as_it_may(running: Cluster) -> None:
    (person,) = await running.people(1)
    ((address,),) = await running.sql("SELECT email FROM users WHERE id = $1", user_id(person))
    await running.sql(_HAS_HAD, address, 4)
    notes = await running.sql(_NOTES, user_id(person), MAILS)
    connection = await asyncpg.connect(running.environ["DATABASE_URL"])
    try:
        # Nobody takes the last place before several have come for it.
        async with connection.transaction():
            await connection.execute("LOCK TABLE mailed_notices IN EXCLUSIVE MODE")
            for note in notes:
                await enqueue(running, SEND_NOTIFICATION, notification_id=note["id"])
            await lined_up(running, [], AT_ONCE)
    finally:
        await connection.close()
    await all_jobs_done(running)
    folder = running.folder / "data" / "mail"
    mails = [mail for mail in folder.glob("*.eml") if f"To: <{address}>" in mail.read_text()]
    assert 4 + len(mails) == 5


_HAS_HAD = """
INSERT INTO mailed_notices (address, key, sent_at) SELECT $1, 'notice:before-' || n, now() FROM generate_series(1, $2::int) n
"""
_NOTES = """
INSERT INTO notifications (user_id, notification_type, title, message, key, is_read, created_at)
SELECT $1, 'system_announcement', 'News', 'News', 'news:' || n, false, now() FROM generate_series(1, $2::int) n
RETURNING id
"""
