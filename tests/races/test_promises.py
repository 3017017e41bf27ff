"""However many clocks look for what is owed, each promise is kept once."""

import asyncio

from eventhub.database import Transaction
from eventhub.services import notifications
from tests.api import Api
from tests.money import organizer_and_payer, reserve


async def test_a_clock_that_looked_while_another_had_a_mail_sent_has_none_sent_again(api: Api) -> None:
    """The first looks; before it commits, the second looks, and all that it asks for is done."""
    organizer, person = await organizer_and_payer(api)
    await reserve(person, await organizer.create_event())
    await api.run_jobs()
    api.mailer.sent.clear()
    await api.database.execute("UPDATE notifications SET mail_owed = true")
    has_looked, other_is_done = asyncio.Event(), asyncio.Event()

    async def look(tx: Transaction) -> int:
        return await notifications.mail_stalled(tx)

    async def first() -> int:
        async with api.database.transaction() as tx:
            found = await look(tx)
            has_looked.set()
            await other_is_done.wait()
        return found

    async def second() -> int:
        await has_looked.wait()
        async with api.database.transaction() as tx:
            found = await look(tx)
        await api.run_jobs()
        other_is_done.set()
        return found

    found = list(await asyncio.gather(first(), second()))
    assert found == [1, 0]
    await api.run_jobs()
    assert len(api.mailer.sent) == 1
