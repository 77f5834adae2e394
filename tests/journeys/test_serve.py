"""``serve`` with a real repository, real HTTP and the sandbox: what is pushed arrives, what is broken stays out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.serving import Served, serving
from tests.journeys.small import KEY, LOCALES, PROJECT_FILE, Shop, open_shop, product
from tests.repositories import BareRepository, bare_repository

FIELDS = [{"name": "Note__c", "type": "string", "length": 80}, {"name": "Ean__c", "type": "string", "length": 20}]
POLL = ("--poll-seconds", "1")


def catalog(name: str = "shop", to: str = "Item__c", **fields: Any) -> str:
    """A catalog as a file; JSON is YAML."""
    stream = {"from": "products", "to": to, "key": {"Key__c": "sku"}, "fields": {"Name": "sku", **fields}}
    document = {
        "version": 1,
        "name": name,
        "source": {"connection": "pim", "channel": "web", "locales": list(LOCALES)},
        "target": {"connection": "crm"},
        "streams": {"items": stream},
    }
    return json.dumps(document, indent=2)


@dataclass
class World:
    """A PIM, an org, a repository, and the folder where ``serve`` is started."""

    shop: Shop
    origin: BareRepository
    home: Path
    snapshots: dict[str, str]

    def push(self, rewrite: bool = False, **files: str) -> str:
        """Push the project with these catalogs."""
        project = {"sync-engine.yaml": PROJECT_FILE.read_text(encoding="utf-8"), **self.snapshots}
        named = {f"catalogs/{name}.yaml": text for name, text in files.items()}
        return self.origin.push({**project, **named}, f"Push {', '.join(files)}", rewrite=rewrite)

    def serve(self, *arguments: str, **environment: str) -> Any:
        options = ("--git", str(self.origin.path), *POLL, *arguments)
        return serving(self.home, {**self.shop.project.environment, **environment}, *options)

    def transfers(self, served: Served) -> list[Any]:
        return list(served.api("transfers")["transfers"])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    products = [product(f"p{number:02}", ean=f"40{number:02}", notes=f"note {number}") for number in range(12)]
    other = {"name": "Other__c", "fields": [KEY]}
    with open_shop(tmp_path, fields=FIELDS, objects=[other], products=products) as shop:
        for name, to in (("shop", "Item__c"), ("other", "Other__c")):
            (shop.project.folder / "catalogs" / f"{name}.yaml").write_text(catalog(name, to), encoding="utf-8")
        shop.run("snapshot")
        saved = (shop.project.folder / "snapshots").iterdir()
        snapshots = {f"snapshots/{each.name}": each.read_text(encoding="utf-8") for each in saved}
        yield World(shop, bare_repository(tmp_path / "origin.git"), tmp_path / "home", snapshots)


def test_what_is_pushed_arrives_and_what_is_broken_changes_nothing(world: World) -> None:
    first = world.push(shop=catalog(Ean__c="ean"))
    with world.serve() as served:
        served.until_idle_at(first)
        before = world.shop.rows()
        assert {row["Ean__c"] for row in before.values()} == {f"40{number:02}" for number in range(12)}

        # A mistake: the commit before it goes on, and says so.
        broken = world.push(shop=catalog(Ean__c="eam"))
        status = served.until(lambda status: status["trouble"])
        assert status["revision"]["id"] == first
        assert (status["trouble"]["kind"], status["trouble"]["revision"]) == ("invalid", broken)
        assert status["trouble"]["problems"][0]["file"] == "catalogs/shop.yaml"
        assert "TROUBLE (invalid)" in served.said
        assert served.metric("sync_engine_trouble", kind="invalid") == 1
        assert served.get("/readyz").status_code == 200

        # A change of the mapping: exactly what it changes.
        mended = world.push(shop=catalog(Ean__c="ean", Note__c="notes"))
        assert served.until_idle_at(mended)["trouble"] is None
        after = world.shop.rows()
        assert {key: row["Note__c"] for key, row in after.items()} == {key: f"note {int(key[1:])}" for key in before}
        assert world.transfers(served)[0]["summary"]["updated"] == 12
        assert served.metric("sync_engine_trouble", kind="invalid") == 0

        # Layout is no change.
        same = json.loads(catalog(Ean__c="ean", Note__c="notes"))
        formatted = "# Reviewed by Pat\n" + json.dumps(dict(reversed(same.items())), indent=7)
        served.until_idle_at(world.push(shop=formatted))
        assert len(world.transfers(served)) == 2

        # A catalog that is gone deletes nothing; nor does an empty tree.
        served.until_idle_at(world.push(other=catalog("other", to="Other__c")))
        status = served.until(lambda status: status["gone"] == ["shop"])
        assert "shop is not in" in served.said
        world.origin.commit_tree(world.origin.tree(), world.origin.head())
        served.until(lambda status: status["trouble"])
        assert world.shop.rows() == after
        assert [each["catalog"] for each in world.transfers(served)] == ["other", "shop", "shop"]
    assert served.process.returncode == 0
