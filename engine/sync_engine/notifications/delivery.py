"""From a message to its receiver: a webhook (generic JSON), Slack or whoever takes its payload, or e-mail."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import urlsplit

import orjson

from sync_engine.catalog.notifications import Channel, Notification
from sync_engine.catalog.references import substitute
from sync_engine.notifications.wording import Message
from sync_engine.sdk.errors import InvalidInput
from sync_engine.sdk.problem import Problem
from sync_engine.sdk.values import Secret

TIMEOUT = 10
"""Seconds for each step of a delivery; a receiver that is slow must not hold up a transfer for long."""
SLOWEST_ANSWER = 30.0
"""Seconds for the head of an answer; its body is not read."""
VERSION = 1
SIGNATURE = "X-Sync-Engine-Signature"
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class DeliveryFailed(Exception):
    """A message did not reach its receiver; the text says why and holds no secret."""


def resolve_settings(notification: Notification, environ: Mapping[str, str]) -> dict[str, object]:
    """The settings of a channel with their references replaced; what came from a reference is a ``Secret``.

    Raises:
        InvalidInput: every variable that is not set and every file that cannot be read, with its place.
    """
    problems: list[Problem] = []

    def resolved(key: str, value: object) -> object:
        if isinstance(value, list):
            return [resolved(key, each) for each in value]
        if not isinstance(value, str):
            return value
        found = substitute(value, environ, notification.place(key))
        if isinstance(found, list):
            problems.extend(found)
            return None
        return found if "${" not in value else Secret(found)

    settings = {key: resolved(key, value) for key, value in notification.settings.items()}
    if problems:
        raise InvalidInput(problems)
    return settings


def deliver(
    notification: Notification, settings: Mapping[str, object], message: Message, variables: Mapping[str, object]
) -> None:
    """Send a message.

    Args:
        notification: to whom.
        settings: from ``resolve_settings``.
        message: what a person reads.
        variables: what a program reads.

    Raises:
        DeliveryFailed: it was not taken.
    """
    texts = {key: _revealed(value) for key, value in settings.items()}
    match notification.channel:
        case Channel.WEBHOOK:
            body = orjson.dumps({"version": VERSION, **variables, "subject": message.subject, "text": message.text})
            headers = {SIGNATURE: _signature(texts["secret"], body)} if "secret" in texts else {}
            _post(texts["url"], body, headers)
        case Channel.SLACK:
            text = f"*{_escaped(message.subject)}*\n{_escaped(message.text)}"
            _post(texts["url"], orjson.dumps({"text": text}), {})
        case Channel.EMAIL:
            _mail(settings, message)


def _revealed(value: object) -> str:
    return value.reveal() if isinstance(value, Secret) else str(value)


def _signature(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _escaped(text: str) -> str:
    """Slack reads these three as the start of links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """One request; a redirect is refused, because it would carry the message to somewhere else."""
    import httpx

    from sync_engine.sdk.http import open_client

    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
        raise DeliveryFailed("its address does not start with https://")
    headers = {"Content-Type": "application/json", "User-Agent": "sync-engine", **headers}
    try:
        with (
            open_client(SLOWEST_ANSWER, timeout=TIMEOUT) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,  # whose body nobody reads
        ):
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:  # whose texts may hold the address
        raise DeliveryFailed(f"{parts.hostname} cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise DeliveryFailed(f"{parts.hostname} answered {status}")


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def _mail(settings: Mapping[str, object], message: Message) -> None:
    host, security = _revealed(settings["host"]), _revealed(settings.get("security", "starttls"))
    if security == "none" and not _is_here(host):
        raise DeliveryFailed("mail goes out unencrypted (`security: none`) to this machine only")
    port = settings.get("port", _PORTS[security])
    receivers = settings["to"] if isinstance(settings["to"], Sequence) else ()
    try:
        mail = _letter(_revealed(settings["from"]), [_revealed(each) for each in receivers], message)
        context = ssl.create_default_context()
        with (
            smtplib.SMTP_SSL(host, int(str(port)), timeout=TIMEOUT, context=context)
            if security == "tls"
            else smtplib.SMTP(host, int(str(port)), timeout=TIMEOUT)
        ) as server:
            if security == "starttls":
                server.starttls(context=context)
            if "username" in settings:
                server.login(_revealed(settings["username"]), _revealed(settings["password"]))
            refused = server.send_message(mail)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        said = f"{type(error).__name__} {getattr(error, 'smtp_code', '')}".strip()
        raise DeliveryFailed(f"the mail server refused it or cannot be reached ({said})") from None
    if refused:
        raise DeliveryFailed(f"the mail server refused {len(refused)} of {len(list(receivers))} receivers")


def _letter(sender: str, receivers: Sequence[str], message: Message) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(receivers), message.subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="sync-engine.invalid")
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence note comes back
    mail.set_content(message.text)
    return mail
