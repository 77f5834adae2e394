"""From an event to the words of a message, by templates of the language that catalogs use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sync_engine.catalog.notifications import Notification
from sync_engine.expressions import EvaluationFailed, InvalidExpression, compile_template
from sync_engine.notifications.events import VARIABLES
from sync_engine.problems import nearest, problem
from sync_engine.sdk.problem import Problem

SUBJECT = "sync-engine: {{ event }} of {{ catalog or project }}{{ ' in ' ~ environment if environment else '' }}"
TEXT = (
    "{{ message }}"
    "{{ '\\n' ~ hint if hint else '' }}"
    "{{ '\\n' ~ held ~ ' more like this since the last message.' if held else '' }}"
    "\nProject {{ project }} on {{ host }}, {{ time }}"
)


@dataclass(frozen=True, slots=True)
class Message:
    """What a person reads: one line, and the rest."""

    subject: str
    text: str


def write_message(notification: Notification, variables: Mapping[str, object]) -> tuple[Message, str]:
    """The message for a receiver, and why its own words could not be used (empty when they could).

    An event is told in the usual words rather than not at all.
    """
    usual = Message(_filled(SUBJECT, variables), _filled(TEXT, variables))
    try:
        subject = _filled(notification.subject, variables) if notification.subject is not None else usual.subject
        text = _filled(notification.text, variables) if notification.text is not None else usual.text
    except (InvalidExpression, EvaluationFailed, KeyError) as error:
        return usual, f"its template cannot be used: {error}"
    return Message(" ".join(subject.split()), text), ""


def _filled(template: str, variables: Mapping[str, object]) -> str:
    compiled = compile_template(template)
    return compiled.evaluate({name: variables[name] for name in compiled.names})


def check_templates(notifications: Sequence[Notification]) -> Iterator[Problem]:
    """What is wrong with the templates of notifications, each at its place."""
    for notification in notifications:
        for part, template in (("subject", notification.subject), ("text", notification.text)):
            if template is None:
                continue
            try:
                names = compile_template(template, notification.place(part)).names
            except InvalidExpression as error:
                yield error.problem
                continue
            for name in sorted(names - VARIABLES):
                hint = nearest(name, VARIABLES) or f"There are: {', '.join(f'`{each}`' for each in sorted(VARIABLES))}."
                yield problem("SE235", notification.place(part), hint, name=name)
