"""Jobs of certificates and their files."""

from collections.abc import Iterator
from contextlib import contextmanager

from eventhub.models.jobs import DELETE_FILE, ISSUE_CERTIFICATES, RENDER_CERTIFICATE
from eventhub.services import certificates
from eventhub.workers.kinds import does
from eventhub.workers.runner import Run, TryAgain


@does(ISSUE_CERTIFICATES)
async def issue_certificates(run: Run, event_id: int, after_booking: int = 0) -> None:
    async with run.transaction() as tx:
        await certificates.issue(tx, event_id, after_booking)


@does(RENDER_CERTIFICATE)
async def render_certificate(run: Run, certificate_id: int) -> None:
    """Draw the PDF, keep it under the certificate's number, tell the owner: a second try writes the same file again."""
    document, name = await certificates.to_draw(run.database, certificate_id, run.settings.links_base)
    pdf = await run.resources.documents.certificate(document)
    with _storage():
        await run.resources.storage.put(name, pdf, "application/pdf")
    async with run.transaction() as tx:
        is_recorded = await certificates.record_pdf(tx, certificate_id, name)
        if not is_recorded:
            tx.enqueue(DELETE_FILE, name=name)


@does(DELETE_FILE)
async def delete_file(run: Run, name: str) -> None:
    with _storage():
        await run.resources.storage.delete(name)


@contextmanager
def _storage() -> Iterator[None]:
    """In this block a storage that does not do its part is to be tried again."""
    try:
        yield
    except OSError as error:
        raise TryAgain(f"the storage does not do its part: {error}") from error
