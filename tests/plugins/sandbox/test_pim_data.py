from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.plugins.sandbox.pim_server import running

from sync_engine_sandbox.pim.data import DataError, load

PRODUCT = (
    '{"uuid":"%s","enabled":true,"family":null,"categories":[],"groups":[],"parent":null,"values":{},'
    '"created":"2024-01-01T00:00:00+00:00","updated":"2024-01-01T00:00:00+00:00","associations":{},'
    '"quantified_associations":{}}\n'
)


def test_products_are_sorted_by_uuid_and_missing_files_are_empty(tmp_path: Path) -> None:
    (tmp_path / "products.jsonl").write_text("".join(PRODUCT % code for code in ("b", "a", "c")), encoding="utf-8")
    data = load(tmp_path)
    assert [row["uuid"] for row in data.rows("products")] == ["a", "b", "c"]
    assert data.rows("families") == []
    assert data.media is None
    with running(data) as pim:
        assert [row["uuid"] for row in pim.all("products-uuid")] == ["a", "b", "c"]
        assert pim.all("families") == []


def test_a_packed_file_is_read_too(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "products.jsonl.gz", "wt", encoding="utf-8") as packed:
        packed.write(PRODUCT % "a" + "\n")
    assert len(load(tmp_path).rows("products")) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [("{oops", "not JSON"), ("[]", "a JSON object is needed"), ('{"enabled":true}', "the key 'uuid' is missing")],
)
def test_a_broken_line_is_named_with_its_file(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "products.jsonl").write_text(PRODUCT % "a" + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"products\.jsonl line 2") as caught:
        load(tmp_path)
    assert reason in str(caught.value)


def test_a_row_without_its_owner_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "family-variants.jsonl").write_text('{"code":"x"}\n', encoding="utf-8")
    with pytest.raises(DataError, match="'_family'"):
        load(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        load(tmp_path / "nowhere")
