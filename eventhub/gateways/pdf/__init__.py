"""PDF documents: the real renderer (typst) and a recording one."""

from eventhub.gateways.pdf.recording import RecordingDocumentRenderer
from eventhub.gateways.pdf.renderer import TypstDocumentRenderer

__all__ = ["RecordingDocumentRenderer", "TypstDocumentRenderer"]
