"""Jobs of certificates and their files."""

from collections.abc import Iterator
from contextlib import contextmanager

from eventhub.models.jobs import DELETE_FILE, ISSUE_CERTIFICATES, RENDER_CERTIFICATE
from eventhub.services import certificates
from eventhub.workers.context import JobContext, Retry
from eventhub.workers.kinds import handles


@handles(ISSUE_CERTIFICATES)
async def issue_certificates(context: JobContext, event_id: int, after_booking: int = 0) -> None:
    async with context.transaction() as tx:
        await certificates.issue(tx, event_id, after_booking)


@handles(RENDER_CERTIFICATE)
async def render_certificate(context: JobContext, certificate_id: int) -> None:
    """Draw the PDF, keep it under the certificate's number, tell the owner: a second try writes the same file again."""
    document, name = await certificates.to_draw(
        context.database, certificate_id, links_base=context.settings.links_base
    )
    pdf = await context.resources.documents.certificate(document)
    with _storage():
        await context.resources.storage.put(name, pdf, "application/pdf")
    async with context.transaction() as tx:
        is_recorded = await certificates.record_pdf(tx, certificate_id, name)
        if not is_recorded:
            tx.enqueue(DELETE_FILE, name=name)


@handles(DELETE_FILE)
async def delete_file(context: JobContext, name: str) -> None:
    with _storage():
        await context.resources.storage.delete(name)


@contextmanager
def _storage() -> Iterator[None]:
    """In this block a storage that does not do its part is to be tried again."""
    try:
        yield
    except OSError as error:
        raise Retry(f"the storage does not do its part: {error}") from error
