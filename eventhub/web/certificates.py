"""Certificates of attendance."""

from aiohttp import web

from eventhub.schemas import certificates as schemas
from eventhub.services import certificates
from eventhub.web.call import PDF, STORAGE, Call, Route, tagged


async def index(call: Call) -> web.Response:
    """Lists your own certificates; with `event`, all certificates of an event that you organize."""
    page = await certificates.list_certificates(
        call.database, call.viewer, call.base_url(), call.page_request()
    )
    return call.reply_page(page)


async def detail(call: Call) -> web.Response:
    """Only its owner and the event's organizer can read it. `pdf_file` is null until a job has drawn it."""
    return call.reply(await certificates.get(call.database, call.viewer, call.base_url(), call.id()))


async def mark_as_downloaded(call: Call) -> web.Response:
    """Records that its owner has the certificate; marking it again is not an error."""
    async with call.transaction() as tx:
        certificate = await certificates.mark_as_downloaded(tx, call.viewer, call.base_url(), call.id())
    return call.reply(certificate)


async def reissue(call: Call) -> web.Response:
    """Only its owner can do this, after a change of name: the certificate keeps its number and gets the present name.
    A job draws the PDF anew (until then `pdf_file` is null, and there is nothing to download) and tells the owner.
    Whoever verifies the number reads `reissued_at`. If the certificate bears this name already, nothing happens.
    """
    async with call.transaction() as tx:
        certificate = await certificates.reissue(tx, call.viewer, call.base_url(), call.id())
    return call.reply(certificate)


async def download(call: Call) -> web.Response:
    """Only its owner and the event's organizer can read it: the PDF, once a job has drawn it."""
    name, number = await certificates.find_pdf(call.database, call.viewer, call.id())
    # Before it counts as downloaded: the storage may be away.
    pdf = await call.request.app[STORAGE].get(name)
    async with call.transaction() as tx:
        await certificates.mark_as_downloaded(tx, call.viewer, call.base_url(), call.id())
    return call.reply_pdf(pdf, number)


async def verify(call: Call) -> web.Response:
    """Public: 404 for a number that was never issued."""
    return call.reply(await certificates.verify(call.queries, call.request.match_info["number"]))


ROUTES = tagged(
    "Certificates",
    Route(
        "GET",
        "/api/certificates/",
        index,
        "List user's certificates",
        listing=certificates.CERTIFICATES,
        returns=schemas.CertificateListItem,
    ),
    Route(
        "GET",
        "/api/certificates/verify/{number}/",
        verify,
        "Verify a certificate's number",
        is_public=True,
        returns=schemas.Verification,
    ),
    Route("GET", "/api/certificates/{id}/", detail, "Get certificate", returns=schemas.Certificate),
    Route(
        "GET",
        "/api/certificates/{id}/download/",
        download,
        "Download a certificate's PDF",
        produces=PDF,
        refuses={409: ["not_ready"]},
    ),
    Route(
        "POST",
        "/api/certificates/{id}/mark_as_downloaded/",
        mark_as_downloaded,
        "Mark certificate as downloaded",
        returns=schemas.Certificate,
    ),
    Route(
        "POST",
        "/api/certificates/{id}/reissue/",
        reissue,
        "Reissue certificate",
        returns=schemas.Certificate,
        refuses={403: []},
    ),
)
