"""Problems of one document, together with the parts they make unusable."""

from __future__ import annotations

from sync_engine.documents import Document, Pointer
from sync_engine.problems import problem
from sync_engine.sdk.problem import Problem


class Findings:
    """Collects the problems of a document.

    Every check runs on every document, however broken it is: a part that has a problem is marked, and whoever builds
    on it asks ``touched`` first. So one mistake never hides another, and none is reported twice.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = list(document.problems)
        self._broken: set[Pointer] = set()
        self._touched: set[Pointer] = set()
        for pointer in document.refused:
            self._mark(pointer)

    def add(self, code: str, pointer: Pointer, hint: str = "", *, at_key: bool = False, **values: object) -> None:
        """Report a problem.

        Args:
            code: see ``sync_engine.problems.CODES``.
            pointer: the part that is wrong.
            hint: what to write instead.
            at_key: the key is wrong, rather than what stands behind it.
            values: fill the code's message.
        """
        origin = self.document.key_origin(pointer) if at_key else self.document.origin(pointer)
        self.problems.append(problem(code, origin, hint, **values))
        self._mark(pointer)

    def broken(self, pointer: Pointer) -> bool:
        """Whether a problem was found with exactly this part, such as a key that it lacks."""
        return pointer in self._broken

    def touched(self, *pointer: str | int) -> bool:
        """Whether a problem was found with this part or with anything inside it."""
        return pointer in self._touched

    def sorted(self) -> tuple[Problem, ...]:
        """The problems in the order of the file."""
        return tuple(sorted(dict.fromkeys(self.problems), key=lambda each: (each.origin, each.code, each.message)))

    def _mark(self, pointer: Pointer) -> None:
        self._broken.add(pointer)
        self._touched.update(pointer[:length] for length in range(len(pointer) + 1))


def place_name(pointer: Pointer) -> str:
    """A part as messages name it: its path in the document."""
    if not pointer:
        return "the document"
    path = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in pointer)
    return f"`{path.removeprefix('.')}`"
