"""Draws PDFs with typst: what the package has done in a process of its own, one document at a time."""

import pickle
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, time
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import orjson
import typst

from eventhub.gateways.pdf import content, text
from eventhub.services.ports.documents import CertificateDocument, InvoiceDocument

Document = CertificateDocument | InvoiceDocument
FontDirs = tuple[Path, ...] | None

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


def answer(question: bytes) -> bytes:
    """Return a line of JSON, with a warning if there is one, and the PDF behind it; or with why there is none."""
    document, font_dirs = pickle.loads(question)  # noqa: S301 - from the process that started this one
    try:
        pdf, warning = _typesetter(font_dirs).draw(document)
    except typst.TypstError as error:
        return orjson.dumps({"failed": error.diagnostic})
    return orjson.dumps({"warning": warning}) + b"\n" + pdf


@cache
def _typesetter(font_dirs: FontDirs) -> "Typesetter":
    return Typesetter(font_dirs)


class Typesetter:
    """Draws documents; keep it, for its compilers hold the parsed fonts.

    A document in the scripts that the built-in fonts are made for looks the same on every machine. Only another one is
    drawn with the fonts in `font_dirs` as well, by default the system's: they are looked through then for the first time
    (0.1 s for three hundred).
    """

    def __init__(self, font_dirs: FontDirs = None) -> None:
        self._font_dirs = font_dirs
        self._compilers: dict[bool, typst.Compiler] = {}

    def draw(self, document: Document) -> tuple[bytes, str]:
        """Return the PDF and a warning, which is empty but where a letter is drawn as a box. Raises TypstError.

        A person's text reaches the template as a JSON file, and so is never typst code.
        """
        if isinstance(document, CertificateDocument):
            template, data = "certificate.typ", content.certificate(document)
            issued_at = datetime.combine(document.issued_on, time(), UTC)
        else:
            template, data, issued_at = "invoice.typ", content.invoice(document), document.issued_at
        scripts = text.scripts(orjson.dumps(data).decode())
        draw = partial(self._compile, template, issued_at=issued_at)
        if scripts <= text.BUILT_IN_SCRIPTS:
            with suppress(typst.TypstError):
                return draw({**data, "fonts": []}, is_wide=False, standards=[ARCHIVAL]), ""
        data["fonts"] = text.font_families(scripts)
        try:
            return draw(data, is_wide=True, standards=[ARCHIVAL]), ""
        except typst.TypstError as error:
            complaint = error
        return draw(data, is_wide=True, standards=[]), _warning(data["title"], complaint)

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
            raise TypeError(f"{template}: the compiler returned {type(pdf).__name__} instead of a PDF")
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


def _warning(title: str, complaint: typst.TypstError) -> str:
    """Return what is wrong with a document that is no PDF/A. It names scripts, and nobody's name."""
    missing = _ESCAPED.sub(
        lambda match: chr(int(match[1], 16)), "".join(_WITHOUT_GLYPH.findall(complaint.diagnostic))
    )
    if not missing:
        return f"{title} is no PDF/A: {complaint.message}"
    scripts = ", ".join(sorted(text.scripts(missing))) or "symbols"
    return (
        f"{title}: no font draws {len(missing)} of its letters ({scripts}), so they are boxes. Install fonts that do, or "
        "name their folder in EVENTHUB_FONT_DIRS"
    )
