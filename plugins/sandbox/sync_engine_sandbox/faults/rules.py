"""Rules say what goes wrong, where and how often; profiles are named lists of rules, kept in ``profiles.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from sync_engine_sandbox.faults.steps import CRM, EVENTS, PIM, REQUESTS

FAULTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    # In the place of the server: the request has no effect.
    "429": ("429 with `Retry-After`", (PIM, CRM)),
    "429_silent": ("429 without `Retry-After`", (PIM, CRM)),
    "500": ("500 in the service's own JSON", (PIM, CRM)),
    "502": ("502 with an HTML page, as a gateway gives it", (PIM, CRM)),
    "503": ("503: the PIM's as an HTML page, the CRM's in JSON", (PIM, CRM)),
    "html": ("200 with an HTML page, as a login page or a proxy gives it", (PIM, CRM)),
    "reset": ("the connection is reset, before anything was done", (PIM, CRM)),
    "hang": ("the request is taken and never answered", (PIM, CRM)),
    "concurrent": ("403 REQUEST_LIMIT_EXCEEDED: too many long requests at the same time", (CRM,)),
    "daily_limit": ("403 REQUEST_LIMIT_EXCEEDED: the requests of the day are used up", (CRM,)),
    # On the way back: the request has its effect.
    "lost": ("the connection is reset after it was done", (PIM, CRM)),
    "late": ("the connection is reset, and it is done `seconds` after that", (PIM, CRM)),
    "cut": ("the connection breaks off in the middle of the answer", (PIM, CRM)),
    "slow": ("the answer comes byte by byte, one every `seconds`", (PIM, CRM)),
    "half": ("the second half of the answer's body is missing, and nothing says so", (PIM, CRM)),
    "half_gzip": ("likewise, of a body that is packed with gzip", (PIM, CRM)),
    "twice": ("the request is carried out twice; the answer to the first is lost", (PIM, CRM)),
    "disorder": ("what has no promised order comes in another one: records of queries, values of products", (PIM, CRM)),
    # To the service itself.
    "expired": ("all tokens and sessions are dead from now on", (PIM, CRM)),
    "clock": (
        "the server's clock is off by `seconds` from now on: Date headers, created and updated times",
        (PIM, CRM),
    ),
    "edited": ("somebody edits a product", (PIM,)),
    "created": ("somebody creates a product like another one", (PIM,)),
    "deleted": ("somebody deletes a product", (PIM,)),
    "narrowed": ("a text field, `field` or any custom one of the object, takes half as many characters", (CRM,)),
    "removed": ("a field, `field` or any custom text of the object, is gone or hidden from the user", (CRM,)),
    # Inside of the CRM.
    "locked": ("the record is locked: UNABLE_TO_LOCK_ROW", ("crm.row",)),
    "job_fails": ("the job fails; its other rows are unprocessed", ("crm.chunk",)),
    "job_cut": ("the day's batches are used up: the job is complete, its other rows are in no file", ("crm.chunk",)),
}
"""By name: what happens, and where it can."""

_OPTIONS: Mapping[str, type | tuple[type, ...]] = {
    "fault": str, "at": str, "chance": (int, float), "skip": int, "times": int, "seconds": (int, float), "field": str
}  # fmt: skip


class FaultsError(Exception):
    """Rules or a profile cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that goes wrong.

    Attributes:
        fault: what, a name in ``FAULTS``.
        at: where: a request or an event of ``steps``, or ``pim`` or ``crm`` for all requests of one server.
        chance: how probable it is each time.
        skip: so many times nothing happens first.
        times: how often it happens at most; None for as long as the rules are in force.
        seconds: for ``late``, ``slow``, ``clock`` and the ``Retry-After`` of ``429``.
        field: for ``narrowed`` and ``removed``: object and field, such as ``Product2.PIM_EAN__c``; for ``locked`` the
            object alone.
    """

    fault: str
    at: str
    chance: float = 1.0
    skip: int = 0
    times: int | None = None
    seconds: float = 1.0
    field: str = ""

    def __post_init__(self) -> None:
        if self.fault not in FAULTS:
            raise FaultsError(f"there is no fault `{self.fault}`; there are {', '.join(FAULTS)}")
        places = FAULTS[self.fault][1]
        if self.at not in (PIM, CRM, *REQUESTS, *EVENTS):
            raise FaultsError(f"there is no place `{self.at}`; there are {', '.join((PIM, CRM, *REQUESTS, *EVENTS))}")
        if self.at not in places and (self.at in EVENTS or self.side not in places):
            raise FaultsError(f"`{self.fault}` cannot happen at `{self.at}`, only at {', '.join(places)}")
        if not 0 < self.chance <= 1:
            raise FaultsError(f"a chance lies above 0 and is 1 at most, not {self.chance}")

    @property
    def side(self) -> str:
        """The server that it concerns."""
        return self.at.partition(".")[0]

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def read_rules(given: object) -> list[Rule]:
    """Rules from plain data.

    Raises:
        FaultsError: they cannot be used.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise FaultsError("`rules` is a list of rules")
    return [_read_rule(number, each) for number, each in enumerate(given)]


def _read_rule(number: int, given: object) -> Rule:
    try:
        if not isinstance(given, Mapping) or not {"fault", "at"} <= given.keys():
            raise FaultsError("a rule is an object with `fault` and `at`")
        for name, value in given.items():
            wanted = _OPTIONS.get(name)
            if wanted is None:
                raise FaultsError(f"a rule has no `{name}`; it has {', '.join(_OPTIONS)}")
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise FaultsError(f"`{name}` cannot be {json.dumps(value)}")
        return Rule(**given)
    except FaultsError as error:
        raise FaultsError(f"rules[{number}]: {error}") from None


def profiles() -> dict[str, dict[str, Any]]:
    """The profiles that come with the sandbox: ``description`` and ``rules`` by name."""
    text = files(__package__).joinpath("profiles.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def load_profile(name: str) -> list[Rule]:
    """The rules of a profile.

    Args:
        name: of one that comes with the sandbox, or the path of a JSON file with ``{"rules": […]}``.

    Raises:
        FaultsError: there is no such profile, or it cannot be used.
    """
    known = profiles()
    if name in known:
        return read_rules(known[name]["rules"])
    if not name.endswith(".json"):
        raise FaultsError(f"there is no profile `{name}`; there are {', '.join(known)}, or the path of a .json file")
    try:
        document = json.loads(Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FaultsError(f"{name} cannot be read: {error}") from error
    if not isinstance(document, Mapping) or "rules" not in document:
        raise FaultsError(f"{name} has no `rules`")
    try:
        return read_rules(document["rules"])
    except FaultsError as error:
        raise FaultsError(f"{name}: {error}") from None
