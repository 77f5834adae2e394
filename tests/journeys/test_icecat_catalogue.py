"""The whole real catalogue by one catalog: every row is what the raw data say, and follows the PIM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tests.journeys.conftest import ROOT, NewProject, Project
from tests.journeys.icecat_rows import Catalogue, changes, held
from tests.journeys.test_icecat import data, raw

from sync_engine_sandbox.sandbox import Sandbox

CATALOG = "icecat-catalogue"
NEW_PICTURE = b"\x89PNG a better picture"


@pytest.fixture
def project(icecat: Sandbox, new_project: NewProject) -> Project:
    return new_project(ROOT / "catalogs" / "icecat", icecat)


@dataclass(frozen=True)
class Pim:
    """The PIM as its users change it, over its API; the same is done to ``data``."""

    client: httpx.Client
    data: Catalogue

    def patch(self, path: str, body: dict[str, Any]) -> None:
        self.client.patch(path, json=body).raise_for_status()

    def values(self, uuid: str, code: str, entries: list[dict[str, Any]]) -> None:
        """Set entries of a value; one without data is removed."""
        self.patch(f"products-uuid/{uuid}", {"values": {code: entries}})
        places = [(each["locale"], each["scope"]) for each in entries]
        stay = [
            each
            for each in self.data.products[uuid]["values"].get(code, ())
            if (each["locale"], each["scope"]) not in places
        ]
        self.data.products[uuid]["values"][code] = stay + [each for each in entries if each["data"] is not None]

    def upload(self, uuid: str, attribute: str, name: str, content: bytes) -> None:
        """Replace a picture of a product."""
        place = f'{{"uuid": "{uuid}", "attribute": "{attribute}", "locale": null, "scope": null}}'
        answer = self.client.post("media-files", data={"product": place}, files={"file": (name, content)})
        answer.raise_for_status()
        code = answer.headers["location"].rpartition("media-files/")[2]
        self.data.files[code] = content
        self.data.names[code] = name
        self.data.products[uuid]["values"][attribute] = [{"locale": None, "scope": None, "data": code}]


@pytest.fixture
def pim(icecat: Sandbox) -> Iterator[Pim]:
    with logged_in(icecat) as client:
        yield Pim(client, Catalogue())


def logged_in(sandbox: Sandbox) -> httpx.Client:
    access = sandbox.access["pim"]
    login = {"grant_type": "password", "username": access["username"], "password": access["password"]}
    auth = (access["client_id"], access["client_secret"])
    token = httpx.post(f"{access['url']}/api/oauth/v1/token", json=login, auth=auth).json()["access_token"]
    return httpx.Client(base_url=f"{access['url']}/api/rest/v1", headers={"Authorization": f"Bearer {token}"})


def change_everything(pim: Pim) -> None:
    """One change of every kind, each on a product of its own."""
    simple = [uuid for uuid, each in pim.data.products.items() if not each["parent"] and each["family"] != "scanners"]

    def german(uuid: str) -> Any:
        return data(pim.data.products[uuid], "description", "de_DE", "print")

    def priced(uuid: str) -> Any:
        return data(pim.data.products[uuid], "price") or ()

    pim.patch("categories/cameras", {"parent": "audio_video", "labels": {"de_DE": "Fotoapparate"}})
    pim.data.categories["cameras"]["parent"] = "audio_video"
    pim.data.categories["cameras"]["labels"]["de_DE"] = "Fotoapparate"

    labels = {"en_US": "Compact camera", "fr_FR": "Compacte"}
    pim.patch("attributes/camera_type/options/compact", {"labels": labels})
    pim.data.camera_types["compact"].update(labels)

    untranslated = next(uuid for uuid in simple if german(uuid))
    pim.values(untranslated, "description", [{"locale": "de_DE", "scope": "print", "data": None}])

    pictured = [uuid for uuid in simple if data(pim.data.products[uuid], "picture") in pim.data.files]
    pim.upload(pictured[0], "picture", "ein schöneres Bild.png", NEW_PICTURE)

    unassigned = next(uuid for uuid in simple if len(pim.data.products[uuid]["categories"]) == 2)
    left = pim.data.products[unassigned]["categories"][1:]
    pim.patch(f"products-uuid/{unassigned}", {"categories": left})
    pim.data.products[unassigned]["categories"] = left

    unpriced = next(uuid for uuid in simple if len(priced(uuid)) == 2)
    euros = [each for each in priced(unpriced) if each["currency"] == "EUR"]
    entry = {"locale": None, "scope": None}
    pim.values(unpriced, "price", [{**entry, "data": [{**each, "amount": str(each["amount"])} for each in euros]}])

    disabled = next(uuid for uuid, each in pim.data.products.items() if each["family"] == "scanners")
    pim.patch(f"products-uuid/{disabled}", {"enabled": False})
    pim.data.products[disabled]["enabled"] = False

    deleted = next(uuid for uuid in pictured[1:] if german(uuid))
    pim.client.delete(f"products-uuid/{deleted}").raise_for_status()
    del pim.data.products[deleted]


def plan(project: Project) -> dict[str, Any]:
    (catalog,) = project.run("plan", CATALOG, "--format", "json").data["catalogs"]
    return dict(catalog)


def planned(plan: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """By stream and key, operation and, of an update, fields."""
    return {
        (stream["name"], change["key"].partition(" / ")[2] or change["key"]): (
            change["operation"],
            {each["field"] for each in change["fields"]} if change["operation"] == "update" else None,
        )
        for stream in plan["streams"]
        for change in stream["changes"]
    }


def test_the_whole_catalogue_arrives_and_follows_the_pim(project: Project, icecat: Sandbox, pim: Pim) -> None:
    lost = pim.data.lost()
    assert lost
    project.run("apply", CATALOG, "--yes", code=4)
    before = pim.data.rows()
    assert held(icecat, before) == before
    outcomes = project.run("transfers", "show", "--json").data["transfer"]["outcomes"]
    rejected = {(each["stream"], each["key"]): each["reasons"][0] for each in outcomes if each["outcome"] == "rejected"}
    assert rejected.keys() == lost, "pictures whose bytes the PIM does not have"
    assert {each["code"] for each in rejected.values()} == {"FILE_REFUSED"}

    restore_files(icecat, pim.data)
    project.run("apply", CATALOG, "--yes")
    before = pim.data.rows()
    assert held(icecat, before) == before
    assert planned(plan(project)) == {}

    change_everything(pim)
    after = pim.data.rows()
    expected = changes(before, after)
    kinds = {(stream, operation) for (stream, _), (operation, _) in expected.items()}
    assert kinds == {
        ("categories", "update"), ("products", "update"), ("products", "deactivate"), ("product_categories", "delete"),
        ("translations", "update"), ("translations", "delete"), ("prices", "deactivate"), ("pictures", "update"),
        ("pictures", "delete"),
    }  # fmt: skip
    assert planned(plan(project)) == expected

    project.run("apply", CATALOG, "--yes")
    inactive = {key: {**before[key], "IsActive": False} for key, (kind, _) in expected.items() if kind == "deactivate"}
    assert held(icecat, before) == {**after, **inactive}
    assert planned(plan(project)) == {}


def restore_files(sandbox: Sandbox, catalogue: Catalogue) -> None:
    """Give the PIM the bytes of every file that it knows, as many as it says."""
    for each in raw("media-files"):
        if each["code"] not in catalogue.files:
            content = each["code"].encode().ljust(each["size"], b".")
            catalogue.files[each["code"]] = sandbox.pim.uploads[each["code"]] = content


def test_streams_that_read_the_same_records_share_one_reading(project: Project, icecat: Sandbox) -> None:
    project.run("plan", CATALOG)
    reads = [call for call in icecat.pim.requests if call.path.endswith("/products-uuid")]
    assert len(reads) == 10


ASSIGNMENTS = ("--streams", "categories,models,products,product_categories")


@pytest.mark.slow
def test_a_read_that_fails_half_way_is_no_plan_and_no_deletion(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes", *ASSIGNMENTS)
    before = len(icecat.org.rows("PIM_Product_Category__c"))

    async def fail(request: Any) -> Any:
        from starlette.responses import Response

        late = request.url.path.endswith("/products-uuid") and "search_after" in request.query_params
        return Response("<html>maintenance</html>", 200, media_type="text/html") if late else None

    icecat.pim.before.append(fail)
    failed = project.run("apply", CATALOG, "--yes", code=1)
    assert "pim" in failed.err
    assert len(icecat.org.rows("PIM_Product_Category__c")) == before
    icecat.pim.before.clear()

    # A rejected record is not taken for a missing one, and records that others wrote are never deleted.
    nameless = next(each for each in raw("products") if not each["parent"] and data(each, "name"))
    entry = {"locale": None, "scope": None, "data": None}
    with logged_in(icecat) as client:
        client.patch(f"products-uuid/{nameless['uuid']}", json={"values": {"name": [entry]}}).raise_for_status()
    icecat.org.add("PIM_Category__c", {"Name": "By hand", "PIM_Code__c": "by-hand"})
    found = project.run("plan", CATALOG, "--format", "json", *ASSIGNMENTS).data["catalogs"][0]["streams"]
    categories, _, products, _ = found
    assert (products["summary"]["rejected"], products["changes"]) == (1, [])
    assert categories["summary"]["delete"] == 0


@pytest.mark.slow
def test_a_selection_plans_just_these_streams(project: Project, icecat: Sandbox) -> None:
    project.run("apply", CATALOG, "--yes", "--streams", "categories")
    assert len(icecat.org.rows("PIM_Category__c")) == len(raw("categories"))
    assert icecat.org.rows("Product2") == []
    assert not [call for call in icecat.pim.requests if call.path.endswith("/products-uuid")]

    project.run("apply", CATALOG, "--yes", "--streams", "models, products, prices")
    found = project.run("plan", CATALOG, "--format", "json", "--streams", "product_categories").data
    (stream,) = found["catalogs"][0]["streams"]
    assignments = sum(len(each["categories"]) for each in raw("products"))
    assert stream["summary"]["create"] == assignments, "parents are looked up in Salesforce"
    assert stream["summary"]["rejected"] == 0

    unknown = project.run("plan", CATALOG, "--streams", "catgories", code=1)
    assert "`categories`" in unknown.err


@pytest.mark.slow
def test_a_selection_never_widens_deletes(project: Project, icecat: Sandbox) -> None:
    """Two streams write to one object; while only one is planned, records of the other are not missing."""
    project.edit("catalogs/catalogue.yaml", ("on_missing: {set: {IsActive: false}}", "on_missing: delete"))
    streams = ("--streams", "models,products")
    project.run("apply", CATALOG, "--yes", *streams)
    icecat.pim.delete_product(next(each["uuid"] for each in raw("products") if not each["parent"]))
    both = project.run("plan", CATALOG, "--format", "json", *streams).data
    assert both["catalogs"][0]["summary"]["delete"] == 1
    part = project.run("plan", CATALOG, "--format", "json", "--streams", "products").data
    assert part["catalogs"][0]["summary"]["delete"] == 0
