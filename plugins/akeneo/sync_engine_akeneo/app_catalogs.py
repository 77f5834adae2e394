"""The PIM's own catalogs, "for apps": an app makes them, a person in the PIM says what they select and enables them.

Source of the rules: Akeneo REST API, "Catalogs"; Akeneo, "Catalogs for Apps". Only the token of an app may use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from sync_engine.sdk.errors import Refused
from sync_engine_akeneo.answers import CATALOGS, enabling
from sync_engine_akeneo.client import PimClient
from sync_engine_akeneo.paging import listed_keys, listing
from sync_engine_akeneo.values import boolean
from sync_engine_akeneo.wire import Malformed, members, text, texts

MOST_KEYS = "1000"
"""The longest page of keys that the PIM gives."""


@dataclass(frozen=True, slots=True)
class AppCatalog:
    """A catalog for apps as the API shows it; its product selection is not among that."""

    id: str
    name: str
    enabled: bool
    locales: tuple[str, ...]
    currencies: tuple[str, ...]

    @property
    def screen(self) -> str:
        """Where a person enables it and says what it selects, below the PIM's address."""
        return f"/connect/apps/v1/{CATALOGS}/{self.id}"


class AppCatalogs:
    """The catalogs of one app.

    Args:
        client: makes the calls.
    """

    def __init__(self, client: PimClient) -> None:
        self._client = client

    def all(self) -> list[AppCatalog]:
        """Every catalog of the app, in the PIM's order."""
        return [self._read(item) for page in listing(self._client, CATALOGS) for item in page]

    def find(self, wanted: str) -> AppCatalog:
        """The catalog of an id or a name.

        Raises:
            Refused: there is none, or several have that name.
        """
        where = self._client.where
        if _is_id(wanted):
            return self._read(self._client.get(_path(wanted)))
        found = [each for each in self.all() if each.name == wanted]
        if not found:
            raise Refused(
                f'{where}: the app has no catalog "{wanted}" in the PIM',
                hint="`sync-engine pim-catalogs list` shows those that it has.",
            )
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            raise Refused(f'{where}: the app has several catalogs "{wanted}" in the PIM', hint=f"Name its id: {ids}")
        return found[0]

    def readable(self, wanted: str) -> AppCatalog:
        """The catalog of an id or a name, which is enabled.

        Raises:
            Refused: it is not; an empty list would look like products that have all gone.
        """
        found = self.find(wanted)
        if not found.enabled:
            raise Refused(
                f'{self._client.where}: the catalog "{found.name}" ({found.id}) is disabled in the PIM, '
                "so it is not known which products it selects",
                hint=enabling(_path(found.id)),
            )
        return found

    def products(self, catalog: str, cursor: str | None = None) -> Iterator[str]:
        """Uuids of the products that a catalog selects, in order, behind a cursor: the last uuid that was read."""
        for page in listed_keys(self._client, f"{_path(catalog)}/product-uuids", {"limit": MOST_KEYS}, cursor):
            yield from page

    def create(self, name: str) -> AppCatalog:
        """Make a catalog; it is disabled."""
        return self._read(self._client.write("POST", CATALOGS, {"name": name}))

    def duplicate(self, catalog: str, name: str) -> AppCatalog:
        """Make a copy with the same selection and mapping; it is disabled."""
        return self._read(self._client.write("POST", f"{_path(catalog)}/duplicate", {"name": name}))

    def delete(self, catalog: str) -> None:
        """Delete a catalog."""
        self._client.write("DELETE", _path(catalog))

    def schema(self, catalog: str) -> Mapping[str, object] | None:
        """The mapping schema of a catalog; None where it has none."""
        try:
            return members(self._client.get(_schema(catalog)))
        except Malformed as error:
            raise self._client.misshapen("the mapping schema", error) from None
        except Refused:
            self.find(catalog)  # it is the catalog that is missing, or not permitted: said as such
            return None

    def put_schema(self, catalog: str, schema: Mapping[str, object]) -> None:
        """Put a mapping schema in the place of the one before."""
        self._client.write("PUT", _schema(catalog), schema)

    def _read(self, item: object) -> AppCatalog:
        try:
            found = members(item)
            return AppCatalog(
                id=text(found.get("id")),
                name=text(found.get("name")),
                enabled=boolean(found.get("enabled")),
                locales=texts(found.get("managed_locales") or []),  # older versions leave both out
                currencies=texts(found.get("managed_currencies") or []),
            )
        except Malformed as error:
            raise self._client.misshapen("a catalog for apps", error) from None


def mapped_path(catalog: str) -> str:
    """Where the mapped products of a catalog are."""
    return f"{_path(catalog)}/mapped-products"


def _path(catalog: str) -> str:
    return f"{CATALOGS}/{quote(catalog, safe='')}"


def _schema(catalog: str) -> str:
    return f"{_path(catalog)}/mapping-schemas/product"


def _is_id(wanted: str) -> bool:
    try:
        UUID(wanted)
    except ValueError:
        return False
    return True
