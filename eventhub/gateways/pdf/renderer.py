"""Has PDFs drawn by typst in a process of its own (`drawing.py`), which keeps the 50 MB of its fonts to itself."""

import logging
import pickle
from collections.abc import Sequence
from pathlib import Path

import orjson

from eventhub.sandbox import Crashed, Exhausted, Limits, Sandbox
from eventhub.services.ports.documents import CertificateDocument, InvoiceDocument, RenderingFailed

log = logging.getLogger(__name__)

# A page takes milliseconds, the longest invoice a second. The process starts within half a second, and stays for those
# that come soon after.
_typst = Sandbox(
    "eventhub.gateways.pdf.drawing",
    Limits(cpu_seconds=10, memory_bytes=2 * 1024**3, seconds=30.0),
    places=1000,
    idle_seconds=30.0,
)


class TypstDocumentRenderer:
    """A DocumentRenderer. Scripts beyond the built-in fonts' are drawn with those in `font_dirs`, by default the system's."""

    def __init__(self, font_dirs: Sequence[Path] | None = None) -> None:
        self._font_dirs = None if font_dirs is None else tuple(font_dirs)

    async def certificate(self, document: CertificateDocument) -> bytes:
        return await self._drawn(document)

    async def invoice(self, document: InvoiceDocument) -> bytes:
        return await self._drawn(document)

    async def _drawn(self, document: CertificateDocument | InvoiceDocument) -> bytes:
        try:
            answer = await _typst.ask(pickle.dumps((document, self._font_dirs)))
        except (Exhausted, Crashed) as error:
            raise RenderingFailed(f"{document.number}: typst was ended ({error!r})") from error
        head, _, pdf = answer.partition(b"\n")
        said = orjson.loads(head)
        if "failed" in said:
            raise RenderingFailed(f"{document.number}: {said['failed']}")
        if said["warning"]:
            log.warning("%s", said["warning"])
        return pdf
