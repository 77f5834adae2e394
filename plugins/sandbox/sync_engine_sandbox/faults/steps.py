"""The places where something can go wrong: kinds of requests, and events inside of the CRM."""

from __future__ import annotations

import re
from collections.abc import Mapping

PIM, CRM = "pim", "crm"
"""The two servers; where a rule names one of them, it means all of its requests."""

_V = "/services/data/[^/]+"
_STRUCTURE = (
    "attributes|attribute-groups|association-types|categories|channels|currencies|families|locales|"
    "measurement-families|reference-entities|asset-families|system-information"
)

REQUESTS: Mapping[str, tuple[str, str]] = {
    "pim.login": ("a token is asked for", "POST /api/oauth/v1/token"),
    "pim.file": ("a file is downloaded", "GET /api/rest/v1/.*/download|GET /api/rest/v1/asset-media-files/.*"),
    "pim.schema": (
        "what the PIM arranges its products by: attributes, families, channels …",
        f"GET /api/rest/v1/(?:{_STRUCTURE})(?:/.*)?",
    ),
    "pim.page": (
        "a page of products or models",
        "GET /api/rest/v1/(?:products|products-uuid|product-models)(?:/.*)?|POST /api/rest/v1/products-uuid/search",
    ),
    "crm.login": ("a session is asked for", "POST /services/(?:oauth2/token|Soap/.*)"),
    "crm.limits": ("what the day leaves of requests", f"GET {_V}/limits"),
    "crm.schema": ("an object is described", f"GET {_V}/sobjects/[^/]+/describe"),
    "crm.query": ("records are read", f"GET {_V}/query(?:All)?(?:/.*)?"),
    "crm.write.insert": (
        "records are inserted by sObject Collections, without an external id",
        f"POST {_V}/composite/sobjects",
    ),
    "crm.write.file": ("a file is sent", f"POST {_V}/sobjects/ContentVersion"),
    "crm.write": (
        "records are written by sObject Collections, or a file is sent",
        f"(?:POST|PATCH) {_V}/(?:composite/sobjects|sobjects)(?:/.*)?|POST {_V}/composite",
    ),
    "crm.delete": ("records are deleted by sObject Collections", f"DELETE {_V}/(?:composite/sobjects|sobjects/.*)"),
    "crm.create": ("a bulk job is made", f"POST {_V}/jobs/ingest"),
    "crm.upload": ("a bulk job gets its rows", f"PUT {_V}/jobs/ingest/[^/]+/batches"),
    "crm.close": ("a bulk job is closed, or aborted", f"PATCH {_V}/jobs/ingest/[^/]+"),
    "crm.poll": ("a bulk job is asked how far it is", f"GET {_V}/jobs/ingest/[^/]+"),
    "crm.results": ("what became of the rows of a bulk job", f"GET {_V}/jobs/ingest/[^/]+/[^/]+/?"),
}
"""By name: what such a request does, and the method and path by which it is known, the first that fits.

``crm.write`` means ``crm.write.insert``, too, as ``crm`` means all of its requests."""

EVENTS: Mapping[str, str] = {
    "crm.row": "a record is about to be written, by whatever call",
    "crm.chunk": "the next rows of a bulk job are about to be written (200, or `bulk_chunk`)",
}

_PATTERNS = tuple((name, re.compile(pattern)) for name, (_, pattern) in REQUESTS.items())


def step_of(method: str, path: str) -> str:
    """The name of the kind of request; empty when it is none of those."""
    text = f"{method} {path}"
    return next((name for name, pattern in _PATTERNS if pattern.fullmatch(text)), "")
