"""Mistakes in the notifications of a project file, each at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.catalog_project import PROJECT, project, write

from sync_engine.catalog.notifications import Channel, EventKind
from sync_engine.catalog.validate import validate_project
from sync_engine.notifications.wording import check_templates

__all__ = ["project"]


@pytest.mark.parametrize(
    ("notification", "expected", "hint"),
    [
        ('{kind: slack, url: "${U}", text: "{{ mesage }}"}', "SE235 6:39", "Did you mean `message`?"),
        ('{kind: slack, url: "${U}", subject: "{{ message"}', "SE401 6:43", ""),
        ("{kind: webhook, url: 'http://example.com'}", "SE205 6:27", ""),
        ('{kind: slcak, url: "${U}"}', "SE204 6:13", ""),
        ('{kind: slack, url: "${U}", secret: "${S}"}', "SE201 6:33", ""),
        ("{kind: slack}", "SE202 6:3", ""),
        ('{kind: slack, url: "${U}", on: [failed]}', "SE204 6:38", ""),
        ('{kind: slack, url: "${U}", at_most_every: "${E}"}', "SE205 6:48", ""),
        ('{kind: slack, url: "${"}', "SE607 6:25", ""),
        ("{kind: slack, url: 'https://chat.example.com/hooks/geheim'}", "SE611 6:25", ""),
        ("{kind: email, host: h, from: a@b, to: []}", "SE207 6:40", ""),
        ("{kind: email, host: h, from: a@b, to: [c@d], username: x}", "SE202 6:3", ""),
        ("{kind: webhook, url: 'https://x', secret: geheim-secret}", "SE611 6:48", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_found_at_its_place(notification: str, expected: str, hint: str, project: Path) -> None:
    write(project / "sync-engine.yaml", f"{PROJECT}notifications:\n  n: {notification}\n")
    result = validate_project(project)
    templates = check_templates(result.project.notifications) if result.project else ()
    (problem,) = (*result.problems, *templates)
    assert f"{problem.code} {problem.origin.line}:{problem.origin.column}" == expected
    assert hint in problem.hint
    assert "geheim" not in repr(problem) + repr(result)


def test_what_is_not_written_has_a_default(project: Path) -> None:
    write(project / "sync-engine.yaml", PROJECT + 'notifications:\n  n: {kind: slack, url: "${U}"}\n')
    result = validate_project(project)
    assert result.project is not None
    (found,) = result.project.notifications
    assert (found.channel, found.every, found.events) == (Channel.SLACK, 3600, frozenset(EventKind))
    assert (found.text, found.subject, found.settings) == (None, None, {"url": "${U}"})
    assert str(found.place("url")) == "sync-engine.yaml:6:25"
