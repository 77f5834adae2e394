"""A process that maps pages for another one: ``python -m sync_engine.planner.mapping_process``.

On standard input it gets a ``Recipe`` and then, one at a time, the number of a reading and the records of a page; on
standard output it answers each, the recipe with ``READY`` and a page with a ``MappedPage``. It ends with its input, so
it never outlives the process that started it.
"""

from __future__ import annotations

import gc
import pickle
import sys
import traceback
from dataclasses import dataclass
from typing import BinaryIO

from sync_engine.compiler.catalog import compile_catalog
from sync_engine.planner.mapped import MapPage, Recipe, page_mapper

READY = "ready"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of the program itself, where a page was expected; what a record lacks is no error."""

    trace: str


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Answer tasks until there are no more."""
    try:
        mappers = prepare(pickle.load(tasks))  # noqa: S301 - a pipe from the process that started this one
        answer: object = READY
        while True:
            pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
            reading, records = pickle.load(tasks)  # noqa: S301
            answer = mappers[reading](records)
    except EOFError:
        return
    except Exception:  # noqa: BLE001 - raised again in the process that waits for the answer
        pickle.dump(Failure(traceback.format_exc()), answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()


def prepare(recipe: Recipe) -> list[MapPage]:
    """Compile, and make the function of each reading."""
    compiled, problems = compile_catalog(recipe.catalog, recipe.source, recipe.target, recipe.today)
    if compiled is None:
        raise ValueError(f"a catalog that compiled does so no longer: {problems[0].message}")
    streams = {each.name: each for each in compiled.streams}
    return [page_mapper(streams, each, recipe.normal_form) for each in recipe.readings]


if __name__ == "__main__":
    gc.set_threshold(100_000, 50, 50)  # as in cli.main, for the same reason
    serve(sys.stdin.buffer, sys.stdout.buffer)
