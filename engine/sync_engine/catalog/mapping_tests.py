"""Tests of mappings: in a catalog under ``tests``, and in files of their own under the project's ``tests/``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync_engine.catalog.findings import Findings
from sync_engine.catalog.model import Catalog, MappingTest
from sync_engine.catalog.schemas import make_validator, read_schema
from sync_engine.catalog.shape import check_shape
from sync_engine.documents import Document, Plain, Pointer, items, load_document, table, text
from sync_engine.problems import nearest
from sync_engine.sdk.problem import Problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

TEST_FOLDER = "tests"


def check_tests(streams: Mapping[str, Mapping[str, Plain]], findings: Findings) -> None:
    """Report tests of streams and fields that the catalog does not have.

    Args:
        streams: of the catalog, as written.
        findings: of the document that holds the tests.
    """
    for index, written in enumerate(items(table(findings.document.data).get("tests"))):
        test, pointer = table(written), ("tests", index)
        stream = text(table(test.get("given")).get("stream"))
        if not stream:
            continue
        if stream not in streams:
            findings.add("SE215", (*pointer, "given", "stream"), nearest(stream, streams), stream=stream)
            continue
        known = [*table(streams[stream].get("key")), *table(streams[stream].get("fields"))]
        folded = {each.casefold() for each in known}
        for part in ("expect", "reject"):
            for name in table(test.get(part)):
                if name.casefold() not in folded:
                    place = (*pointer, part, name)
                    findings.add("SE614", place, nearest(name, known), at_key=True, name=name, stream=stream)


def build_tests(findings: Findings) -> tuple[MappingTest, ...]:
    """The tests of a document in which no problem was found."""
    found = items(table(findings.document.data).get("tests"))
    return tuple(
        _build(table(each), ("tests", index), findings.document)
        for index, each in enumerate(found)
        if not findings.touched("tests", index)
    )


def _build(written: dict[str, Plain], pointer: Pointer, document: Document) -> MappingTest:
    given = table(written["given"])
    length = len(pointer)
    return MappingTest(
        name=text(written.get("name")) or "",
        stream=text(given["stream"]) or "",
        record=table(given["record"]),
        row=text(given.get("row")) or "",
        labels={
            attribute: {
                code: {locale: str(label) for locale, label in table(by_locale).items()}
                for code, by_locale in table(by_code).items()
            }
            for attribute, by_code in table(given.get("labels")).items()
        },
        expect=table(written.get("expect")),
        reject={field: str(code) for field, code in table(written.get("reject")).items()},
        origin=document.origin(pointer),
        places={each[length:]: place for each, place in document.places.items() if each[:length] == pointer},
    )


@cache
def tests_schema() -> Mapping[str, Any]:
    """The schema of a file with tests, in which each test is written as in a catalog."""
    catalog = read_schema("catalog")
    return {
        "$schema": catalog["$schema"],
        "title": "Tests of a catalog's mappings",
        "type": "object",
        "required": ["version", "catalog", "tests"],
        "additionalProperties": False,
        "properties": {
            "version": catalog["properties"]["version"],
            "catalog": {
                "description": "Name of the catalog whose mappings are tested.",
                "type": "string",
                "minLength": 1,
                "maxLength": 255,
                "examples": ["webshop"],
            },
            "tests": catalog["properties"]["tests"],
        },
        "definitions": catalog["definitions"],
    }


@cache
def _validator() -> Validator:
    return make_validator(tests_schema())


def read_test_files(
    root: Path, catalogs: Sequence[Catalog]
) -> tuple[dict[str, list[MappingTest]], list[Problem], dict[str, str]]:
    """The tests in files of their own.

    Args:
        root: the project's folder.
        catalogs: all of the project.

    Returns:
        Tests by the name of their catalog, all problems, and the files' texts by name.
    """
    found: dict[str, list[MappingTest]] = {}
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    by_name = {each.name: _streams(each) for each in catalogs}
    for path in test_files(root):
        document = load_document(path, path.relative_to(root).as_posix(), root=root)
        if not isinstance(document, Document):
            problems += document
            continue
        sources[document.name] = document.text
        findings = Findings(document)
        check_shape(document.data, _validator(), findings, private=False)
        name = text(table(document.data).get("catalog"))
        if name and name in by_name:
            check_tests(by_name[name], findings)
            found.setdefault(name, []).extend(build_tests(findings))
        elif name:
            findings.add("SE615", ("catalog",), nearest(name, by_name), name=name)
        problems += findings.sorted()
    return found, problems, sources


def _streams(catalog: Catalog) -> dict[str, dict[str, Plain]]:
    return {
        stream.name: {
            "key": {each.target: None for each in stream.keys},
            "fields": {each.target: None for each in stream.fields},
        }
        for stream in catalog.streams
    }


def test_files(root: Path) -> Sequence[Path]:
    """The files with tests, in the order of their names."""
    return sorted(_files(root / TEST_FOLDER))


def _files(folder: Path) -> Iterator[Path]:
    for suffix in ("*.yaml", "*.yml"):
        yield from (path for path in folder.rglob(suffix) if path.is_file())
