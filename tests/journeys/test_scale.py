"""A plan needs memory for a page, not for a catalogue, and a file as large as what changes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.journeys.conftest import ROOT


@pytest.mark.slow
def test_more_products_take_hardly_more_memory_and_the_file_grows_with_the_changes() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--json", "60000", "150000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    small, large = map(json.loads, done.stdout.splitlines())
    assert (small["changes"], large["changes"]) == (600, 1500)
    # The cache of the scratch database, 64 MiB, is nearly full at the smaller size. What follows is 110 MiB of JSON.
    assert large["peak"] - small["peak"] < 25
    per_change = [(each["file"] - 1500) / each["changes"] for each in (small, large)]
    assert per_change[1] < 1.2 * per_change[0]
