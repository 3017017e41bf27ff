"""Mails in the words of the templates, and calendar files, as this installation sends them."""

from collections.abc import Sequence

from eventhub.gateways.mail import build_sender
from eventhub.gateways.mail.ics import booking_uid, calendar_event
from eventhub.gateways.mail.render import Site, calendar_attachment, compose
from eventhub.services.ports.mail import Attachment, Mail, MailComposer
from eventhub.services.ports.mail_contents import CalendarEntry, Content
from eventhub.settings import Settings


def build_composer(settings: Settings) -> MailComposer:
    """Return what puts mails into words in this installation's name, or raise SettingsError."""
    return TemplateComposer(build_site(settings))


def build_site(settings: Settings) -> Site:
    """Return how this installation calls itself in mails: the name in `email_from`, links to `links_base`."""
    sender = build_sender(settings)
    return Site(name=sender.name or "Event Hub", url=settings.links_base, sender_address=sender.address)


class TemplateComposer:
    """Composes mails that name `site`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def compose(
        self,
        content: Content,
        *,
        key: str,
        to_address: str,
        unsubscribe_url: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Mail:
        return compose(
            content,
            self._site,
            key=key,
            to_address=to_address,
            unsubscribe_url=unsubscribe_url,
            attachments=attachments,
        )

    def calendar_file(self, entry: CalendarEntry) -> Attachment:
        file = calendar_event(
            entry.event,
            uid=booking_uid(entry.booking_id, self._site.domain),
            sequence=entry.sequence,
            stamped_at=entry.stamped_at,
            organizer_address=self._site.sender_address,
            attendee_name=entry.attendee_name,
            attendee_address=entry.attendee_address,
            url=entry.url,
            is_cancelled=entry.is_cancelled,
        )
        return calendar_attachment(file, is_cancelled=entry.is_cancelled)
