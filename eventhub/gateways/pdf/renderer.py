"""Draws PDFs with typst, in this process and off the event loop."""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, time
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import orjson
import typst

from eventhub.gateways.pdf import content, text
from eventhub.services.ports.documents import CertificateDocument, InvoiceDocument, RenderingFailed

log = logging.getLogger(__name__)

TEMPLATES = {path.name: path.read_bytes() for path in Path(__file__).parent.glob("*.typ")}
CJK_FONT_DIR = Path(str(resources.files("noto_cjk_sans_jp_regular")))
SYSTEM_FONT_DIRS = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts"),
    *("/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts"),  # macOS
)
# An archive takes no box for a letter (PDF/A), so typst says which letters no font has; it costs no time, and 3 kB.
ARCHIVAL: Literal["a-2b"] = "a-2b"
_WITHOUT_GLYPH = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_ESCAPED = re.compile(r"\\u\{([0-9a-fA-F]+)\}")


class TypstDocumentRenderer:
    """A DocumentRenderer; make one per process and keep it, for its compilers hold the parsed fonts.

    typst releases the GIL but refuses a second compilation on the same compiler (`Already borrowed`), so all
    of them run on one thread of its own, a few milliseconds each. A document in the scripts that the built-in fonts are
    made for looks the same on every machine. Only another one is drawn with the fonts in `font_dirs` as well, by default
    the system's: they are looked through then for the first time (0.1 s for three hundred).
    """

    def __init__(self, font_dirs: Sequence[Path] | None = None) -> None:
        self._font_dirs = font_dirs
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pdf")
        self._compilers: dict[bool, typst.Compiler] = {}

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

        A letter that no font has is drawn as a box: the log names its script, and nobody's name.
        """
        data = describe(document)
        scripts = text.scripts(orjson.dumps(data).decode())
        draw = partial(self._compile, template, issued_at=issued_at)
        if scripts <= text.BUILT_IN_SCRIPTS:
            with suppress(typst.TypstError):
                return draw({**data, "fonts": []}, is_wide=False, standards=[ARCHIVAL])
        data["fonts"] = text.font_families(scripts)
        try:
            return draw(data, is_wide=True, standards=[ARCHIVAL])
        except typst.TypstError as error:
            complaint = error
        try:
            pdf = draw(data, is_wide=True, standards=[])
        except typst.TypstError as error:
            raise RenderingFailed(f"{template}: {error.diagnostic}") from error
        _warn(data["title"], complaint)
        return pdf

    def _compile(
        self,
        template: str,
        data: dict[str, Any],
        *,
        issued_at: datetime,
        is_wide: bool,
        standards: Sequence[Literal["a-2b"]],
    ) -> bytes:
        """Return the PDF, or raise TypstError.

        The data are a file and not `sys_inputs`: new inputs make typst forget what it knows of the template (6 ms, not 11).
        """
        files: Any = {
            **TEMPLATES,
            "main.typ": TEMPLATES[template],
            "data.json": orjson.dumps(data),
        }
        pdf = self._compiler(is_wide=is_wide).compile(
            files, format="pdf", timestamp=int(issued_at.timestamp()), pdf_standards=[*standards]
        )
        if not isinstance(pdf, bytes):
            raise RenderingFailed(f"{template}: the compiler returned {type(pdf).__name__} instead of a PDF")
        return pdf

    def _compiler(self, *, is_wide: bool) -> typst.Compiler:
        if is_wide not in self._compilers:
            more = self._more_fonts() if is_wide else ()
            # What is in these folders comes after what typst brings: the built-in fonts stay the first choice.
            fonts = typst.Fonts(include_system_fonts=False, font_paths=[CJK_FONT_DIR, *more])
            self._compilers[is_wide] = typst.Compiler(font_paths=fonts)
        return self._compilers[is_wide]

    def _more_fonts(self) -> list[Path]:
        named = map(Path, SYSTEM_FONT_DIRS) if self._font_dirs is None else self._font_dirs
        return [folder for path in named if (folder := path.expanduser()).is_dir()]


def _warn(title: str, complaint: typst.TypstError) -> None:
    missing = _ESCAPED.sub(
        lambda match: chr(int(match[1], 16)), "".join(_WITHOUT_GLYPH.findall(complaint.diagnostic))
    )
    if not missing:
        log.warning("%s is no PDF/A: %s", title, complaint.message)
        return
    log.warning(
        "%s: no font draws %d of its letters (%s), so they are boxes. Install fonts that do, or name their folder in "
        "EVENTHUB_FONT_DIRS",
        title,
        len(missing),
        ", ".join(sorted(text.scripts(missing))) or "symbols",
    )
