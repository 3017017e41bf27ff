"""What is outside: whether storage, mail server and gateways do for Event Hub what they are there for."""

from collections.abc import Mapping
from contextlib import suppress

from eventhub.errors import NotFound
from eventhub.findings import Finding, away, ok
from eventhub.services.ports.mail import Mailer, MailError
from eventhub.services.ports.payments import GatewayUnavailable, PaymentGateway
from eventhub.services.ports.storage import FileStorage, new_name


async def look_at_storage(storage: FileStorage, where: str) -> list[Finding]:
    """Return whether a file can be written, read and deleted; none is left."""
    name, data = new_name("checks", "png"), b"written by eventhub check"
    try:
        await storage.put(name, data, "image/png")
        read = await storage.get(name)
        await storage.delete(name)
    except NotFound:
        return [away(f"{where} has lost a file as soon as it was written")]
    except OSError as error:
        with suppress(OSError):
            await storage.delete(name)
        return [away(f"{where}: {error}")]
    if read != data:
        return [away(f"{where} gives back something else than was written")]
    return [ok(f"{where} takes, returns and deletes files")]


async def look_at_mail(mailer: Mailer) -> list[Finding]:
    """Return whether mails would be taken; none is sent."""
    try:
        return [ok(await mailer.check())]
    except MailError as error:
        return [away(error.detail)]
    finally:
        await mailer.close()


async def look_at_gateways(gateways: Mapping[str, PaymentGateway]) -> list[Finding]:
    """Return for each gateway whether it would take payments; none is made."""
    found = []
    for name, gateway in gateways.items():
        try:
            found.append(ok(f"{name}: {await gateway.check()}"))
        except GatewayUnavailable as error:
            found.append(away(f"{name}: {error}"))
        finally:
            await gateway.close()
    return found or [ok("no payment method is set: nothing that costs money can be booked")]
