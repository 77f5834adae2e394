"""Services that repeat everything they were ever sent: in each way to answer, at each step of the work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from tests.journeys.between import between
from tests.journeys.small import Json, Shop, open_shop, product
from tests.reliability.canaries import canary, forms, token

from sync_engine_sandbox.crm.org import CrmSettings
from sync_engine_sandbox.faults.steps import step_of
from sync_engine_sandbox.pim.settings import PimSettings
from sync_engine_sandbox.sandbox import PIM_SETTINGS

PIM = {name: canary(f"PIM {name}") for name in ("client_id", "client_secret", "username", "password")}
PIM_GIVEN = {"access token": token("PIM access token"), "refresh token": token("PIM refresh token")}
CRM = {name: canary(f"CRM {name}") for name in ("client_id", "client_secret", "username", "password", "security_token")}
CRM_GIVEN = {"session": token("CRM session")}
SECRETS = {
    **{f"PIM {name}": each for name, each in {**PIM, **PIM_GIVEN}.items()},
    **{f"CRM {name}": each for name, each in {**CRM, **CRM_GIVEN}.items()},
}


def pim_settings() -> PimSettings:
    """A PIM that knows these secrets."""
    return replace(PIM_SETTINGS, **PIM, app_token=PIM_GIVEN["access token"])


def crm_settings() -> CrmSettings:
    """Likewise an org."""
    return CrmSettings(**CRM, access_token=CRM_GIVEN["session"])


def echo(step: str, start: int = 0) -> str:
    """All that the service was sent and gave until then, in every form, beginning at another one each time."""
    side, login = step.partition(".")[0], step.endswith(".login")
    given = {} if login else {"pim": PIM_GIVEN, "crm": CRM_GIVEN}[side]
    sent = {"pim": PIM, "crm": CRM}[side]
    found = [form for secret in {**sent, **given}.values() for form in forms(secret).values()]
    start %= len(found)
    return "x" * (start % 30) + " ".join(found[start:] + found[:start])


Answer = Callable[[str, str], Response]
"""From the side and the echo to an answer."""


def _said(status: int) -> Answer:
    def answer(side: str, text: str) -> Response:
        of_pim = {"code": status, "message": text, "errors": [{"property": text, "message": text}]}
        of_crm = [{"message": text, "errorCode": text, "fields": [text]}]
        return JSONResponse(of_pim if side == "pim" else of_crm, status)

    return answer


def _headers(side: str, text: str) -> Response:
    said = " ".join(each for each in text.split() if each.isascii())[:4000]
    given = dict.fromkeys(("WWW-Authenticate", "Retry-After", "Location", "Set-Cookie", "Sforce-Limit-Info"), said)
    return Response(b"", 403, given, media_type=f"text/{said.replace(' ', '')}")


def _shape(side: str, text: str) -> Response:
    names = ("error", "id", "state", "records", "totalSize", "fields", "name", "errorMessage", "created", "_links")
    return JSONResponse({text: text, **dict.fromkeys(names, text)})


def _rows(side: str, text: str) -> Response:
    errors = [{"statusCode": text, "message": text, "fields": [text]}]
    return JSONResponse([{"success": False, "created": False, "errors": errors}])


def _csv(side: str, text: str) -> Response:
    quoted = text.replace('"', '""')
    return PlainTextResponse(f'sf__Id,sf__Error,Key__c,"{quoted}"\n,"{quoted}","{quoted}"\n', media_type="text/csv")


ANSWERS: Mapping[str, Answer] = {
    **{f"{each}": _said(each) for each in (400, 401, 403, 404, 422, 429, 500, 503)},
    "a page": lambda _, text: HTMLResponse(f"<h1>{text}</h1>"),
    "a page, 403": lambda _, text: HTMLResponse(f"<h1>{text}</h1>", 403),
    "a page, 502": lambda _, text: HTMLResponse(f"<h1>{text}</h1>", 502),
    "elsewhere": lambda _, text: RedirectResponse(f"https://elsewhere.example/?q={text}"),
    "headers": _headers,
    "OAuth": lambda _, text: JSONResponse({"error": text, "error_description": text}, 400),
    "SOAP": lambda _, text: Response(
        f"<e><sf:exceptionCode>{text}</sf:exceptionCode><sf:exceptionMessage>{text}</sf:exceptionMessage></e>",
        500,
        media_type="text/xml",
    ),
    "another shape": _shape,
    "a list": lambda _, text: JSONResponse([text, {"error": text}]),
    "half of it": lambda _, text: Response(json.dumps({"message": text})[:-1], media_type="application/json"),
    "rows": _rows,
    "CSV": _csv,
}

STEPS: Mapping[str, tuple[str, ...]] = {
    "pim.login": ("doctor",),
    "pim.schema": ("snapshot",),
    "pim.page": ("plan", "--format", "json"),
    "crm.login": ("doctor",),
    "crm.limits": ("plan",),
    "crm.schema": ("plan", "--format", "html"),
    "crm.query": ("plan", "--format", "markdown"),
    "crm.write": ("apply", "--yes", "--json"),
    "crm.delete": ("apply", "--yes"),
    "crm.create": ("apply", "--yes"),
    "crm.upload": ("apply", "--yes"),
    "crm.close": ("apply", "--yes", "--json"),
    "crm.poll": ("apply", "--yes"),
    "crm.results": ("apply", "--yes"),
}
"""By step of the work: a command in which it comes."""


@dataclass
class Echoing:
    """Both services; ``step`` is what they answer with an echo, in the way ``how``, and ``times`` how often it came."""

    shop: Shop
    step: str = ""
    how: str = ""
    times: int = 0
    number: int = field(default=0)

    def answer(self, request: Request) -> Response | None:
        """An echo where it is due; else a login with the canaries that the services know, or what they say."""
        step = step_of(request.method, request.url.path)
        side = "pim" if "/api/" in request.url.path else "crm"
        if step and step == self.step:
            self.times += 1
            start = int(hashlib.sha256(f"{step} {self.how}".encode()).hexdigest()[:4], 16)
            return ANSWERS[self.how](side, echo(step, start + self.times))
        if step == "pim.login":
            access, refresh = PIM_GIVEN.values()
            return JSONResponse({"access_token": access, "refresh_token": refresh, "expires_in": 3600})
        if step == "crm.login":
            return JSONResponse({"access_token": CRM_GIVEN["session"], "instance_url": str(request.base_url)})
        return None

    @contextmanager
    def at(self, step: str, how: str) -> Iterator[None]:
        """Answer so at this step."""
        self.step, self.how, self.times = step, how, 0
        try:
            yield
        finally:
            self.step = ""

    def stock(self) -> None:
        """Make work for every step: a product to create, one to change, one that is gone."""
        self.number += 1
        pim = self.shop.sandbox.pim
        pim.add_product(**product(f"N{self.number}", name="New"))
        self.shop.change("A", name=f"Name {self.number}")
        if self.number > 1:
            pim.delete_product(_uuid(f"N{self.number - 1}"))


def _uuid(sku: str) -> str:
    return str(product(sku)["uuid"])


ITEMS: Json = {
    "from": "products",
    "to": "Item__c",
    "key": {"Key__c": "sku"},
    "fields": {"Name": "name"},
    "on_missing": "delete",
}
LOGIN = ("client_id", "client_secret", "username", "password", "security_token")


@contextmanager
def open_echoing(folder: Path, **settings: Any) -> Iterator[Echoing]:
    """A shop whose two services know the canaries; ``settings`` are further ones of the org's connection."""
    products = [product(each, name=f"Mug {each}") for each in "AB"]
    with ExitStack() as stack:
        shop = stack.enter_context(open_shop(folder, products=products, crm=crm_settings(), pim=pim_settings()))
        found = Echoing(shop)
        shop.write(
            {"items": ITEMS},
            log={"level": "full"},
            safety={f"max_{each}_percent": 100 for each in ("delete", "update", "emptied", "rejected", "collapse")},
        )
        lines = "".join(f'    {name}: "${{CRM_{name.upper()}}}"\n' for name in LOGIN)
        text = (shop.project.folder / "sync-engine.yaml").read_text(encoding="utf-8")
        old = text[text.index("    auth:") : text.index("state:")]
        shop.project.edit("sync-engine.yaml", (old, f"    auth: password\n{lines}"))
        shop.project.environment.update({f"CRM_{name.upper()}": CRM[name] for name in LOGIN})
        shop.connect("pim", retry_minutes=0, timeout=5)
        shop.connect("crm", retry_minutes=0, timeout=5, poll_seconds=1, **settings)
        for name in ("PIM_URL", "CRM_URL"):
            url = stack.enter_context(between(shop.project.environment[name], found.answer))
            shop.project.environment[name] = url
        yield found
