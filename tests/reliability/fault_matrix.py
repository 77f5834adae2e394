"""Every fault at every step of a transfer: what must come of it, or why it cannot happen there.

The one table that ``test_faults`` walks and ``docs/fault-matrix.md`` is written from:
``python -m tests.reliability.fault_matrix > docs/fault-matrix.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a transfer.

    Attributes:
        what: is done in it.
        at: the place in the sandbox where its request arrives; empty where nobody is asked.
        shape: of the world that passes it, a name in ``faulty.SHAPES``.
        text: object and text field that are written in it.
        rows: of this object that are written before.
        last: it is the last request of its kind; otherwise the first.
        writes: whether records of the org may have been written when it is reached.
        planned: the transfer applies a plan that was saved before the fault.
    """

    what: str
    at: str = ""
    shape: str = "small collections"
    text: str = "Item__c.Notes__c"
    rows: int = 0
    last: bool = False
    writes: bool = False
    planned: bool = False

    @property
    def connection(self) -> str:
        """The connection that is asked."""
        return self.at.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        what: goes wrong.
        names: of the sandbox's faults (docs/sandbox.md); each happens once.
        at: where, when it is not the place of the step.
        skip: so many times nothing happens first.
        lasts: it happens every time, not once.
        seconds: see the sandbox's rules.
        settings: of both connections while it lasts.
    """

    what: str
    names: tuple[str, ...]
    at: str = ""
    skip: int = 0
    lasts: bool = False
    seconds: float = 0
    settings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come of a fault.

    Attributes:
        what: must be.
        codes: exit codes of the transfer that met it.
        further: how many transfers it takes at the most until all is there and nothing is left to do.
        says: what it says of it.
        seconds: it takes at the least.
    """

    what: str
    codes: tuple[int, ...]
    further: int
    says: str = ""
    seconds: float = 0


@dataclass(frozen=True, slots=True)
class Impossible:
    """Why a fault cannot happen at a step."""

    why: str


BULK, FILES, LOGGED = "bulk jobs", "files, deletes and inserts", "logged"
STEPS: Mapping[str, Step] = {
    "pim-login": Step("a token of the PIM is asked for", "pim.login"),
    "crm-login": Step("a session of the org is asked for", "crm.login"),
    "pim-schema": Step("attributes, families, channels are read", "pim.schema"),
    "crm-schema": Step("objects of the org are described", "crm.schema"),
    "stale": Step("they are described again, to apply a saved plan", "crm.schema", planned=True),
    "page": Step("a page of products is read", "pim.page"),
    "read": Step("the org's records are read, to be compared", "crm.query"),
    "map": Step("rows are made of products, and compared"),
    "write": Step("records are written by Collections", "crm.write", writes=True),
    "insert": Step(
        "records without an external id are inserted",
        *("crm.write.insert", FILES, "Pair__c.Title__c"),
        writes=True,
    ),
    "file": Step("a picture is downloaded from the PIM", "pim.file", FILES, writes=True),
    "send": Step("the picture is sent to the org", "crm.write.file", FILES, "ContentVersion.Title", writes=True),
    "create": Step("a bulk job is made", "crm.create", BULK, writes=True),
    "upload": Step("it gets its rows", "crm.upload", BULK, writes=True),
    "close": Step("it is closed, so that the org begins", "crm.close", BULK, writes=True),
    "poll": Step("it is asked how far it is", "crm.poll", BULK, writes=True),
    "results": Step("what became of its rows is fetched", "crm.results", BULK, writes=True),
    "commit": Step("outcomes go into the ledger"),
    "log": Step(
        "the record of the transfer is written into the org, where the catalog wants one",
        *("crm.write", LOGGED, "PIM_Transfer__c.Catalog__c"),
        last=True,
        writes=True,
    ),
    "delete": Step("records are deleted", "crm.delete", rows=6, writes=True),
}

FAULTS: Mapping[str, Mapping[str, Fault]] = {
    "The service cannot answer": {
        "429": Fault("too many requests, with Retry-After: 1", ("429",), seconds=1),
        "429s": Fault("too many requests, without Retry-After", ("429_silent",)),
        "500": Fault("an error of the service", ("500",)),
        "502": Fault("a gateway's page", ("502",)),
        "503": Fault("the service is away", ("503",)),
        "down": Fault("it is away for longer than we wait", ("503",), lasts=True, settings={"retry_minutes": 0}),
        "busy": Fault("too many long requests at the same time", ("concurrent",)),
        "day": Fault("the requests of the day are used up", ("daily_limit",), lasts=True),
    },
    "The connection and the answer": {
        "reset": Fault("the connection is reset before anything was done", ("reset",)),
        "lost": Fault("the connection is reset after it was done", ("lost",)),
        "hang": Fault("no answer at all", ("hang",), settings={"timeout": 1}),
        "slow": Fault("the answer comes byte by byte", ("slow",)),
        "cut": Fault("the connection breaks off in the middle of the answer", ("cut",)),
        "half": Fault("half of a JSON or CSV document, or of a file, as if it were whole", ("half",)),
        "gzip": Fault("half of an answer that is packed with gzip", ("half_gzip",)),
        "html": Fault("status 200 with an HTML page", ("html",)),
        "twice": Fault("the request is delivered twice", ("twice",)),
        "order": Fault("what has no promised order comes in another one", ("disorder",)),
    },
    "The services and their data": {
        "token": Fault("all tokens and sessions end", ("expired",)),
        "clock": Fault("the clock of the service jumps ahead by two hours", ("clock",), seconds=7200),
        "back": Fault("it jumps back by two hours", ("clock",), seconds=-7200),
        "lock": Fault("a record is locked", ("locked",), at="crm.row"),
        "locks": Fault(
            "records are locked for longer than we try",
            *(("locked",), "crm.row"),
            lasts=True,
            settings={"retry_minutes": 0},
        ),
        "fails": Fault("a job fails after some of its rows", ("job_fails",), at="crm.chunk", skip=1),
        "short": Fault("a job ends early: the day has no batches left", ("job_cut",), at="crm.chunk", skip=1),
        "moves": Fault("products are edited, created and deleted", ("edited", "created", "deleted")),
        "gone": Fault("a field of the org goes", ("removed",)),
        "less": Fault("a field of the org takes an eighth of the text", ("narrowed",) * 3),
    },
}
"""By group and name."""

EXPECTED: Mapping[str, Expectation] = {
    "S": Expectation("It makes no difference.", (0,), 0),
    "W": Expectation("It is tried again, and all is there after this transfer.", (0,), 0),
    "T": Expectation("It is tried again, not before the service asked for it; then as W.", (0,), 0, seconds=1),
    "U": Expectation("The transfer stops and says for how long nothing could be had.", (69,), 1),
    "E": Expectation("The transfer stops: nothing is concluded from such an answer.", (1,), 1),
    "F": Expectation("The file is rejected and named; the others go on.", (4,), 1, "FILE_REFUSED"),
    "Q": Expectation(
        "Whether it was done is not known and cannot be found out now, so it is not done again: the records are "
        "rejected as uncertain. The next transfer looks for them, waits until the call can have no more effect, and "
        "only then does it again.",
        *((4,), 1, "UNCERTAIN"),
    ),
    "L": Expectation("The records are rejected as locked, after several attempts.", (4,), 1, "UNABLE_TO_LOCK_ROW"),
    "R": Expectation("The records that no longer fit are rejected, with the field.", (4,), 1, "TOO_LONG"),
    "V": Expectation("The catalog no longer fits the org: refused before anything is read.", (3,), 1, "SE304"),
    "P": Expectation("The saved plan is refused as stale; nothing is written.", (6,), 1),
    "D": Expectation(
        "This transfer cannot know that there are two of each record now. Each later one rejects them, until a person "
        "has removed one.",
        *((0,), 0, "AMBIGUOUS_KEY"),
    ),
    "N": Expectation(
        "The transfer is done; that its record is not written is said, and the next transfer writes it.",
        *((0,), 1, "NOT RECORDED in PIM_Transfer__c"),
    ),
    "M": Expectation("What was read already comes with the next transfer.", (0, 4, 6), 1),
}
"""By letter. After a transfer that stopped or rejected something, the next one brings everything."""

REASONS: Mapping[str, Impossible] = {
    "n": Impossible(
        "Neither service is asked in this step, so no answer can be lost, late or wrong. What can go wrong with this "
        "machine and with the ledger (a death at any instant, a full disk, damage, a PostgreSQL server that is away or "
        "does not answer) has [tests of its own](reliability.md#postgresql-and-hostile-state)."
    ),
    "p": Impossible("The PIM has no such limit; what it has too much of, it answers with 429."),
    "o": Impossible("The answer is one thing, or has the order that is documented."),
    "d": Impossible(
        "Nobody between may repeat a POST (RFC 9110, 9.2.2), and we do so only where it was not done. Done twice all "
        "the same, a new file would be rejected as in `insert`, and a new version be there twice within its file."
    ),
    "r": Impossible("No record is written in this step; see those that write."),
    "j": Impossible("It happens to bulk jobs, and is learned from their results; see there."),
    "m": Impossible("The PIM was read before. What moves from now on is read by the next transfer, as after `page`."),
    "a": Impossible("The org's field is described to the transfer later; see `crm-schema`."),
}
"""By letter."""

TABLES = (
    """
                429 429s 500 502 503 down busy day
    pim-login   T   W    W   W   W   U    p    p
    crm-login   T   W    W   W   W   U    W    U
    pim-schema  T   W    W   W   W   U    p    p
    crm-schema  T   W    W   W   W   U    W    U
    stale       T   W    W   W   W   U    W    U
    page        T   W    W   W   W   U    p    p
    read        T   W    W   W   W   U    W    U
    map         n   n    n   n   n   n    n    n
    write       T   W    W   W   W   U    W    U
    insert      T   W    Q   Q   Q   Q    W    U
    file        T   W    W   W   W   U    p    p
    send        T   W    W   W   W   Q    W    U
    create      T   W    W   W   W   U    W    U
    upload      T   W    W   W   W   U    W    U
    close       T   W    W   W   W   U    W    U
    poll        T   W    W   W   W   U    W    U
    results     T   W    W   W   W   U    W    U
    commit      n   n    n   n   n   n    n    n
    log         T   W    W   W   W   N    W    N
    delete      T   W    W   W   W   U    W    U
    """,
    """
                reset lost hang slow cut half gzip html twice order
    pim-login   W     W    W    S    W   E    E    E    S     o
    crm-login   W     W    W    S    W   E    E    E    S     o
    pim-schema  W     W    W    S    W   E    E    E    S     o
    crm-schema  W     W    W    S    W   E    E    E    S     o
    stale       W     W    W    S    W   E    E    E    S     o
    page        W     W    W    S    W   E    E    E    S     S
    read        W     W    W    S    W   E    E    E    S     S
    map         n     n    n    n    n   n    n    n    n     n
    write       W     W    W    S    W   E    E    E    S     o
    insert      Q     W    Q    S    W   E    E    E    D     o
    file        W     W    W    S    U   F    F    E    S     o
    send        Q     W    Q    S    W   E    E    E    d     o
    create      W     W    W    S    W   E    E    E    S     o
    upload      W     W    W    S    W   S    S    E    E     o
    close       W     W    W    S    W   E    E    E    S     o
    poll        W     W    W    S    W   E    E    E    S     o
    results     W     W    W    S    W   W    W    W    S     S
    commit      n     n    n    n    n   n    n    n    n     n
    log         W     W    W    S    W   N    N    N    S     o
    delete      W     W    W    S    W   E    E    E    S     o
    """,
    """
                token clock back lock locks fails short moves gone less
    pim-login   S     S     S    r    r     j     j     S     a    a
    crm-login   S     S     S    r    r     j     j     m     V    R
    pim-schema  W     S     S    r    r     j     j     S     a    a
    crm-schema  W     S     S    r    r     j     j     m     V    R
    stale       W     S     S    r    r     j     j     m     V    P
    page        W     S     S    r    r     j     j     M     a    a
    read        W     S     S    r    r     j     j     m     E    R
    map         n     n     n    r    r     j     j     m     n    n
    write       W     S     S    W    L     j     j     m     E    R
    insert      W     S     S    W    L     j     j     m     E    S
    file        W     S     S    r    r     j     j     M     a    a
    send        W     S     S    W    L     j     j     m     E    S
    create      W     S     S    r    r     j     j     m     E    R
    upload      W     S     S    r    r     j     j     m     E    R
    close       W     S     S    r    r     j     j     m     E    R
    poll        W     S     S    r    r     j     j     m     E    M
    results     W     S     S    W    L     W     W     m     E    M
    commit      n     n     n    r    r     j     j     n     n    n
    log         W     S     S    N    N     j     j     m     N    S
    delete      W     S     S    W    L     j     j     m     S    S
    """,
)
"""For each group: what comes of each fault at each step, by the letters above."""


def cells() -> Iterator[tuple[str, str, str]]:
    """Every cell: step, fault, letter."""
    for text in TABLES:
        (_, *names), *rows = (f"- {line}".split() if number == 0 else line.split() for number, line in _lines(text))
        for step, *letters in rows:
            yield from ((step, name, letter) for name, letter in zip(names, letters, strict=True))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    return enumerate(text.strip().splitlines())


def page() -> Iterator[str]:
    """The lines of ``docs/fault-matrix.md``."""
    found = {(step, fault): letter for step, fault, letter in cells()}
    tested = sum(1 for letter in found.values() if letter in EXPECTED)
    yield "# Every fault at every step"
    yield ""
    yield "Written from the table that the tests walk, by `python -m tests.reliability.fault_matrix`."
    yield f"{len(found)} cells: {tested} are a test, {len(found) - tested} cannot happen."
    yield ""
    yield "A test lets a transfer meet the fault at that step, and at no other, against both servers of the"
    yield "[sandbox](sandbox.md). It sees that the fault has happened, how the transfer ends, and what it says. Then"
    yield "the service is well, and the next transfer must bring everything: no record is lost, none is there twice,"
    yield "the books balance, and a plan has nothing left to do."
    for group, faults in FAULTS.items():
        yield from ("", f"## {group}", "")
        yield f"| | {' | '.join(faults)} |"
        yield f"|---|{'---|' * len(faults)}"
        for step in STEPS:
            yield f"| {step} | {' | '.join(found[step, fault] for fault in faults)} |"
        yield ""
        yield from (f"- `{name}`: {fault.what}" for name, fault in faults.items())
    yield from ("", "## What must come of it", "", "| | | exit code |", "|---|---|---|")
    for letter, each in EXPECTED.items():
        yield f"| {letter} | {each.what} | {', '.join(map(str, each.codes))} |"
    yield from ("", "## Why it cannot happen", "", "| | |", "|---|---|")
    yield from (f"| {letter} | {reason.why} |" for letter, reason in REASONS.items())
    yield from ("", "## The steps", "", "| | |", "|---|---|")
    yield from (f"| {name} | {step.what} |" for name, step in STEPS.items())


if __name__ == "__main__":
    print("\n".join(page()))  # noqa: T201
