"""The wheel, installed into an empty environment, works from another folder."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Making an environment takes longer than all other tests of a folder.
pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script of an environment that holds nothing but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "--constraint", constraints, wheel, cwd=folder)
    return folder / "venv" / "bin" / "sync-engine"


def test_the_installed_command_knows_its_adapters_and_schemas(command: Path, tmp_path: Path) -> None:
    assert run(command, "--version", cwd=tmp_path).startswith("sync-engine ")
    adapters = json.loads(run(command, "adapters", "--json", cwd=tmp_path))["adapters"]
    assert {each["name"] for each in adapters} >= {"akeneo", "salesforce"}
    schema = json.loads(run(command, "schema", "project", cwd=tmp_path))
    assert "client_secret" in json.dumps(schema)


def test_a_new_project_validates_and_the_demo_data_is_in_the_wheel(command: Path, tmp_path: Path) -> None:
    run(command, "init", "shop", cwd=tmp_path)
    assert (tmp_path / "shop" / "catalogs" / "products.yaml").is_file()
    run(command, "--project", "shop", "validate", cwd=tmp_path)
    site = json.loads(
        run(
            command.parent / "python",
            "-c",
            "import json, sync_engine_sandbox.sandbox as s; print(json.dumps([str(s.DEMO_DATA), str(s.DEMO_PROJECT)]))",
            cwd=tmp_path,
        )
    )
    data, project = map(Path, site)
    assert (data / "products.jsonl").is_file()
    assert (project / "sync-engine.yaml").is_file()
    assert ROOT not in data.parents
