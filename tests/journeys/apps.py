"""Catalogs for apps in a small shop: the connection of an app, and what a person does at the PIM's screen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from starlette.requests import Request
from tests.journeys.small import Json, Shop

from sync_engine_sandbox.pim.app_catalogs import new_catalog, set_up


def connect_as_app(project: Path) -> None:
    """Let the project in that folder read the PIM with the token of an app."""
    path = project / "sync-engine.yaml"
    lines = path.read_text(encoding="utf-8")
    as_app = re.sub(
        r'(url: "\$\{PIM_URL\}"\n)(    (client|user|pass)\w+: .*\n)+', r'\1    token: "${PIM_TOKEN}"\n', lines
    )
    assert as_app != lines
    path.write_text(as_app, encoding="utf-8")


def catalog(shop: Shop, name: str = "Store US") -> str:
    """A new catalog for apps, disabled; its id."""
    return str(new_catalog(shop.sandbox.pim, name, [], [])["id"])


def enabled(shop: Shop, **settings: Any) -> str:
    """A new catalog for apps as a person sets it up; its id."""
    identifier = catalog(shop)
    set_up(shop.sandbox.pim, identifier, **settings)
    return identifier


def chosen(*skus: str) -> list[Json]:
    """The product selection of a few products."""
    return [{"field": "sku", "operator": "IN", "value": list(skus)}]


def refused_while_disabled(shop: Shop, own: str) -> None:
    """Switch the catalog "Store US" off: what reads it is refused, and says who enables it; then switch it on again."""
    set_up(shop.sandbox.pim, own, enabled=False)
    for command, code in (("plan", 1), ("apply --yes", 1), ("validate --live", 3), ("doctor", 1)):
        done = shop.run(*command.split(), code=code)
        assert f'the catalog "Store US" ({own}) is disabled' in done.out + done.err
        assert f"/connect/apps/v1/catalogs/{own}" in done.out + done.err
    set_up(shop.sandbox.pim, own)


def refused_when_disabled_meanwhile(shop: Shop, own: str, path: str) -> None:
    """Switch the catalog off at the moment when what ends so is asked for: it is not taken for an empty one."""

    async def disable(request: Request) -> None:
        if request.url.path.endswith(path):
            set_up(shop.sandbox.pim, own, enabled=False)

    shop.sandbox.pim.before.append(disable)
    done = shop.run("apply", "--yes", code=1)
    assert "has been disabled on the PIM side" in done.err
    assert f"/connect/apps/v1/catalogs/{own}" in done.err


def stays_when_selected_again(shop: Shop, own: str) -> None:
    """One of two products leaves the catalog, its deletion is planned, and it is back before that is applied."""
    shop.apply()
    set_up(shop.sandbox.pim, own, criteria=chosen("mug-002"))
    saved = str(shop.project.folder / "saved.plan")
    shop.run("plan", "--out", saved)
    set_up(shop.sandbox.pim, own, criteria=chosen("mug-001", "mug-002"))
    assert "1 stale" in shop.run("apply", saved, "--yes", code=6).out
    assert sorted(str(row["Name"]) for row in shop.rows().values()) == ["Mug 1", "Mug 2"]
