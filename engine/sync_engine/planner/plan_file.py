"""The plan file: JSON Lines, compressed by gzip, written and read as a stream, sealed by a digest.

Lines in order: ``head``; per catalog ``catalog``, per stream ``change``… ``kept``… ``rejection``…, then
``catalog_end``; last ``end`` with the digest of all lines before it. The digest depends on what would happen and on
nothing else (not on the time), so equal inputs give equal digests. schemas/sync_engine_schemas/plan.v1.json describes
every line.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from sync_engine import __version__
from sync_engine.catalog.model import Environment
from sync_engine.planner.fields import field_changes
from sync_engine.planner.plan import (
    BaseCommit,
    CatalogPlan,
    Change,
    ChangeKind,
    Gate,
    Kept,
    KeptField,
    PackedChange,
    Rejection,
    modified_from_data,
    modified_to_data,
)
from sync_engine.planner.plan_data import (
    base_from_data,
    catalog_from_data,
    catalog_to_data,
    environment_from_data,
    environment_to_data,
    gate_from_data,
    gate_to_data,
)
from sync_engine.sdk.errors import Refused
from sync_engine.sdk.target import Owner, Reason

FORMAT = "sync-engine plan"
VERSION = 1
PIECE = 1 << 18
"""Bytes that are read or written at a time."""
_GZIP = b"\x1f\x8b"
_ROWS = (b'{"change":', b'{"kept":', b'{"rejection":')
"""How the lines begin that are read only where they are needed; the digest vouches for them."""
_MEASURED = ("seconds", "source_requests", "requests_remaining")
"""Attributes of ``Cost`` that differ from run to run."""


class PlanWriter:
    """Writes a plan file; the file is complete only after ``seal``.

    Args:
        path: where to.
        pack: whether to compress it; not worth the time for a plan that is applied at once and thrown away.
        environment: the one it is made for.
        base: of a comparison: the version that the present one is compared with.
    """

    def __init__(
        self,
        path: Path,
        *,
        pack: bool = True,
        environment: Environment | None = None,
        base: BaseCommit | None = None,
    ) -> None:
        self._raw = path.open("wb", buffering=PIECE)
        # No name and no time in the gzip header: the same plan is the same bytes.
        self._out = (
            gzip.GzipFile(fileobj=self._raw, mode="wb", compresslevel=1, mtime=0, filename="") if pack else self._raw
        )
        self._hash = hashlib.sha256()
        head: dict[str, object] = {"format": FORMAT, "version": VERSION, "engine": __version__}
        if environment is not None:
            head["environment"] = environment_to_data(environment)
        if base is not None:
            head["base"] = {"reference": base.reference, "commit": base.commit}
        self._line({"head": head})

    def _line(self, content: Mapping[str, object]) -> int:
        line = orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)
        self._hash.update(line)
        self._out.write(line)
        return len(line)

    def catalog(self, name: str, path: str) -> None:
        """Begin a catalog."""
        self._line({"catalog": {"name": name, "path": path}})

    def change(self, stream: str, change: PackedChange) -> int:
        """Write the next change of a stream; returns the size of its line in bytes."""
        body = [change.kind, change.key, change.source_key, change.target_id, change.wave]
        fields, modified = orjson.Fragment(change.fields), modified_to_data(change.modified)
        return self._line({"change": [stream, *body, fields, modified]})

    def kept(self, stream: str, kept: Iterable[Kept]) -> None:
        """Write what differs and is left as it is."""
        for each in kept:
            fields = tuple(map(tuple, each.fields))
            body = [each.key, each.source_key, each.target_id, fields, modified_to_data(each.modified)]
            self._line({"kept": [stream, *body]})

    def rejections(self, stream: str, rejections: Iterable[Rejection]) -> None:
        """Write the rejections of a stream."""
        for each in rejections:
            reasons = [[one.code, one.message, one.field, one.owner] for one in each.reasons]
            self._line({"rejection": [stream, each.key, each.source_key, reasons]})

    def catalog_end(self, plan: CatalogPlan) -> None:
        """End a catalog with all that is known of it as a whole."""
        self._line({"catalog_end": catalog_to_data(plan)})

    def seal(self, plans: Iterable[CatalogPlan] = (), budget: Iterable[Gate] = ()) -> str:
        """Finish the file and return its digest.

        Args:
            plans: the catalogs, for what was measured of each.
            budget: see ``PlanFile``.
        """
        digest = self._hash.hexdigest()
        # What was measured says nothing of what would happen, so it stands behind the digest.
        measured = {each.name: [getattr(each.cost, name) for name in _MEASURED] for each in plans}
        end = {"digest": digest, "measured": measured, "budget": [gate_to_data(each) for each in budget]}
        self._out.write(orjson.dumps({"end": end}) + b"\n")
        self.close()
        return digest

    def close(self) -> None:
        """Close the file; without ``seal`` before it, the file is not a valid plan."""
        self._out.close()
        self._raw.close()


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A plan on disk that has been read through once and found whole.

    Attributes:
        digest: SHA-256 over all its lines.
        catalogs: without their changes, which ``changes`` reads.
        environment: the one it was made for; None for the project file alone.
        budget: what the project allows a plan to take, and what this one takes, judged when it was made.
        base: of a comparison of two versions, which cannot be applied: the old one.
    """

    path: Path
    digest: str
    catalogs: tuple[CatalogPlan, ...]
    environment: Environment | None = None
    budget: tuple[Gate, ...] = ()
    base: BaseCommit | None = None

    @property
    def tripped(self) -> tuple[Gate, ...]:
        """The gates that forbid to apply it, of whichever catalog or of the budget."""
        gates = [*(gate for each in self.catalogs for gate in each.gates), *self.budget]
        return tuple(each for each in gates if each.tripped)

    def changes(self, catalog: str, stream: str) -> Iterator[Change]:
        """The changes of a stream, in the order they are to be written."""
        return map(read_change, self._lines(catalog, stream, "change"))

    def sample(self, catalog: str, stream: str, every: int) -> Iterator[Change]:
        """The first of every so many changes of a stream, deletes left out."""
        delete = _begin("change", stream, ChangeKind.DELETE)
        lines = (each for each in self._lines(catalog, stream, "change") if not each.startswith(delete))
        return map(read_change, islice(lines, 0, None, every))

    def kept(self, catalog: str, stream: str) -> Iterator[Kept]:
        """What differs of a stream's records and is left as it is."""
        for line in self._lines(catalog, stream, "kept"):
            _, key, source_key, target_id, fields, modified = orjson.loads(line)["kept"]
            fields = tuple(map(KeptField._make, fields))
            yield Kept(key, source_key, target_id, fields, modified_from_data(modified))

    def rejections(self, catalog: str, stream: str) -> Iterator[Rejection]:
        """The rejections of a stream."""
        for line in self._lines(catalog, stream, "rejection"):
            _, key, source_key, plain = orjson.loads(line)["rejection"]
            reasons = tuple(Reason(one[0], one[1], one[2], Owner(one[3])) for one in plain)
            yield Rejection(key, source_key, reasons)

    def _lines(self, catalog: str, stream: str, kind: str) -> Iterator[bytes]:
        current = ""
        wanted = _begin(kind, stream)
        with _unpacked(self.path) as lines:
            for line in lines:
                if line.startswith(b'{"catalog":'):
                    if current == catalog:
                        return
                    current = orjson.loads(line)["catalog"]["name"]
                elif current == catalog and line.startswith(wanted):
                    yield line


def _begin(kind: str, *first: str) -> bytes:
    """How the lines of a kind begin whose first elements are these."""
    return b'{"%s":%s,' % (kind.encode(), orjson.dumps(first)[:-1])


def read_change(line: bytes) -> Change:
    """The change in a line of a plan file; the digest has vouched for it, or whatever else holds the line."""
    _, kind, key, source_key, target_id, wave, fields, modified = orjson.loads(line)["change"]
    return Change(
        *(ChangeKind(kind), key, source_key, target_id, wave, field_changes(fields)), modified_from_data(modified), line
    )


@contextlib.contextmanager
def _unpacked(path: Path) -> Iterator[Iterable[bytes]]:
    """The lines of a plan file, packed or not, in large pieces."""
    with io.BufferedReader(path.open("rb", buffering=0), PIECE) as file:
        if file.peek(len(_GZIP)).startswith(_GZIP):
            with gzip.GzipFile(fileobj=file) as unpacked, io.BufferedReader(unpacked, PIECE) as lines:
                yield lines
        else:
            yield file


def read_plan(path: Path) -> PlanFile:
    """Read a plan file through and check it.

    Raises:
        Refused: there is no such file, or it is truncated, altered, or of another version.
    """
    made_anew = "Make a new plan with `sync-engine plan --out FILE`."
    digest = hashlib.sha256()
    catalogs: list[CatalogPlan] = []
    sealed = ""
    end: dict[str, Any] = {}
    try:
        with _unpacked(path) as lines:
            lines = iter(lines)
            head = _head_of(next(_counted(lines, digest)))
            environment, base = environment_from_data(head), base_from_data(head)
            for line in lines:
                if sealed:
                    raise ValueError("there is something behind its end")
                if line.startswith(_ROWS):
                    digest.update(line)
                    continue
                ((kind, content),) = orjson.loads(line).items()
                if kind == "end":
                    sealed, end = content["digest"], content
                    continue
                digest.update(line)
                if kind == "catalog_end":
                    catalogs.append(catalog_from_data(content))
        planned = tuple(_with_measured(each, end["measured"].get(each.name)) for each in catalogs) if sealed else ()
        budget = tuple(map(gate_from_data, end["budget"])) if sealed else ()
    except FileNotFoundError:
        raise Refused(f"there is no plan file {path}", hint=made_anew) from None
    except _OtherFormat as error:
        raise Refused(f"{path} {error}", hint=made_anew) from None
    except KeyError as error:
        why = f"a line of it lacks {error}, which the format has"
        raise Refused(f"{path} is not a whole plan file: {why}", hint=made_anew) from error
    except (OSError, EOFError, ValueError, TypeError, StopIteration, AttributeError, zlib.error) as error:
        raise Refused(f"{path} is not a whole plan file: {error}", hint=made_anew) from error
    if not sealed or sealed != digest.hexdigest():
        raise Refused(f"{path} was cut off or altered: its digest does not match its content", hint=made_anew)
    return PlanFile(path, sealed, planned, environment, budget, base)


def _with_measured(plan: CatalogPlan, measured: Sequence[Any] | None) -> CatalogPlan:
    if measured is None:
        return plan
    named = dict(zip(_MEASURED, measured, strict=True))
    return dataclasses.replace(plan, cost=dataclasses.replace(plan.cost, **named))


def _counted(lines: Iterable[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for line in lines:
        digest.update(line)
        yield line


class _OtherFormat(Exception):
    """A plan file of another version of the format."""


def _head_of(line: bytes) -> dict[str, Any]:
    """The first line, after a look at whether it begins a plan file of this version."""
    head: dict[str, Any] = json.loads(line).get("head", {})
    if head.get("format") != FORMAT:
        raise ValueError("it does not begin as one")
    if head.get("version") != VERSION:
        raise _OtherFormat(
            f"is a plan of format {head.get('version')}, written by sync-engine {head.get('engine')}; "
            f"sync-engine {__version__} reads format {VERSION} only"
        )
    return head
