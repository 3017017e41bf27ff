"""A renderer that draws nothing: it remembers what it was asked for and answers with an empty PDF."""

from eventhub.services.ports.documents import CertificateDocument, InvoiceDocument

EMPTY_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
xref
0 3
0000000000 65535 f\x20
0000000009 00000 n\x20
0000000052 00000 n\x20
trailer<</Size 3/Root 1 0 R>>
startxref
96
%%EOF
"""


class RecordingDocumentRenderer:
    """A DocumentRenderer for tests: `documents` holds what was asked for, `error` is raised while it is set."""

    def __init__(self) -> None:
        self.documents: list[CertificateDocument | InvoiceDocument] = []
        self.error: Exception | None = None

    async def certificate(self, document: CertificateDocument) -> bytes:
        return self._record(document)

    async def invoice(self, document: InvoiceDocument) -> bytes:
        return self._record(document)

    def _record(self, document: CertificateDocument | InvoiceDocument) -> bytes:
        self.documents.append(document)
        if self.error is not None:
            raise self.error
        return EMPTY_PDF
