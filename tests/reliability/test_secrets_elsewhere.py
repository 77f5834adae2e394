"""No secret gets out where something else than both services fails: networks, proxies, plugins, receivers, git, CI."""

from __future__ import annotations

import json
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from tests.journeys.conftest import Project
from tests.journeys.receivers import http_receiver, make_certificate
from tests.journeys.serving import Served, serving
from tests.journeys.small import Shop, open_shop, product
from tests.reliability import repeating
from tests.reliability.canaries import assert_no_canary, canary, logged, token
from tests.reliability.echoing import ITEMS, SECRETS, Echoing, open_echoing

OTHERS = {
    name: canary(name)
    for name in ("proxy", "hook", "hook address", "mail", "git", "ledger", "server", "webhook", "old webhook")
}
PLATFORM = {"platform": token("platform")}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echoing]:
    with open_echoing(tmp_path_factory.mktemp("elsewhere")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def look(services: Echoing, capture: pytest.LogCaptureFixture, *commands: tuple[str, ...], **environment: str) -> str:
    """Run commands with other variables; gives what they printed, in which no secret is."""
    shop, before = services.shop, dict(services.shop.project.environment)
    shop.project.environment.update(environment)
    try:
        told = [shop.run(*each, code=None) for each in commands]
    finally:
        shop.project.environment.clear()
        shop.project.environment.update(before)
    shown = "".join(each.out + each.err for each in told)
    assert_no_canary({**SECRETS, **OTHERS, **PLATFORM}, shown, logged(capture), folder=shop.project.folder)
    return shown


def test_not_where_a_service_cannot_be_reached_or_trusted(
    services: Echoing, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(tmp_path / "certificate.pem"))

    def not_trusted(peer: object) -> None:
        context.wrap_socket(peer, server_side=True).close()  # type: ignore[arg-type]

    with repeating.listening(not_trusted) as port, repeating.listening(lambda peer: None) as closing:
        for url in (f"https://127.0.0.1:{port}", f"http://127.0.0.1:{closing}", "http://127.0.0.1:9", "http://[::1"):
            for side in ("PIM_URL", "CRM_URL"):
                assert "✗" in look(services, caplog, ("doctor",), **{side: url})


def test_not_where_a_proxy_refuses_its_login(services: Echoing, caplog: pytest.LogCaptureFixture) -> None:
    with repeating.listening(repeating.proxy) as port:
        proxy = f"http://jane:{quote(OTHERS['proxy'], safe='')}@127.0.0.1:{port}"
        urls = {"PIM_URL": "https://pim.example", "CRM_URL": "https://crm.example"}
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            shown = look(services, caplog, ("doctor",), NO_PROXY="", no_proxy="", **urls, **{name: proxy})
            assert "407" in shown


CRASHING = """
import base64, json, urllib.parse
from sync_engine.sdk.values import Secret, reveal

class Adapter:
    name, contract_version = "crashing", 1
    text = {"type": "string", "description": "A text.", "examples": ["x"]}
    settings_schema = {"type": "object", "properties": {"password": text, "given": text}}

    def open(self, connection, settings, mask):
        self.secret, self.given = reveal(settings["password"]), reveal(settings["given"])
        mask.hide([Secret(self.given)])
        return self

    def describe(self, *_):
        try:
            raise KeyError(self.secret)
        except KeyError as error:
            error.add_note(f"asked with {self.secret} and {json.dumps([self.given])}")
            packed = base64.b64encode(b"u:" + self.secret.encode())
            raise RuntimeError(packed, urllib.parse.quote(self.secret), [self.secret, self.given]) from error

    def close(self):
        pass

adapter = Adapter()
"""


@pytest.mark.parametrize("plain", [False, True])
def test_not_where_a_plugin_crashes(tmp_path: Path, plain: bool) -> None:
    secrets = {"password": canary("crash"), "given": canary("given")}
    site, info, folder = tmp_path / "site", tmp_path / "site" / "crashing-1.0.dist-info", tmp_path / "project"
    info.mkdir(parents=True)
    (site / "crashing.py").write_text(CRASHING)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: crashing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sync_engine.sources]\ncrashing = crashing:adapter\n")
    (folder / "catalogs").mkdir(parents=True)
    password = secrets["password"].replace("$", "$$") if plain else "${PASSWORD}"
    connections = {
        "pim": {"adapter": "crashing", "password": password, "given": "${GIVEN}"},
        "crm": {"adapter": "salesforce", "url": "http://127.0.0.1:9", "auth": "token", "access_token": "${PASSWORD}"},
    }
    with http_receiver() as receiver:
        hooks = {"ops": {"kind": "webhook", "url": receiver.url}}
        project = {"version": 1, "connections": connections, "notifications": hooks}
        (folder / "sync-engine.yaml").write_text(json.dumps(project), encoding="utf-8")
        catalog = {
            "version": 1,
            "name": "shop",
            "source": {"connection": "pim", "channel": "web", "locales": ["en_US"]},
            "target": {"connection": "crm"},
            "streams": {"items": ITEMS},
        }
        (folder / "catalogs" / "shop.yaml").write_text(json.dumps(catalog), encoding="utf-8")
        variables = {"PASSWORD": secrets["password"], "GIVEN": secrets["given"], "PYTHONPATH": str(site)}
        told = [
            subprocess.run(
                [sys.executable, "-m", "sync_engine", *command],
                cwd=folder,
                env={**os.environ, **variables, "NO_COLOR": "1"},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            for command in (("apply", "--yes"), ("doctor",))
        ]
    (folder / "sync-engine.yaml").unlink()  # which holds the secret itself where it is plain
    assert all("this is a defect" in each.stderr and "RuntimeError" in each.stderr for each in told), told
    assert receiver.requests
    heard = [each.body.decode() for each in receiver.requests]
    assert_no_canary(secrets, *[each.stdout + each.stderr for each in told], *heard, folder=folder)


HOOKS = """\
notifications:
  hook: {kind: webhook, url: "${HOOK}", secret: "${HOOK_SECRET}"}
  chat: {kind: slack, url: "${HOOK}"}
  mail: {kind: email, host: 127.0.0.1, port: "${MAIL_PORT}", security: none, from: a@b.example, to: [c@d.example],
         username: jane, password: "${MAIL_PASSWORD}"}
"""


def test_not_where_nobody_can_be_told(services: Echoing, caplog: pytest.LogCaptureFixture) -> None:
    path = services.shop.project.folder / "sync-engine.yaml"
    before = path.read_text(encoding="utf-8")
    secret = {"hook": OTHERS["hook"], "address": OTHERS["hook address"]}
    elsewhere = {"Location": "https://elsewhere.example"}
    with ExitStack() as stack:
        mail = stack.enter_context(repeating.listening(repeating.mail))
        urls = [
            stack.enter_context(repeating.web(500, secret)),
            stack.enter_context(repeating.web(302, secret, elsewhere)),
            "http://127.0.0.1:9",
            "https://127.0.0.1:9",
            "http://hook.example",
        ]
        try:
            path.write_text(before + HOOKS.replace('"${MAIL_PORT}"', str(mail)), encoding="utf-8")
            for url in urls:
                given = {
                    "HOOK": f"{url}/{quote(OTHERS['hook address'], safe='')}",
                    "HOOK_SECRET": OTHERS["hook"],
                    "MAIL_PASSWORD": OTHERS["mail"],
                }
                commands = [("notify", each, "--test") for each in ("hook", "chat", "mail")]
                shown = look(services, caplog, *commands, ("apply", "--yes"), PIM_URL="http://127.0.0.1:9", **given)
                assert shown.count("was not delivered") == 6, shown
        finally:
            path.write_text(before, encoding="utf-8")


@pytest.mark.parametrize("quoted", [True, False])
def test_not_where_the_ledger_cannot_be_opened(
    services: Echoing, caplog: pytest.LogCaptureFixture, quoted: bool
) -> None:
    services.shop.project.edit("sync-engine.yaml", ("state: sqlite:///.sync-engine/ledger.db", 'state: "${LEDGER}"'))
    try:
        with repeating.listening(repeating.database) as port:
            secret = OTHERS["ledger"]
            for host in (f"127.0.0.1:{port}", "127.0.0.1:9"):
                address = f"postgresql://jane:{quote(secret, safe='') if quoted else secret}@{host}/ledger"
                shown = look(services, caplog, ("apply", "--yes"), ("doctor",), ("transfers", "list"), LEDGER=address)
                assert "postgresql://" in shown or "SE812" in shown
    finally:
        services.shop.project.edit(
            "sync-engine.yaml", ('state: "${LEDGER}"', "state: sqlite:///.sync-engine/ledger.db")
        )


@pytest.mark.parametrize("status", [200, 302, 401, 403, 500])
def test_not_where_a_platform_refuses(services: Echoing, caplog: pytest.LogCaptureFixture, status: int) -> None:
    plan = str(services.shop.project.folder / "saved.plan")
    services.shop.run("plan", "--out", plan)
    with repeating.web(status, PLATFORM, {"Location": "https://elsewhere.example"}) as url:
        hub = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": url,
            "GITHUB_REPOSITORY": "shop/catalogs",
            "GITHUB_SHA": "b" * 40,
            "GITHUB_TOKEN": PLATFORM["platform"],
        }
        lab = {
            "GITHUB_ACTIONS": "",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": url,
            "CI_PROJECT_ID": "42",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_COMMIT_SHA": "b" * 40,
            "GITLAB_TOKEN": PLATFORM["platform"],
        }
        for environment in (hub, lab):
            commands = (("pull-request", "digest"), ("pull-request", "comment", plan))
            assert "Error" in look(services, caplog, *commands, **environment)


PLAIN = """\
version: 1
connections:
  pim: {adapter: akeneo, url: "http://127.0.0.1:9", token: %(PIM access token)s, pages: %(PIM password)s}
  crm: {adapter: salesforce, url: "http://127.0.0.1:9", auth: token, access_token: %(CRM session)s,
        private_key: [%(server)s]}
notifications:
  chat: {kind: slack, url: %(hook address)s, on: [nothing]}
  mail: {kind: email, host: 127.0.0.1, from: a@b.example, to: [c@d.example], username: 5, password: %(mail)s}
serve: {token: %(server)s, git_token: %(git)s, webhook_secret: %(webhook)s, webhook_old_secret: %(old webhook)s, no: 1}
state: "postgresql://jane:%(ledger address)s@127.0.0.1:9/ledger"
nothing: 1
"""


def test_not_where_they_stand_in_a_project_file_with_mistakes(tmp_path: Path) -> None:
    secrets = {**SECRETS, **OTHERS}
    written = {name: json.dumps(each.replace("$", "$$")) for name, each in secrets.items()}
    written["ledger address"] = quote(secrets["ledger"], safe="")
    (tmp_path / "catalogs").mkdir()
    (tmp_path / "sync-engine.yaml").write_text(PLAIN % written, encoding="utf-8")
    here = Shop(Project(tmp_path, {}), None)  # type: ignore[arg-type] # nothing is asked
    told = [here.run("validate", "--format", each, code=3) for each in ("text", "json", "github", "gitlab", "sarif")]
    found = [each.out + each.err for each in told]
    assert all("SE611" in each for each in found)
    assert_no_canary(secrets, *found)


def test_not_in_reports_on_what_an_environment_changes(services: Echoing, caplog: pytest.LogCaptureFixture) -> None:
    folder = services.shop.project.folder
    plain = {"client_secret": SECRETS["CRM client_secret"], "password": "${CRM_PASSWORD}"}
    (folder / "environments").mkdir()
    path = folder / "environments" / "test.yaml"
    path.write_text(
        json.dumps({"version": 1, "state": "sqlite:///.sync-engine/test.db", "connections": {"crm": plain}}),
        encoding="utf-8",
    )
    environment = ("--env", "test")
    try:
        told = [
            services.shop.run(*environment, "plan", "--format", each) for each in ("text", "json", "markdown", "html")
        ]
        told += [services.shop.run(*environment, "plan", "--out", str(folder / "saved.plan"))]
        told += [services.shop.run("show", str(folder / "saved.plan"), "--format", "json")]
    finally:
        path.unlink()
    assert any("client_secret" in each.out for each in told)
    assert_no_canary(SECRETS, *[each.out + each.err for each in told], logged(caplog), folder=folder)


SERVE = """\
serve:
  token: "${SERVE_TOKEN}"
  git_token: "${GIT_TOKEN}"
  webhook_secret: "${HOOK_ONE}"
  webhook_old_secret: "${HOOK_TWO}"
"""
PATHS = ("/metrics", "/healthz", "/readyz", "/api/status", "/api/catalogs", "/api/catalogs/shop", "/api/transfers")


def answer(served: Served, path: str) -> str:
    return httpx.get(served.url + path, headers=served.headers, timeout=30).text


def test_not_where_serve_cannot_get_at_its_repository_or_ledger(tmp_path: Path) -> None:
    secrets = {"git": OTHERS["git"]}
    known = {"SERVE_TOKEN": token("serve"), "GIT_TOKEN": OTHERS["git"]}
    known |= {"HOOK_ONE": OTHERS["webhook"], "HOOK_TWO": OTHERS["old webhook"]}
    with repeating.web(403, secrets) as url, open_shop(tmp_path, products=[product("A")]) as shop:
        shop.project.edit("sync-engine.yaml", ("state:", f"{SERVE}state:"))
        shop.write({"items": ITEMS})
        environment = {**shop.project.environment, **known}
        with serving(shop.project.folder, environment, "--git", f"{url}/x.git", "--poll-seconds", "1") as served:
            served.headers = {"Authorization": f"Bearer {known['SERVE_TOKEN']}"}
            served.until(lambda status: status["trouble"])
            shown = [answer(served, path) for path in PATHS]
        shown.append(served.said)
    assert "remote:" in shown[-1] or "403" in shown[-1]
    assert_no_canary({**OTHERS, "serve": known["SERVE_TOKEN"]}, *shown, folder=shop.project.folder)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["ledger", "pim.page"])
def test_not_where_serve_cannot_transfer(services: Echoing, tmp_path: Path, what: str) -> None:
    shop: Shop = services.shop
    with ExitStack() as stack:
        environment = dict(shop.project.environment)
        if what == "ledger":
            port = stack.enter_context(repeating.listening(repeating.database))
            environment["LEDGER"] = f"postgresql://jane:{quote(OTHERS['ledger'], safe='')}@127.0.0.1:{port}/ledger"
            shop.project.edit("sync-engine.yaml", ("state: sqlite:///.sync-engine/ledger.db", 'state: "${LEDGER}"'))
            stack.callback(
                shop.project.edit,
                "sync-engine.yaml",
                ('state: "${LEDGER}"', "state: sqlite:///.sync-engine/ledger.db"),
            )
        else:
            stack.enter_context(services.at(what, "403"))
        served = stack.enter_context(serving(shop.project.folder, environment, name=what))
        if what == "ledger":
            served.until(lambda status: status["ledger_error"])
        else:
            served.until_said("ended with")
        shown = [answer(served, path) for path in PATHS]
        served.stop()
        shown.append(served.said)
    assert_no_canary({**SECRETS, **OTHERS}, *shown, folder=shop.project.folder)
