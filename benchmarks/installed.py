"""What an installer does to modules and a checkout may lack."""

from __future__ import annotations

import compileall
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def compile_modules() -> None:
    """Compile ours as those of libraries are, also where PYTHONDONTWRITEBYTECODE keeps Python from doing it."""
    for folder in ("engine", "schemas", "plugins"):
        compileall.compile_dir(ROOT / folder, quiet=1)
