"""Mails in the words of the templates, and calendar files, as this installation sends them."""

from collections.abc import Sequence

from eventhub.gateways.mail.ics import booking_uid, calendar_event
from eventhub.gateways.mail.render import Site, calendar_attachment, compose
from eventhub.services.ports.mail import Attachment, Mail
from eventhub.services.ports.mail_contents import CalendarEntry, Content


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
