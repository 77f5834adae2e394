"""A small shop that each test stocks itself: a PIM of a few records, an org with the fields that the test names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tests.journeys.conftest import ROOT, Finished, Project

from sync_engine.ledger.store import Ledger, open_ledger
from sync_engine_sandbox.crm.org import CrmSettings
from sync_engine_sandbox.pim.settings import PimSettings
from sync_engine_sandbox.sandbox import PIM_SETTINGS, Sandbox, running

Json = dict[str, Any]

PROJECT_FILE = ROOT / "catalogs" / "icecat" / "sync-engine.yaml"
KEY = {"name": "Key__c", "type": "string", "length": 80, "externalId": True, "unique": True}
LOCALES = ("en_US", "de_DE")
CREATED = "2024-01-02T03:04:05+00:00"
ATTRIBUTES: Mapping[str, Json] = {
    "sku": {"type": "pim_catalog_identifier"},
    "name": {"type": "pim_catalog_text"},
    "title": {"type": "pim_catalog_text", "localizable": True},
    "teaser": {"type": "pim_catalog_textarea", "localizable": True, "scopable": True},
    "notes": {"type": "pim_catalog_textarea"},
    "ean": {"type": "pim_catalog_text"},
    "stock": {"type": "pim_catalog_number", "decimals_allowed": False},
    "rating": {"type": "pim_catalog_number", "decimals_allowed": True},
    "weight": {"type": "pim_catalog_metric", "metric_family": "Weight", "decimals_allowed": True},
    "price": {"type": "pim_catalog_price_collection", "decimals_allowed": True},
    "washable": {"type": "pim_catalog_boolean"},
    "released": {"type": "pim_catalog_date"},
    "colour": {"type": "pim_catalog_simpleselect", "labels": {"en_US": "Colour"}},
    "size": {"type": "pim_catalog_simpleselect"},
    "uses": {"type": "pim_catalog_multiselect"},
    "picture": {"type": "pim_catalog_image"},
}
OPTIONS = {
    "colour": {"red": {"en_US": "Red", "de_DE": "Rot"}, "blue": {"de_DE": "Blau"}, "teal": {}},
    "size": {"s": {"en_US": "Small"}, "l": {"en_US": "Large"}},
    "uses": {"home": {"en_US": "At home"}, "trip": {"en_US": "On a trip"}, "work": {"en_US": "At work"}},
}
SHIRTS = {
    "shirts_colour_size": [["colour"], ["size"]],
    "shirts_size": [["size"]],
}
GRAM = {"KILOGRAM": "1", "GRAM": "0.001", "POUND": "0.45359237"}


def uuid_of(sku: str) -> str:
    """The uuid of the product with this SKU."""
    return str(uuid5(NAMESPACE_OID, sku))


def entries(given: Any) -> list[Json]:
    """A value as the API gives it: by locale, by (locale, channel), or one for all."""
    if not isinstance(given, dict) or "unit" in given:
        return [{"locale": None, "scope": None, "data": given}]
    return [
        {
            "locale": place if isinstance(place, str) else place[0],
            "scope": None if isinstance(place, str) else place[1],
            "data": data,
        }
        for place, data in given.items()
    ]


def values_of(given: Mapping[str, Any]) -> Json:
    """Values by attribute; None is no value."""
    return {code: entries(data) for code, data in given.items() if data is not None}


def product(
    sku: str,
    /,
    *,
    parent: str | None = None,
    family: str | None = "mugs",
    categories: Sequence[str] = (),
    **values: Any,
) -> Json:
    """A product; its uuid is made of its SKU."""
    return {
        "uuid": uuid_of(sku),
        "enabled": True,
        "family": "shirts" if parent else family,
        "categories": list(categories),
        "groups": [],
        "parent": parent,
        "values": values_of({"sku": sku, **values}),
        "created": CREATED,
        "updated": CREATED,
        "associations": {},
        "quantified_associations": {},
    }


def model(code: str, /, *, parent: str | None = None, variant: str = "shirts_colour_size", **values: Any) -> Json:
    """A product model of the family of shirts."""
    return {
        "code": code,
        "family": "shirts",
        "family_variant": variant,
        "parent": parent,
        "categories": [],
        "values": values_of(values),
        "created": CREATED,
        "updated": CREATED,
        "associations": {},
        "quantified_associations": {},
    }


def category(code: str, parent: str | None = None, **labels: str) -> Json:
    return {"code": code, "parent": parent, "updated": CREATED, "position": 1, "labels": labels}


def catalogue(products: Sequence[Json], models: Sequence[Json], categories: Sequence[Json]) -> dict[str, list[Json]]:
    """All files of the PIM's data."""
    labels = {"shirts": {"en_US": "Shirts", "de_DE": "Hemden"}, "mugs": {"en_US": "Mugs"}}
    weight = {
        code: {
            "code": code,
            "labels": {},
            "convert_from_standard": [{"operator": "mul", "value": factor}],
            "symbol": "",
        }
        for code, factor in GRAM.items()
    }
    return {
        "attributes": [
            {
                "code": code,
                "group": "other",
                "labels": {},
                "localizable": False,
                "scopable": False,
                "available_locales": [],
                **given,
            }
            for code, given in ATTRIBUTES.items()
        ],
        "attribute-options": [
            {"code": code, "attribute": attribute, "sort_order": 1, "labels": given}
            for attribute, options in OPTIONS.items()
            for code, given in options.items()
        ],
        "families": [
            {"code": code, "attributes": sorted(ATTRIBUTES), "attribute_requirements": {}, "labels": given}
            for code, given in labels.items()
        ],
        "family-variants": [
            {
                "_family": "shirts",
                "code": code,
                "labels": {},
                "variant_attribute_sets": [
                    {"level": level, "axes": axes, "attributes": axes} for level, axes in enumerate(levels, start=1)
                ],
                "common_attributes": [],
            }
            for code, levels in SHIRTS.items()
        ],
        "channels": [
            {
                "code": code,
                "currencies": ["EUR", "USD"],
                "locales": list(LOCALES),
                "category_tree": "master",
                "labels": {},
            }
            for code in ("web", "print")
        ],
        "association-types": [{"code": "X_SELL", "labels": {"en_US": "Cross sell"}}],
        "locales": [{"code": code, "enabled": code in LOCALES} for code in (*LOCALES, "fr_FR")],
        "currencies": [{"code": code, "enabled": True} for code in ("EUR", "USD")],
        "categories": [category("master"), *categories],
        "measurement-families": [{"code": "Weight", "labels": {}, "standard_unit_code": "KILOGRAM", "units": weight}],
        "products": list(products),
        "product-models": list(models),
    }


@dataclass(frozen=True)
class Shop:
    """Both servers and a project with one catalog."""

    project: Project
    sandbox: Sandbox

    def write(self, streams: Json, **rest: Any) -> None:
        """Write the catalog; JSON is YAML."""
        document = {
            "version": 1,
            "name": "shop",
            "source": {"connection": "pim", "channel": "web", "locales": list(LOCALES)},
            "target": {"connection": "crm"},
            "streams": streams,
            **rest,
        }
        path = self.project.folder / "catalogs" / "shop.yaml"
        path.write_text(json.dumps(document, indent=2), encoding="utf-8")

    def connect(self, connection: str = "crm", **settings: int) -> None:
        """Add settings to a connection."""
        adapter = {"pim": "    adapter: akeneo\n", "crm": "    adapter: salesforce\n"}[connection]
        lines = "".join(f"    {name}: {value}\n" for name, value in settings.items())
        self.project.edit("sync-engine.yaml", (adapter, adapter + lines))

    def keep_ledger(self, address: str) -> None:
        """Keep the ledger at that address, which the project file refers to."""
        self.project.edit("sync-engine.yaml", ("state: sqlite:///.sync-engine/ledger.db", 'state: "${LEDGER}"'))
        self.project.environment["LEDGER"] = address

    def ledger(self) -> Ledger:
        """The ledger, opened."""
        address = self.project.environment.get("LEDGER", "sqlite:///.sync-engine/ledger.db")
        return open_ledger(address, self.project.folder)

    def run(self, *arguments: str, code: int | None = 0) -> Finished:
        """Run a command of ``sync-engine``; ``code`` is the exit code that is expected, None takes any."""
        return self.project.run(*arguments, code=code)

    def plan(self, *, code: int = 0) -> Json:
        """The catalog in a new plan."""
        (found,) = self.run("plan", "--format", "json", code=code).data["catalogs"]
        return dict(found)

    def streams(self, *, code: int = 0) -> dict[str, Json]:
        """The streams of a new plan by name."""
        return {each["name"]: each for each in self.plan(code=code)["streams"]}

    def apply(self, *arguments: str, code: int = 0) -> Json:
        """Apply; gives the transfer."""
        done = self.run("apply", *arguments, "--yes", "--json", code=None)
        assert done.code == code, done.err + self.run("transfers", "show", code=None).out
        (found,) = done.data["transfers"]
        return dict(found)

    def shown(self, *arguments: str) -> Json:
        """The newest transfer as the ledger has it."""
        return dict(self.run("transfers", "show", *arguments, "--json").data["transfer"])

    def settled(self, *, rejected: int = 0) -> None:
        """Nothing is left to do."""
        summary = self.plan()["summary"]
        left = {name: count for name, count in summary.items() if count and name != "unchanged"}
        assert left == ({"rejected": rejected} if rejected else {})

    def rows(self, name: str = "Item__c", key: str = "Key__c") -> dict[str, Json]:
        """The records of an object by key."""
        return {row[key]: row for row in self.sandbox.org.rows(name)}

    def change(self, sku: str, /, **values: Any) -> None:
        """Change values of a product in the PIM; None removes one."""
        pim, uuid = self.sandbox.pim, uuid_of(sku)
        held = {code: data for code, data in pim.products.by_key[uuid]["values"].items() if code not in values}
        pim.edit_product(uuid, values={**held, **values_of(values)})


@contextmanager
def open_shop(
    folder: Path,
    *,
    fields: Sequence[Json] = (),
    objects: Sequence[Json] = (),
    products: Sequence[Json] = (),
    models: Sequence[Json] = (),
    categories: Sequence[Json] = (),
    rules: Sequence[Json] = (),
    flows: Sequence[Json] = (),
    crm: CrmSettings = CrmSettings(),  # noqa: B008 - frozen
    pim: PimSettings = PIM_SETTINGS,
    currencies: Sequence[str] = (),
) -> Iterator[Shop]:
    """Start the servers and make the project.

    Args:
        folder: for the PIM's data and the project.
        fields: of ``Item__c``, beside its key ``Key__c`` and its name.
        objects: further objects of the org.
        products: what the PIM holds.
        models: likewise.
        categories: likewise, beside the root ``master``.
        rules: validation rules of ``Item__c``.
        flows: its automation.
        crm: how the org behaves.
        pim: how the PIM behaves.
        currencies: of an org that has several; the first is its own.
    """
    data, project = folder / "pim", folder / "project"
    (project / "catalogs").mkdir(parents=True)
    data.mkdir()
    for name, rows in catalogue(products, models, categories).items():
        (data / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    item = {"name": "Item__c", "fields": [KEY, *fields], "validationRules": list(rules), "flows": list(flows)}
    org = folder / "org.json"
    several = {"multiCurrency": True, "currencies": list(currencies)} if currencies else {}
    org.write_text(json.dumps({"org": several, "objects": [item, *objects]}), encoding="utf-8")
    (project / "sync-engine.yaml").write_text(PROJECT_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    with running(data, org, pim_settings=pim, crm_settings=crm) as sandbox:
        yield Shop(Project(project, sandbox.environment), sandbox)
