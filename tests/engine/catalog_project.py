"""A project folder for tests of the catalog room, with adapters that are installed the way real ones are."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from sync_engine.documents import Document, parse_document
from sync_engine.sdk.problem import Problem

ADAPTERS = """
class Adapter:
    def __init__(self, name, schema, version=1):
        self.name, self.settings_schema, self.contract_version = name, schema, version

    def open(self, connection, settings, mask):
        return None

TEXT = {"type": "string", "minLength": 1, "description": "A text.", "examples": ["x"]}
SHOP = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "url": {"type": "string", "pattern": "^https?://", "description": "Address.", "examples": ["https://x"]},
        "user": TEXT,
        "password": TEXT,
        "token": TEXT,
        "pages": {"type": "integer", "minimum": 1, "maximum": 100, "description": "Size.", "examples": [5]},
        "strict": {"type": "boolean", "description": "Strict.", "examples": [True]},
        "mode": {"$ref": "#/definitions/mode"},
        "proxy": {
            "type": "object",
            "properties": {"port": {"type": "integer", "description": "Port.", "examples": [80]}, "host": TEXT},
            "additionalProperties": False,
            "description": "Proxy.",
            "examples": [{"port": 80}],
        },
    },
    "required": ["url"],
    "oneOf": [{"required": ["user", "password"]}, {"required": ["token"]}],
    "definitions": {"mode": {"enum": ["fast", "slow"], "description": "Mode.", "examples": ["fast"]}},
}
ORG = {"type": "object", "properties": {"token": TEXT}}
shop = Adapter("shop", SHOP)
org = Adapter("org", ORG)
old = Adapter("old", ORG, version=0)
"""

ENTRY_POINTS = """
[sync_engine.sources]
shop = catalog_test_adapters:shop
both = catalog_test_adapters:org
old = catalog_test_adapters:old
broken = catalog_test_adapters_that_are_not_there:adapter
twins = catalog_test_adapters:shop

[sync_engine.targets]
org = catalog_test_adapters:org
both = catalog_test_adapters:org
"""

PROJECT = """
version: 1
connections:
  pim: {adapter: shop, url: "${PIM_URL}", user: "${PIM_USER}", password: "${PIM_PASSWORD}"}
  crm: {adapter: org, token: "${CRM_TOKEN}"}
"""

CATALOG = """
version: 1
name: webshop
source: {connection: pim, channel: ecommerce, locales: [en_US, de_DE]}
target: {connection: crm}
streams:
  products:
    from: products
    to: Product2
    key: {PIM_Id__c: uuid}
    fields:
      Name: name
"""


def install_adapters(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install two packages with adapters into a folder that is on the path."""
    folder.mkdir()
    (folder / "catalog_test_adapters.py").write_text(ADAPTERS)
    other = "[sync_engine.sources]\ntwins = catalog_test_adapters:shop\n"
    for name, entries in (("test_adapters", ENTRY_POINTS), ("other_adapters", other)):
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entries)
    monkeypatch.syspath_prepend(folder)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a valid project file and one valid catalog."""
    install_adapters(tmp_path / "site", monkeypatch)
    root = tmp_path / "project"
    (root / "catalogs").mkdir(parents=True)
    write(root / "sync-engine.yaml", PROJECT)
    write(root / "catalogs" / "webshop.yaml", CATALOG)
    return root


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def parsed(text: str) -> Document:
    """A document that must have a readable structure."""
    document = parse_document(textwrap.dedent(text).lstrip("\n"), "x.yaml")
    assert isinstance(document, Document), document
    return document


def short(problems: tuple[Problem, ...] | list[Problem]) -> list[str]:
    """Problems as ``SE201 3:5``."""
    return [f"{each.code} {each.origin.line}:{each.origin.column}" for each in problems]
