# ruff: noqa: E501 -- a table: one mistake per line
"""The project file, its adapters and references, and the files of the catalogs."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.catalog_project import CATALOG, PROJECT, project, short, write

from sync_engine.catalog.model import Connection, Project
from sync_engine.catalog.project import load_project
from sync_engine.catalog.registry import Side, installed_adapters, load_source, load_target, settings_schema
from sync_engine.catalog.schemas import make_validator, violations
from sync_engine.catalog.settings import project_schema, resolve, resolve_state
from sync_engine.catalog.validate import load_catalogs, validate_project
from sync_engine.sdk.errors import InvalidInput, Refused
from sync_engine.sdk.problem import Origin, Problem
from sync_engine.sdk.values import Secret

__all__ = ["project"]

ENVIRONMENT = {"PIM_URL": "https://pim", "PIM_USER": "jane", "PIM_PASSWORD": "hunter2", "CRM_TOKEN": "t0ken"}


def loaded(root: Path) -> Project:
    found = load_project(root)
    assert isinstance(found, Project), found
    return found


def problems_of(root: Path, connections: str) -> list[tuple[str, str]]:
    write(root / "sync-engine.yaml", f"version: 1\nconnections:\n{connections}\n")
    found = validate_project(root).problems
    return [(short([each])[0], each.message) for each in found if each.origin.file == "sync-engine.yaml"]


def connection_of(root: Path, settings: str) -> Connection:
    write(root / "sync-engine.yaml", f"version: 1\nconnections:\n  pim: {{adapter: shop, {settings}}}\n")
    return loaded(root).connections["pim"]


def test_a_project_is_found_from_any_folder_below_it(project: Path) -> None:
    (project / "a" / "b").mkdir(parents=True)
    for start in (project, project / "a" / "b", project / "catalogs" / "webshop.yaml"):
        found = loaded(start)
        assert found.root == project
        assert {name: each.adapter for name, each in found.connections.items()} == {"pim": "shop", "crm": "org"}
        assert found.state == "sqlite:///.sync-engine/ledger.db"
    found = loaded(project)
    assert found.connections["pim"].settings["url"] == "${PIM_URL}"
    assert found.connections["pim"].origin == Origin("sync-engine.yaml", 3, 3)
    assert found.connections["pim"].setting_origins["url"] == Origin("sync-engine.yaml", 3, 29)


def test_without_a_project_file_the_folder_is_named(tmp_path: Path) -> None:
    found = load_project(tmp_path)
    assert isinstance(found, tuple)
    assert [(each.code, str(tmp_path) in each.message) for each in found] == [("SE601", True)]
    assert not validate_project(tmp_path).valid


@pytest.mark.parametrize(
    ("connections", "expected"),
    [
        ("  pim: {adapter: shp}", [("SE602 3:18", "the adapter `shp` is not installed")]),
        ("  pim: {}", [("SE202 3:3", "`connections.pim` lacks the key `adapter`")]),
        ("  Pim: {adapter: org}", [("SE205 3:3", "the key `Pim` must be small letters, digits, hyphens and underscores, such as `pim`")]),
        ("  pim: {adapter: org, tokn: x}", [("SE201 3:23", "unknown key `tokn` in `connections.pim`")]),
        ("  pim: {adapter: shop, url: 'https://x', token: '${T}', pages: many}", [("SE203 3:64", "`connections.pim.pages` must be a whole number, not a text")]),
        ("  pim: {adapter: shop, url: 'https://x', token: '${T}', pages: 0}", [("SE206 3:64", "`connections.pim.pages` must be at least 1, not what is written here")]),
        ("  pim: {adapter: shop, url: 'ftp://x', token: '${T}'}", [("SE205 3:29", "`connections.pim.url` does not fit `pattern: ^https?://`")]),
        ("  pim: {adapter: shop, url: 'https://x', token: '${T}', mode: fats}", [("SE204 3:63", "`connections.pim.mode` must be one of `fast`, `slow`, not what is written here")]),
        ("  pim: {adapter: shop, url: 'https://x', user: jane}", [("SE202 3:3", "`connections.pim` lacks the key `password`")]),
        ("  pim: {adapter: shop, url: 'https://x'}", [("SE208 3:3", "`connections.pim`: write either `user` and `password`, or `token`")]),
        ("  pim: {adapter: shop, url: '${', token: '${T}'}", [("SE607 3:29", "`connections.pim.url` holds a malformed reference: `${` is not closed by `}`")]),
        ("  pim: {adapter: shop, url: '${A-B}', token: '${T}'}", [("SE607 3:29", "`connections.pim.url` holds a malformed reference: `A-B` is no name of a variable")]),
        ("  pim: {adapter: shop, url: '${file:x}', token: '${T}'}", [("SE607 3:29", "`connections.pim.url` holds a malformed reference: `file:x` needs an absolute path")]),
        ("  pim: {adapter: shop, url: '${A}', token: '${T}', pages: '${B}', strict: '${C}', mode: '${D}'}", []),
        ("  pim: {adapter: shop, url: '${A}', token: '${T}', proxy: {port: x, hots: y}}", [("SE203 3:66", "`connections.pim.proxy.port` must be a whole number, not a text"), ("SE201 3:69", "unknown key `hots` in `connections.pim.proxy`")]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_connection_is_one_sentence_at_its_place(
    connections: str, expected: list[tuple[str, str]], project: Path
) -> None:
    assert problems_of(project, connections) == expected


def test_an_adapter_that_cannot_be_used_says_why(project: Path) -> None:
    connections = "".join(f"  c{n}: {{adapter: {each}}}\n" for n, each in enumerate(("broken", "old", "twins")))
    places, messages = zip(*problems_of(project, connections), strict=True)
    assert places == ("SE603 3:17", "SE603 4:17", "SE603 5:17")
    assert "test-adapters 1.0 cannot be imported: ModuleNotFoundError" in messages[0]
    assert "is made for version 0 of the contracts; this is version 1" in messages[1]
    assert "several packages: other-adapters 1.0, test-adapters 1.0" in messages[2]


def test_adapters_are_listed_without_importing_any(project: Path) -> None:
    listed = {(each.name, each.side, each.package) for each in installed_adapters()}
    assert {
        ("shop", Side.SOURCE, "test-adapters 1.0"),
        ("broken", Side.SOURCE, "test-adapters 1.0"),
        ("both", Side.TARGET, "test-adapters 1.0"),
        ("twins", Side.SOURCE, "other-adapters 1.0"),
    } <= listed
    assert (load_source("shop").name, load_target("org").name) == ("shop", "org")
    assert settings_schema("both") == load_target("org").settings_schema
    with pytest.raises(Refused, match="no target adapter `shop` is installed"):
        load_target("shop")


def test_references_are_resolved_to_secrets_that_never_show(project: Path) -> None:
    connection = connection_of(
        project,
        "url: 'https://${HOST}/x', token: '${TOKEN}', pages: '${PAGES}', strict: '${STRICT}', "
        "proxy: {host: 'literal-$${X}', port: '${PORT}'}",
    )
    environment = {"HOST": "pim.example", "TOKEN": "geheim", "PAGES": "50", "STRICT": "TRUE", "PORT": "8080"}
    settings = resolve(connection, environment)
    assert settings == {
        "url": Secret("https://pim.example/x"),
        "token": Secret("geheim"),
        "pages": 50,
        "strict": True,
        "proxy": {"host": "literal-${X}", "port": 8080},
    }
    assert "geheim" not in repr(settings) + str(settings) + f"{settings['token']}"
    assert "pim.example" not in repr(settings)


def test_a_secret_may_stand_in_a_file(project: Path, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    connection = connection_of(project, f"url: 'https://x', token: '${{file:{secret}}}'")
    for content in (b"geheim\n", b"geheim", b"geheim\r\n"):
        secret.write_bytes(content)
        assert resolve(connection, {})["token"] == Secret("geheim")
    for bad, reason in ((b"", "empty"), (b"\xff", "not UTF-8 text"), (b"x" * 64_001, "larger than 64 kB")):
        secret.write_bytes(bad)
        assert reason in _problem(connection, {}).message
    secret.unlink()
    assert _problem(connection, {}).code == "SE609"


def _problem(connection: Connection, environment: dict[str, str]) -> Problem:
    with pytest.raises(InvalidInput) as caught:
        resolve(connection, environment)
    [problem] = caught.value.problems
    return problem


def test_every_missing_variable_is_named_with_its_place(project: Path) -> None:
    connection = connection_of(project, "url: 'https://${HOST}:${PORT}', token: '${TOKEN}'")
    with pytest.raises(InvalidInput) as caught:
        resolve(connection, {"TOKEN": ""})
    assert [(each.code, str(each.origin), each.message) for each in caught.value.problems] == [
        ("SE608", "sync-engine.yaml:3:29", "the environment variable `HOST` is not set"),
        ("SE608", "sync-engine.yaml:3:29", "the environment variable `PORT` is not set"),
        ("SE608", "sync-engine.yaml:3:63", "the environment variable `TOKEN` is empty"),
    ]


@pytest.mark.parametrize(
    ("settings", "value", "code"),
    [
        ("url: 'https://x', token: '${T}', pages: '${V}'", "geheim", "SE610"),
        ("url: 'https://x', token: '${T}', strict: '${V}'", "geheim", "SE610"),
        ("url: 'https://x', token: '${T}', pages: '${V}'", "1234567", "SE206"),
        ("url: '${V}', token: '${T}'", "geheim", "SE205"),
        ("url: 'https://x', token: '${T}', mode: '${V}'", "geheim", "SE204"),
    ],
)
def test_a_resolved_value_that_does_not_fit_is_refused_without_showing_it(
    settings: str, value: str, code: str, project: Path
) -> None:
    problem = _problem(connection_of(project, settings), {"T": "t", "V": value})
    assert problem.code == code
    assert problem.origin.line == 3
    assert value not in repr(problem)


def test_the_state_may_hold_a_password_by_reference(project: Path) -> None:
    write(project / "sync-engine.yaml", PROJECT + 'state: "postgresql://sync:${DB}@db/x"\n')
    found = loaded(project)
    assert resolve_state(found, {"DB": "geheim"}) == Secret("postgresql://sync:geheim@db/x")
    with pytest.raises(InvalidInput) as caught:
        resolve_state(found, {})
    assert str(caught.value.problems[0].origin) == "sync-engine.yaml:5:8"
    write(project / "sync-engine.yaml", PROJECT + "state: mysql://x\n")
    assert short(validate_project(project).problems) == ["SE205 5:8"]


def test_a_secret_in_plain_text_is_a_warning_and_stays_hidden(project: Path) -> None:
    write(
        project / "sync-engine.yaml",
        """
        version: 1
        connections:
          pim: {adapter: shop, url: "https://jane:hunter2@pim", user: "${U}", password: geheim, pages: x}
          crm: {adapter: org, token: "${CRM_TOKEN}"}
        """,
    )
    result = validate_project(project)
    assert short(result.problems) == ["SE611 3:29", "SE611 3:81", "SE203 3:96"]
    everything = repr(result) + "".join(map(repr, result.problems)) + "".join(result.sources.values())
    assert "geheim" not in everything
    assert "hunter2" not in everything
    assert "password: ******, pages: x" in result.sources["sync-engine.yaml"]


def test_a_secret_in_plain_text_works_and_does_not_show_either(project: Path) -> None:
    write(
        project / "sync-engine.yaml",
        PROJECT.replace('"${CRM_TOKEN}"', '"gehe$${im"') + "state: postgresql://x:pw1@db/x",
    )
    found = loaded(project)
    assert "gehe" not in repr(found)
    assert "pw1" not in repr(found)
    assert resolve(found.connections["crm"], {}) == {"token": Secret("gehe${im")}
    assert resolve_state(found, {}) == Secret("postgresql://x:pw1@db/x")


def test_catalogs_are_the_yaml_files_of_their_folder_in_order(project: Path) -> None:
    for name in ("b.yml", "a/z.yaml", "a/b/c.yaml", ".hidden.yaml", ".git/x.yaml", "readme.md"):
        code = name.replace("/", "-").replace(".", "-").strip("-")
        write(project / "catalogs" / name, CATALOG.replace("webshop", code))
    catalogs, problems = load_catalogs(loaded(project))
    assert problems == ()
    assert [each.path.relative_to(project).as_posix() for each in catalogs] == [
        *("catalogs/a/b/c.yaml", "catalogs/a/z.yaml", "catalogs/b.yml", "catalogs/webshop.yaml")
    ]
    assert catalogs[0].origin.file == "catalogs/a/b/c.yaml"


def test_paths_choose_files_or_folders_but_never_leave_the_project(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project / "catalogs" / "a" / "other.yaml", CATALOG.replace("webshop", "other"))
    outside = write(tmp_path / "outside.yaml", CATALOG.replace("webshop", "outside"))
    (project / "catalogs" / "a" / "link.yaml").symlink_to(outside)
    monkeypatch.chdir(project)
    catalogs, problems = load_catalogs(loaded(project), [Path("catalogs/webshop.yaml"), Path("catalogs/webshop.yaml")])
    assert ([each.name for each in catalogs], problems) == (["webshop"], ())
    catalogs, problems = load_catalogs(loaded(project), [Path("catalogs/a"), outside, Path("missing.yaml")])
    assert [each.name for each in catalogs] == ["other"]
    assert [(each.code, each.origin.file) for each in problems] == [
        ("SE103", "catalogs/a/link.yaml"),
        ("SE103", str(outside)),
        ("SE101", "missing.yaml"),
    ]


def test_a_project_without_catalogs_is_a_warning(project: Path) -> None:
    (project / "catalogs" / "webshop.yaml").unlink()
    result = validate_project(project)
    assert [(each.code, each.severity.value) for each in result.problems] == [("SE612", "warning")]
    assert result.valid


def test_a_broken_project_file_does_not_hide_the_mistakes_of_the_catalogs(project: Path) -> None:
    write(project / "catalogs" / "webshop.yaml", CATALOG.replace("connection: crm", "connection: cmr") + "nmae: x\n")
    write(project / "sync-engine.yaml", PROJECT.replace("version: 1", "version: 3"))
    assert [each.code for each in validate_project(project).problems] == ["SE204", "SE604", "SE201"]
    write(project / "sync-engine.yaml", "version: [1\n")
    assert [each.code for each in validate_project(project).problems] == ["SE107", "SE201"]


def test_the_schema_of_the_project_composes_those_of_the_adapters(project: Path) -> None:
    schema = project_schema({name: settings_schema(name) for name in ("shop", "both")})
    validator = make_validator(schema)

    def rules(connection: dict[str, object]) -> list[tuple[str, tuple[str | int, ...]]]:
        data: object = {"version": 1, "connections": {"pim": connection}}
        return [(each.rule, each.pointer[2:]) for each in violations(data, validator)]  # type: ignore[arg-type]

    assert rules({"adapter": "shop", "url": "https://x", "token": "x", "mode": "fast"}) == []
    assert rules({"adapter": "shop", "url": "https://x", "token": "x", "mode": "odd"}) == [("enum", ("mode",))]
    assert rules({"adapter": "both", "url": "https://x"}) == [("additionalProperties", ())]
    assert rules({"adapter": "else"}) == [("enum", ("adapter",))]


def test_no_schema_is_ever_fetched() -> None:
    from referencing.exceptions import Unresolvable

    for address in ("http://127.0.0.1:9/x.json", "file:///etc/passwd"):
        with pytest.raises(Unresolvable):
            list(violations({"a": 1}, make_validator({"$ref": address})))
