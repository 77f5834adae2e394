"""No secret gets out, whatever goes wrong: not into what is printed, logged, kept, reported or sent.

Each secret is a canary (``canaries``); each way to fail is tried with servers that repeat all they know (``echoing``).
"""

from __future__ import annotations

import gzip
import logging
import shutil
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.journeys.conftest import Finished
from tests.reliability.canaries import assert_no_canary, canary, forms, logged, sightings, token
from tests.reliability.echoing import ANSWERS, SECRETS, STEPS, open_echoing

BULK = ("crm.create", "crm.upload", "crm.close", "crm.poll", "crm.results")


@pytest.mark.parametrize("secret", [canary("planted"), token("planted")])
def test_a_canary_is_found_in_each_form_and_in_each_place(secret: str) -> None:
    known = {"planted": secret}
    for form in [*forms(secret).values(), secret.encode("utf-16-le").decode("latin-1"), secret.encode().hex()]:
        for text in (form, f"Basic {form}=", form[: len(form) // 2 + 2], form[4:]):
            content = text.encode("latin-1" if "\0" in text else "utf-8")
            for each in (b"before " + content, gzip.compress(content), zlib.compress(content)):
                assert list(sightings(each, known)), each
    assert not list(sightings(b"nothing of it, " + secret[:5].encode(), known))


CASES = [(step, how) for step in STEPS for how in ANSWERS]


def try_them(folder: Path, cases: Sequence[tuple[str, str]], capture: pytest.LogCaptureFixture) -> None:
    """Let each of these answers come, and look at all that is there afterwards."""
    capture.set_level(logging.DEBUG)
    with ExitStack() as stack:
        collections = stack.enter_context(open_echoing(folder / "collections"))
        bulk = stack.enter_context(open_echoing(folder / "bulk", bulk_threshold=0))
        for step, how in cases:
            services = bulk if step in BULK else collections
            services.stock()
            if step == "crm.delete":  # for which there must have been something to delete
                services.shop.run("apply", "--yes", code=None)
                services.stock()
            told: list[Finished] = []
            with services.at(step, how):  # the first time, something that was left may have to be taken up
                while not services.times and len(told) < 3:
                    told.append(services.shop.run(*STEPS[step], code=None))
            assert services.times, f"{how} at {step} did not come:\n{told[0].out}\n{told[0].err}"
            # Another process, which knows no secret, shows what was kept.
            told += [services.shop.run("transfers", "show", "--json", code=None)]
            try:
                texts = [*[each.out + each.err for each in told], logged(capture)]
                assert_no_canary(SECRETS, *texts, folder=services.shop.project.folder)
            except AssertionError as error:
                error.add_note(f"{how} at {step}")
                raise
            shutil.rmtree(services.shop.project.folder / "snapshots", ignore_errors=True)


def test_what_a_service_repeats_gets_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    try_them(tmp_path, CASES[::19], caplog)


@pytest.mark.slow
def test_what_a_service_repeats_gets_nowhere_at_any_step(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    try_them(tmp_path, CASES[1::7], caplog)


@pytest.mark.soak
@pytest.mark.parametrize("step", STEPS)
def test_nothing_that_a_service_repeats_gets_anywhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    try_them(tmp_path, [each for each in CASES if each[0] == step], caplog)
