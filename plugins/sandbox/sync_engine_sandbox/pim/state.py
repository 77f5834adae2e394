"""Everything that one local PIM knows, and the control surface that tests use beside the API."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from sync_engine_sandbox.pim.auth import Tokens
from sync_engine_sandbox.pim.data import OWNERS, PimData
from sync_engine_sandbox.pim.paging import BASE, HOST
from sync_engine_sandbox.pim.settings import PimSettings
from sync_engine_sandbox.pim.store import EntityStore

Json = dict[str, Any]
Hook = Callable[[Request], Awaitable[Response | None]]
MEDIA_TYPES = frozenset({"pim_catalog_image", "pim_catalog_file"})
MANY = 10_000
EPOCH = "2000-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived: its method, its path and its query parameters."""

    method: str
    path: str
    query: dict[str, str]


@dataclass(slots=True)
class PimState:
    """The catalogue and the book-keeping of one local PIM.

    Tables hold everything but products and product models, by code in the order of arrival. A table's name is a tuple:
    ``("categories",)``, or with its owner ``("attribute-options", "color")``.

    Tests may read every field, append to ``before`` and call the ``edit_…``, ``delete_…`` and ``put_row`` methods; all
    take ``lock``, so they may be called while the server runs.
    """

    settings: PimSettings
    media: Path | None = None
    tokens: Tokens = field(init=False)
    lock: threading.RLock = field(default_factory=threading.RLock)
    products: EntityStore = field(default_factory=lambda: EntityStore("uuid"))
    models: EntityStore = field(default_factory=lambda: EntityStore("code"))
    tables: dict[tuple[str, ...], dict[str, Json]] = field(default_factory=dict)
    app_catalogs: dict[str, Json] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    touched: dict[tuple[tuple[str, ...], str], str] = field(default_factory=dict)
    requests: list[Call] = field(default_factory=list)
    refusals: Counter[int] = field(default_factory=Counter)
    before: list[Hook] = field(default_factory=list)
    in_flight: Counter[str] = field(default_factory=Counter)
    version: int = 0
    loaded: str = EPOCH
    _identifier: tuple[int, str] = (-1, "")

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.settings)

    # Reading

    def table(self, *name: str) -> dict[str, Json]:
        """A table's rows by code; an unknown table is empty."""
        return self.tables.get(name, {})

    def main_identifier(self) -> str:
        """The code of the main identifier attribute."""
        known, code = self._identifier
        if known != self.version:
            rows = [row for row in self.table("attributes").values() if row["type"] == "pim_catalog_identifier"]
            rows.sort(key=lambda row: not row.get("is_main_identifier"))
            code = str(rows[0]["code"]) if rows else "sku"
            self._identifier = (self.version, code)
        return code

    def identifier_of(self, product: Json) -> str | None:
        """The product's main identifier, or None."""
        entries = product["values"].get(self.main_identifier())
        return str(entries[0]["data"]) if entries else None

    def now_text(self) -> str:
        """The time, as the API prints it."""
        return self.settings.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00")

    def updated_of(self, name: tuple[str, ...], row: Json) -> str:
        """When a row of a table was last written."""
        return str(row.get("updated") or self.touched.get((name, row["code"]), self.loaded))

    def count(self, method: str, path: str) -> int:
        """How many calls of a method arrived for a path that starts with ``path`` (below ``/api/rest/v1``)."""
        start = f"{BASE}/{path}"
        return sum(call.method == method and call.path.startswith(start) for call in self.requests)

    # Writing

    def save_product(self, product: Json) -> None:
        """Write a product and feed the indexes."""
        with self.lock:
            before = self.products.get(product["uuid"])
            if before is not None:
                self.identifiers.pop(_fold(self.identifier_of(before)), None)
            self.products.put(product, self._indexed_at())
            if identifier := self.identifier_of(product):
                self.identifiers[_fold(identifier)] = product["uuid"]

    def save_model(self, model: Json) -> None:
        """Write a product model. Its descendants' inherited values are the writer's business."""
        with self.lock:
            self.models.put(model, self._indexed_at())

    def put_row(self, name: tuple[str, ...], row: Json) -> None:
        """Write a row of a table; resources that show ``updated`` get a new one."""
        with self.lock:
            self.tables.setdefault(name, {})[row["code"]] = row
            self.touched[name, row["code"]] = self.now_text()
            self.version += 1

    # The control surface of tests

    def edit_product(self, uuid: str, **properties: Any) -> Json:
        """Put properties in the place of a product's own, and move its ``updated``; gives the new product.

        Raises:
            KeyError: there is no such product.
        """
        with self.lock:
            product = {**self.products.by_key[uuid], "updated": self.now_text(), **properties}
            self.save_product(product)
            return product

    def add_product(self, **properties: Any) -> Json:
        """Create a product with the given properties; what is not given is empty."""
        with self.lock:
            product = {**empty_product(self, str(uuid4())), **properties}
            self.save_product(product)
            return product

    def delete_product(self, uuid: str) -> None:
        """Delete a product.

        Raises:
            KeyError: there is no such product.
        """
        with self.lock:
            before = self.products.remove(uuid)
            if before is None:
                raise KeyError(uuid)
            self.identifiers.pop(_fold(self.identifier_of(before)), None)

    def delete_row(self, name: tuple[str, ...], code: str) -> None:
        """Delete a row of a table (the API cannot): an option, a category, a media file.

        Raises:
            KeyError: there is no such row.
        """
        with self.lock:
            del self.tables[name][code]
            self.version += 1

    def _indexed_at(self) -> datetime | None:
        lag = self.settings.index_lag
        return self.settings.clock() + timedelta(seconds=lag) if lag else None


def build_state(data: PimData, settings: PimSettings) -> PimState:
    """The state of a PIM that holds a catalogue. The rows of ``data`` are taken over, not copied."""
    state = PimState(settings, data.media)
    for name, rows in data.files.items():
        if name not in {"products", "product-models"}:
            _fill_table(state, name, rows)
    media = {row["code"] for row in state.table("attributes").values() if row["type"] in MEDIA_TYPES}
    for entity in (*data.rows("products"), *data.rows("product-models")):
        _link_media(entity["values"], media)
    state.products.fill(data.rows("products"))
    state.models.fill(data.rows("product-models"))
    for product in data.rows("products"):
        if identifier := state.identifier_of(product):
            state.identifiers[_fold(identifier)] = product["uuid"]
    state.loaded = min((product["created"] for product in data.rows("products")), default=EPOCH)
    if len(state.products.order) >= MANY:
        # The catalogue lives as long as the server: walking it for garbage costs more than serving it.
        gc.freeze()
    return state


def empty_product(state: PimState, uuid: str) -> Json:
    """A new product without anything."""
    now = state.now_text()
    return {
        "uuid": uuid,
        "enabled": True,
        "family": None,
        "categories": [],
        "groups": [],
        "parent": None,
        "values": {},
        "created": now,
        "updated": now,
        "associations": empty_associations(state),
        "quantified_associations": {},
    }


def empty_associations(state: PimState) -> Json:
    """Every association type with nothing in it, as the API prints them."""
    types = state.table("association-types").values()
    return {
        row["code"]: {"products": [], "product_models": [], "groups": []}
        for row in types
        if not row.get("is_quantified")
    }


def media_link(code: str) -> Json:
    """The ``_links`` of a media file, and of a product value that holds it."""
    return {"download": {"href": f"{HOST}{BASE}/media-files/{code}/download"}}


def _fill_table(state: PimState, name: str, rows: list[Json]) -> None:
    owners = OWNERS.get(name, ())
    for row in rows:
        table = (name, *(row[owner] for owner in owners))
        shown = {key: value for key, value in row.items() if not key.startswith("_") or key == "_links"}
        if name == "media-files":
            shown["_links"] = media_link(row["code"])
        if "attribute" in owners and len(owners) > 1:
            del shown["attribute"]
        state.tables.setdefault(table, {})[row["code"]] = shown


def _link_media(values: Json, media: set[str]) -> None:
    for code in media & values.keys():
        for entry in values[code]:
            entry["_links"] = media_link(entry["data"])


def _fold(identifier: str | None) -> str:
    return (identifier or "").casefold()
