"""Logging in by simple-salesforce, in the four ways that a connection can name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError

import requests
from simple_salesforce.exceptions import SalesforceAuthenticationFailed
from simple_salesforce.login import SalesforceLogin

from sync_engine.sdk.errors import BrokenContract, Refused, SyncEngineError, Unauthorised
from sync_engine_salesforce.errors import NO_JSON_HINT, call_error
from sync_engine_salesforce.settings import OrgSettings
from sync_engine_salesforce.transport import instance_of, login_domain, read_retry_after

NEWEST_SOAP_LOGIN = 64.0
"""Newest API version that still has the SOAP call ``login()``; a session from there is good for newer versions too."""

_OAUTH_BUSY = frozenset({"temporarily_unavailable", "server_error", "unknown_error"})


class Login(NamedTuple):
    """A session.

    Attributes:
        token: session id or access token.
        instance: host to ask with it.
    """

    token: str
    instance: str


def log_in(where: str, settings: OrgSettings, http: requests.Session, clean: Callable[[str], str]) -> Login:
    """Log in, or take the access token that is there.

    Args:
        where: names the connection.
        settings: how.
        http: asks the org only.
        clean: makes a text from outside fit for a message.

    Raises:
        Unauthorised: the credentials are refused.
        Refused: a setting cannot be used.
        Unavailable: Salesforce cannot answer now.
        BrokenContract: the answer is no login.
        requests.exceptions.RequestException: there was no answer.
    """
    base = settings.base.reveal()
    if settings.auth == "token":
        token = settings.secrets["access_token"].reveal()
        if not _fits_a_header(token):
            raise Refused(f"{where}: `access_token` holds characters that no access token has")
        return Login(token, instance_of(base, ""))
    failure: SyncEngineError
    answers: list[requests.Response] = []
    try:
        answered = _ask(where, settings, http, answers)
    except SalesforceAuthenticationFailed as error:
        code = error.code if isinstance(error.code, int) else clean(error.code or "no reason given")
        failure = _refusal(where, code, _asked_to_wait(answers))
    except requests.exceptions.RequestException:
        raise
    except (AttributeError, TypeError, ValueError, ExpatError):
        failure = _unreadable(where, answers, clean)
    else:
        return Login(answered.token, instance_of(base, answered.instance))
    raise failure


def _ask(where: str, settings: OrgSettings, http: requests.Session, answers: list[requests.Response]) -> Login:
    """The library's answer; raises TypeError when it holds no session, and keeps the service's own in ``answers``."""

    def keep(answer: requests.Response, **_options: object) -> None:
        answers.append(answer)

    http.hooks["response"].append(keep)
    try:
        # The library prints an advice with the client id in it.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            token, instance = SalesforceLogin(session=http, **_arguments(where, settings))
    finally:
        http.hooks["response"].remove(keep)
    if not _fits_a_header(token):
        raise TypeError("no session")
    return Login(token, instance)


def _unreadable(where: str, answers: Sequence[requests.Response], clean: Callable[[str], str]) -> SyncEngineError:
    """What an answer means that the library cannot read: an error in the shape of other calls, or of something else."""
    if answers and answers[-1].status_code >= 400:
        try:
            content = answers[-1].json()
        except ValueError:
            content = None
        wait = _asked_to_wait(answers)
        return call_error(where, answers[-1].status_code, content, lambda said: clean(said).partition(":")[0], wait)
    return BrokenContract(f"{where}: the answer to the login is not Salesforce's", hint=NO_JSON_HINT)


def _asked_to_wait(answers: Sequence[requests.Response]) -> float | None:
    """Seconds that the last answer asked to wait."""
    return read_retry_after(answers[-1].headers.get("Retry-After")) if answers else None


def _arguments(where: str, settings: OrgSettings) -> dict[str, Any]:
    """What the library wants for each way; it tells them apart by what is given."""
    known = {name: each.reveal() for name, each in settings.secrets.items()}
    domain = login_domain(settings.base.reveal())
    app = {"consumer_key": known.get("client_id"), "consumer_secret": known.get("client_secret")}
    if settings.auth == "client_credentials":
        return {"domain": domain, **app}
    if settings.auth == "jwt":
        _check_key(where, known["private_key"])
        # The audience is the login service, the request goes to the org itself (instance_url says where).
        audience = "test" if ".sandbox." in settings.host or domain == "test" else "login"
        return {
            "domain": audience,
            "instance_url": domain,
            "username": known["username"],
            "consumer_key": app["consumer_key"],
            "privatekey": known["private_key"],
        }
    token = known.get("security_token", "")
    user = {"domain": domain, "username": known["username"]}
    if all(app.values()):
        return {**user, **app, "password": known["password"] + token}
    version = min(float(settings.api_version), NEWEST_SOAP_LOGIN)
    return {**user, "password": known["password"], "security_token": token, "sf_version": f"{version:.1f}"}


def _check_key(where: str, pem: str) -> None:
    import jwt  # comes with simple-salesforce

    try:
        jwt.encode({}, pem, algorithm="RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        usable = False
    else:
        usable = True
    if not usable:
        raise Refused(f"{where}: `private_key` is no RSA key", hint="Give the PEM text, not the path of the file.")


def _refusal(where: str, code: str | int, wait: float | None) -> SyncEngineError:
    """What a failed login means; the message of the answer is not shown, because it may repeat what was sent."""
    if isinstance(code, int):  # the answer was neither JSON nor XML: this is its HTTP status
        if code < 400:
            return BrokenContract(f"{where}: the answer to the login is no JSON", hint=NO_JSON_HINT)
        return call_error(where, code, None, str, wait)
    if code.lower() in _OAUTH_BUSY:
        return call_error(where, 503, [{"errorCode": code}], str, wait)
    other = call_error(where, 400, [{"errorCode": code}], str)
    if type(other) is not Refused or code == "REQUEST_LIMIT_EXCEEDED":
        return other
    if code == "LOGIN_MUST_USE_SECURITY_TOKEN":
        return Unauthorised(f"{where}: Salesforce refuses the login ({code})", hint="Give `security_token` too.")
    shown = code if code.replace("_", "").isalnum() and len(code) < 60 else "for a reason of its own"
    return Unauthorised(
        f"{where}: Salesforce refuses the login ({shown})",
        hint="Check the credentials in sync-engine.yaml, and that the app allows this kind of login.",
    )


def _fits_a_header(token: object) -> bool:
    return isinstance(token, str) and token.isascii() and token.isprintable() and token == token.strip() != ""
