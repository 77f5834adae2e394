"""Bytes of a YAML file → plain data with file, line and column for every key and value. Knows no meaning of a key.

The language is a strict part of YAML 1.2: what people misread (aliases, merge keys, tags, several documents, twice the
same key) is refused with its place, and nothing that looks like text is turned into something else.
"""

from sync_engine.documents.parsing import load_document, parse_document
from sync_engine.documents.plain import Document, Plain, Pointer, items, number, table, text, texts

__all__ = [
    "Document",
    "Plain",
    "Pointer",
    "items",
    "load_document",
    "number",
    "parse_document",
    "table",
    "text",
    "texts",
]
