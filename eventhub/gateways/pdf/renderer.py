"""Draws PDFs with typst, in this process and off the event loop."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import typst

from eventhub.gateways.pdf import content
from eventhub.services.documents import CertificateDocument, InvoiceDocument, RenderingFailed

TEMPLATES = {path.name: path.read_bytes() for path in Path(__file__).parent.glob("*.typ")}
CJK_FONT_DIR = Path(str(resources.files("noto_cjk_sans_jp_regular")))


class TypstDocumentRenderer:
    """A DocumentRenderer; make one per process and keep it, for its compiler holds the parsed fonts.

    typst releases the GIL but refuses a second compilation on the same compiler (`Already borrowed`), so all
    of them run on one thread of its own, a few milliseconds each. System fonts are ignored: a document looks
    the same on every machine. Fonts in `font_dirs` draw what the built-in ones cannot (Thai, Tamil, …).
    """

    def __init__(self, font_dirs: Sequence[Path] = ()) -> None:
        self._font_dirs = [CJK_FONT_DIR, *font_dirs]
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pdf")
        self._compiler: typst.Compiler | None = None

    async def certificate(self, document: CertificateDocument) -> bytes:
        issued_at = datetime.combine(document.issued_on, time(), UTC)
        return await self._run(
            partial(self._draw, "certificate.typ", content.certificate, document, issued_at)
        )

    async def invoice(self, document: InvoiceDocument) -> bytes:
        return await self._run(
            partial(self._draw, "invoice.typ", content.invoice, document, document.issued_at)
        )

    def close(self) -> None:
        """Wait for what is being drawn and end the thread."""
        self._thread.shutdown()

    async def _run(self, work: Callable[[], bytes]) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _draw(
        self, template: str, describe: Callable[[Any], dict[str, Any]], document: Any, issued_at: datetime
    ) -> bytes:
        """Return the PDF of `template`; a person's text reaches it as a JSON file and so is never typst code.

        A file and not `sys_inputs`: new inputs make typst forget what it knows of the template (6 ms, not 11).
        """
        files: Any = {
            **TEMPLATES,
            "main.typ": TEMPLATES[template],
            "data.json": orjson.dumps(describe(document)),
        }
        try:
            pdf = self._warm_compiler().compile(files, format="pdf", timestamp=int(issued_at.timestamp()))
        except typst.TypstError as error:
            raise RenderingFailed(f"{template}: {error.diagnostic}") from error
        if not isinstance(pdf, bytes):
            raise RenderingFailed(f"{template}: the compiler returned {type(pdf).__name__} instead of a PDF")
        return pdf

    def _warm_compiler(self) -> typst.Compiler:
        if self._compiler is None:
            fonts = typst.Fonts(include_system_fonts=False, font_paths=self._font_dirs)
            self._compiler = typst.Compiler(font_paths=fonts)
        return self._compiler
