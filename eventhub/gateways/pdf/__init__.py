"""PDF documents, drawn by typst."""

from eventhub.gateways.pdf.renderer import TypstDocumentRenderer

__all__ = ["TypstDocumentRenderer"]
