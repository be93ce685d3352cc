"""Translates whole documents; everything but their text stays as it is."""

from .base import Document, DocumentError, Report, Segment
from .files import FORMATS, check_output, open_document
from .translate import translate_document, translate_file

__all__ = [
    "FORMATS",
    "Document",
    "DocumentError",
    "Report",
    "Segment",
    "check_output",
    "open_document",
    "translate_document",
    "translate_file",
]
