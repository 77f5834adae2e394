"""``python -m sync_engine.problems`` prints the page docs/errors.md."""

from __future__ import annotations

import sys

from sync_engine.problems.page import errors_page

sys.stdout.write(errors_page())
