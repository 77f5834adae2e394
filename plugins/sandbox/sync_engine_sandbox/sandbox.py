"""Both servers together, as the demo, users' tests and ours start them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sync_engine_sandbox.crm.app import create_app as create_crm
from sync_engine_sandbox.crm.objects import load_objects
from sync_engine_sandbox.crm.org import CrmSettings, Org
from sync_engine_sandbox.faults import Faults
from sync_engine_sandbox.faults.middleware import FaultyServer
from sync_engine_sandbox.faults.steps import CRM, PIM
from sync_engine_sandbox.faults.world import World
from sync_engine_sandbox.pim.app import create_app as create_pim
from sync_engine_sandbox.pim.data import load
from sync_engine_sandbox.pim.settings import PimSettings
from sync_engine_sandbox.pim.state import PimState
from sync_engine_sandbox.server import start

DEMO_DATA = Path(__file__).parent / "demo_data"
DEMO_PROJECT = Path(__file__).parent / "demo_project"

PIM_SETTINGS = PimSettings(
    client_id="sandbox-client",
    client_secret="sandbox-secret",  # noqa: S106 - of a server on loopback that holds nothing
    username="sandbox",
    password="sandbox-password",  # noqa: S106
    app_token="sandbox-app-token",  # noqa: S106
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Two running servers.

    Attributes:
        access: what a client needs, as ``sync-engine sandbox`` prints it: ``{"pim": {"url", …}, "crm": {…}}``.
        pim: the PIM's state, to look at and to change from inside the process.
        org: the CRM's records, likewise.
        faults: what goes wrong at both.
    """

    access: Mapping[str, Mapping[str, str]]
    pim: PimState
    org: Org
    faults: Faults

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that the demo project's connections refer to."""
        pim, crm = self.access["pim"], self.access["crm"]
        return {
            "PIM_URL": pim["url"],
            "PIM_CLIENT_ID": pim["client_id"],
            "PIM_SECRET": pim["client_secret"],
            "PIM_USER": pim["username"],
            "PIM_PASSWORD": pim["password"],
            "PIM_TOKEN": pim["token"],
            "CRM_URL": crm["url"],
            "CRM_CLIENT_ID": crm["client_id"],
            "CRM_SECRET": crm["client_secret"],
            "CRM_USER": crm["username"],
            "CRM_PASSWORD": crm["password"],
            "CRM_TOKEN": crm["token"],
        }


@contextmanager
def running(
    data: Path = DEMO_DATA,
    objects: Path | None = DEMO_PROJECT / "org.json",
    *,
    pim_settings: PimSettings = PIM_SETTINGS,
    crm_settings: CrmSettings = CrmSettings(),  # noqa: B008 - frozen
    pim_port: int = 0,
    crm_port: int = 0,
) -> Iterator[Sandbox]:
    """Start both servers on loopback and stop them at the end.

    Args:
        data: folder of JSON Lines for the PIM.
        objects: JSON file with the CRM's custom objects and fields; None leaves the standard ones.
        pim_settings: credentials, limits and delays of the PIM.
        crm_settings: likewise of the CRM.
        pim_port: 0 takes any free port.
        crm_port: likewise.

    Raises:
        DataError, ObjectsError: a file cannot be used; the message says where.
        OSError: a port is taken.
    """
    faults = Faults()
    org = Org(load_objects(objects), faults.clock(CRM, lambda: datetime.now(UTC)))
    pim_app = create_pim(load(data), settings=replace(pim_settings, clock=faults.clock(PIM, pim_settings.clock)))
    crm_app = create_crm(org, settings=crm_settings)
    world = World(pim_app.state.pim, org, faults)
    world.lay()
    pim_server = start(FaultyServer(pim_app, PIM, world), pim_port, dated=False)
    try:
        crm_server = start(FaultyServer(crm_app, CRM, world), crm_port, dated=False)
    except BaseException:
        pim_server.stop()
        raise
    access = {
        "pim": {
            "url": pim_server.url,
            "client_id": pim_settings.client_id,
            "client_secret": pim_settings.client_secret,
            "username": pim_settings.username,
            "password": pim_settings.password,
            "token": pim_settings.app_token or "",
        },
        "crm": {
            "url": crm_server.url,
            "client_id": crm_settings.client_id,
            "client_secret": crm_settings.client_secret,
            "username": crm_settings.username,
            "password": crm_settings.password,
            "token": crm_settings.security_token,
        },
    }
    try:
        yield Sandbox(access, pim_app.state.pim, org, faults)
    finally:
        crm_server.stop()
        pim_server.stop()
