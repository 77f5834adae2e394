"""Measure the memory of `sync-engine plan` and the size of the plan as the catalogue grows; 1 % of it has changed.

The PIM and the org are the sandbox's, but products are made up page by page when they are asked for, so that they need
no memory either. The org holds every product; one name in a hundred is an old one. The ledger knows all of them as
written, so the plan also looks for products that are gone.

    python benchmarks/scale.py 100000 1000000
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sync_engine.ledger.records import Status, WrittenRecord
from sync_engine.ledger.store import open_ledger
from sync_engine_sandbox.crm.app import create_app as create_crm
from sync_engine_sandbox.crm.objects import load_objects
from sync_engine_sandbox.crm.org import CrmSettings, Org
from sync_engine_sandbox.pim.app import create_app as create_pim
from sync_engine_sandbox.pim.data import load
from sync_engine_sandbox.sandbox import DEMO_DATA, DEMO_PROJECT, PIM_SETTINGS
from sync_engine_sandbox.server import start

PIM_PAGE = 100
CRM_PAGE = 2000
WORDS = "Three layers that breathe on the way up and hold on the way down, cut long enough to sit on. " * 6
CATALOG = """
version: 1
name: scale
source: {connection: pim, channel: ecommerce, locales: [en_US]}
target: {connection: crm}
streams:
  products:
    from: products
    to: Product2
    key: {PIM_Id__c: uuid}
    fields:
      Name: name
      ProductCode: sku
      IsActive: enabled
      Description: description
      Weight_kg__c: {value: weight, unit: KILOGRAM, round: 3}
      Rating__c: rating
    on_missing: {set: {IsActive: false}}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One plan.

    Attributes:
        seconds: of the process, from start to exit.
        peak: largest resident memory of one process, in MiB.
        file: size of the saved plan in bytes.
    """

    products: int
    changes: int
    seconds: float
    peak: float
    file: int


def uuid_of(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def product(number: int) -> dict[str, object]:
    """A product as the PIM gives it."""

    def one(data: object, locale: str | None = None, scope: str | None = None) -> list[dict[str, object]]:
        return [{"locale": locale, "scope": scope, "data": data}]

    values = {
        "sku": one(f"SKU-{number:08}"),
        "name": one(f"Jacket number {number}", "en_US"),
        "description": one(f"{number}: {WORDS}", "en_US", "ecommerce"),
        "weight": one({"amount": f"{number % 5000 + 100}.0000", "unit": "GRAM"}),
        "rating": one(f"{number % 50 / 10}"),
    }
    moment = "2026-01-02T03:04:05+00:00"
    head = {"uuid": uuid_of(number), "enabled": True, "family": "jackets", "parent": None}
    return {**head, "categories": [], "groups": [], "created": moment, "updated": moment, "values": values}


def row(number: int, every: int) -> dict[str, object]:
    """The same product as the org holds it; one in ``every`` has another name there."""
    old = " (old)" if number % every == 0 else ""
    return {
        "Id": f"01tQy{number:010d}",
        "PIM_Id__c": uuid_of(number),
        "Name": f"Jacket number {number}{old}",
        "ProductCode": f"SKU-{number:08}",
        "IsActive": True,
        "Description": f"{number}: {WORDS}".strip(),
        "Weight_kg__c": (number % 5000 + 100) / 1000,
        "Rating__c": number % 50 / 10,
    }


def pim_page(request: Request, count: int) -> Response:
    base = f"{request.base_url}api/rest/v1/products-uuid"
    start_at = int(request.query_params.get("search_after", "0"))
    end = min(start_at + PIM_PAGE, count)
    links = {"self": {"href": base}, "first": {"href": base}}
    if end < count:
        links["next"] = {"href": f"{base}?pagination_type=search_after&limit={PIM_PAGE}&search_after={end}"}
    body = {"_links": links, "_embedded": {"items": [product(number) for number in range(start_at, end)]}}
    return Response(orjson.dumps(body), media_type="application/json")


def crm_page(start_at: int, count: int, every: int) -> Response:
    end = min(start_at + CRM_PAGE, count)
    records = [{"attributes": {"type": "Product2", "url": ""}, **row(number, every)} for number in range(start_at, end)]
    body = {"totalSize": count, "done": end == count, "records": records}
    if end < count:
        body["nextRecordsUrl"] = f"/services/data/v62.0/query/01gQy0000000001-{end}"
    return Response(orjson.dumps(body), media_type="application/json")


@contextlib.contextmanager
def services(count: int, every: int) -> Iterator[dict[str, str]]:
    """Both services; yields the environment that the project's connections name."""

    async def of_pim(request: Request) -> Response | None:
        return pim_page(request, count) if request.url.path.endswith("/products-uuid") else None

    def of_crm(request: Request) -> Response | None:
        more = re.search(r"/query/01gQy0000000001-(\d+)$", request.url.path)
        if more:
            return crm_page(int(more[1]), count, every)
        asked = parse_qs(request.url.query).get("q", [""])[0]
        return crm_page(0, count, every) if " FROM Product2 WHERE " in asked else None

    pim = create_pim(load(DEMO_DATA), settings=PIM_SETTINGS)
    pim.state.pim.before.append(of_pim)
    crm = CrmSettings()
    servers = [start(pim), start(create_crm(Org(load_objects(DEMO_PROJECT / "org.json")), settings=crm, before=of_crm))]
    try:
        yield {
            "PIM_URL": servers[0].url,
            "PIM_CLIENT_ID": PIM_SETTINGS.client_id, "PIM_SECRET": PIM_SETTINGS.client_secret,
            "PIM_USER": PIM_SETTINGS.username, "PIM_PASSWORD": PIM_SETTINGS.password,
            "CRM_URL": servers[1].url, "CRM_CLIENT_ID": crm.client_id, "CRM_SECRET": crm.client_secret,
        }  # fmt: skip
    finally:
        for each in servers:
            each.stop()


def make_project(folder: Path, count: int) -> None:
    """A project whose ledger says that every product was written."""
    (folder / "catalogs").mkdir(parents=True)
    (folder / "catalogs" / "scale.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "sync-engine.yaml").write_bytes((DEMO_PROJECT / "sync-engine.yaml").read_bytes())
    with open_ledger("sqlite:///.sync-engine/ledger.db", folder) as ledger:
        transfer = ledger.begin("scale", "0" * 64, "benchmark", matched={"products": count})
        for begin in range(0, count, 10_000):
            written = (
                WrittenRecord(
                    "products",
                    uuid_of(number),
                    "Product2",
                    f"01tQy{number:010d}AAA",
                    {"IsActive": True},
                    uuid_of(number),
                )
                for number in range(begin, min(begin + 10_000, count))
            )
            ledger.commit(transfer, "scale", (), written)
        ledger.finish(transfer, Status.DONE, {"created": count})


def measure(count: int, every: int) -> Measured:
    """Plan once, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="scale-") as name, services(count, every) as environment:
        folder = Path(name)
        make_project(folder, count)
        command = [sys.executable, "-m", "sync_engine", "plan", "--out", "next.plan", "--format", "markdown"]
        with (folder / "out").open("w+", encoding="utf-8") as out:
            began = time.perf_counter()
            process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=out, stderr=out)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            said = out.read()
        if process.returncode:
            raise SystemExit(f"{command} ended with {process.returncode}:\n{said}")
        found = re.search(r"^\| scale \| 0 \| ([\d,]+) \| 0 \| 0 \| ([\d,]+) \| 0 \|", said, re.MULTILINE)
        assert found, said
        changes, unchanged = (int(each.replace(",", "")) for each in found.groups())
        assert (changes, unchanged) == (-(-count // every), count - -(-count // every)), said
        return Measured(count, changes, seconds, usage.ru_maxrss / 1024, (folder / "next.plan").stat().st_size)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("products", type=int, nargs="+")
    options.add_argument("--every", type=int, default=100, metavar="N", help="one in N has changed")
    options.add_argument("--json", action="store_true", help="one object per line")
    chosen = options.parse_args()
    if not chosen.json:
        print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for count in chosen.products:
        done = measure(count, chosen.every)
        if chosen.json:
            print(json.dumps(asdict(done)), flush=True)
            continue
        print(
            f"{done.products:>9,} products, {done.changes:>6,} changed: {done.seconds:7.1f} s, "
            f"peak {done.peak:6.1f} MiB, plan file {done.file:>9,} bytes",
            flush=True,
        )


if __name__ == "__main__":
    main()
