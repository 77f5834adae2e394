"""Logging in: the OAuth token endpoint and the SOAP ``login`` call."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from starlette.responses import Response

from sync_engine_sandbox.crm.org import ORG_ID
from sync_engine_sandbox.crm.server import Server, answer, base_url, check_session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCES = ("https://login.salesforce.com", "https://test.salesforce.com")
LAST_SOAP_LOGIN = 64
"""Newest version that still knows ``login()``."""


class Refused(Exception):
    """A login that fails; the arguments are the OAuth error and its description."""


async def token(server: Server, request: Request) -> Response:
    """``POST /services/oauth2/token``."""
    form = {name: values[0] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
    form.update(_basic(request.headers.get("authorization", "")))
    try:
        refresh = _granted(server, form, base_url(request))
    except Refused as refused:
        error, description = refused.args
        return answer({"error": error, "error_description": description}, 400)
    return answer(_token_answer(server, base_url(request), refresh))


async def revoke(server: Server, request: Request) -> Response:
    """``POST /services/oauth2/revoke``."""
    values = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])
    server.org.sessions.pop(values[0], None)
    return Response(status_code=200)


async def user_info(server: Server, request: Request) -> Response:
    """``GET /services/oauth2/userinfo`` (Salesforce Help, "Query for User Information"): whose session this is."""
    check_session(server, request)
    user = server.org.store.tables["User"].live[server.org.api_user]
    return answer(
        {
            "user_id": user["Id"],
            "organization_id": ORG_ID,
            "preferred_username": user["Username"],
            "name": f"{user['FirstName']} {user['LastName']}",
            "email": user["Email"],
            "active": user["IsActive"],
        }
    )


def _basic(header: str) -> dict[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(encoded).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": client_id, "client_secret": secret}


def _granted(server: Server, form: Mapping[str, str], here: str) -> str | None:
    """Check one grant; gives the refresh token to answer, if the grant has one."""
    settings = server.settings
    grant = form.get("grant_type", "")
    if grant == JWT_GRANT:
        _check_assertion(server, form.get("assertion", ""), here)
        return None
    if grant not in {"client_credentials", "password", "refresh_token"}:
        raise Refused("unsupported_grant_type", "grant type not supported")
    if form.get("client_id") != settings.client_id:
        raise Refused("invalid_client_id", "client identifier invalid")
    if form.get("client_secret") != settings.client_secret and (grant != "refresh_token" or "client_secret" in form):
        raise Refused("invalid_client", "invalid client credentials")
    if grant == "client_credentials":
        return None
    if grant == "refresh_token":
        if form.get("refresh_token") != _refresh_token(server):
            raise Refused("invalid_grant", "expired access/refresh token")
        return None
    allowed = (settings.password, settings.password + settings.security_token)
    if form.get("username") != settings.username or form.get("password") not in allowed:
        raise Refused("invalid_grant", "authentication failure")
    return _refresh_token(server)


def _check_assertion(server: Server, assertion: str, here: str) -> None:
    import jwt  # here, because only this grant needs it; it comes with simple-salesforce

    if server.settings.jwt_public_key is None:
        raise Refused("invalid_grant", "user hasn't approved this consumer")
    try:
        claims: dict[str, Any] = jwt.decode(
            assertion, server.settings.jwt_public_key, ["RS256"], audience=[*AUDIENCES, here]
        )
    except jwt.ExpiredSignatureError as error:
        raise Refused("invalid_grant", "expired authorization code") from error
    except jwt.InvalidTokenError as error:
        raise Refused("invalid_grant", "invalid assertion") from error
    if claims.get("iss") != server.settings.client_id:
        raise Refused("invalid_client_id", "client identifier invalid")
    if claims.get("sub") != server.settings.username:
        raise Refused("invalid_grant", "user hasn't approved this consumer")


def _refresh_token(server: Server) -> str:
    return "5Aep" + hashlib.sha256(f"refresh:{server.settings.client_secret}".encode()).hexdigest()


def _new_session(server: Server) -> str:
    return server.org.open_session(f"{ORG_ID[:15]}!{secrets.token_urlsafe(48)}").token


def _token_answer(server: Server, here: str, refresh: str | None) -> dict[str, str]:
    issued = str(int(time.time() * 1000))
    identity = f"{here}/id/{ORG_ID}/{server.org.api_user}"
    digest = hmac.new(server.settings.client_secret.encode(), f"{identity}{issued}".encode(), hashlib.sha256).digest()
    answered = {
        "access_token": _new_session(server),
        "signature": base64.b64encode(digest).decode(),
        "scope": "refresh_token api" if refresh else "api",
        "instance_url": here,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued,
        "api_instance_url": here,
    }
    return answered | ({"refresh_token": refresh} if refresh else {})


async def soap_login(server: Server, request: Request) -> Response:
    """``POST /services/Soap/u/{version}``: the ``login`` call, and no other."""
    body = (await request.body()).decode("utf-8", "replace")
    version = str(request.path_params["version"])
    username, password = (_element(body, name) for name in ("username", "password"))
    if username is None or password is None:
        return _fault("UNKNOWN_EXCEPTION", "This local server knows only the login call of the SOAP API.")
    number = version.partition(".")[0]
    if number.isdigit() and int(number) > LAST_SOAP_LOGIN:
        return _fault("UNSUPPORTED_API_VERSION", f"login() is not available in API version {version}; use OAuth.")
    settings = server.settings
    if username == settings.username and password == settings.password and settings.security_token:
        if _element(body, "organizationId") is None:
            return _fault(
                "LOGIN_MUST_USE_SECURITY_TOKEN",
                "Invalid username, password, security token; or user locked out. Are you at a new location? "
                "When accessing Salesforce--either via a desktop client or the API--from outside of your company's "
                "trusted networks, you must add a security token to your password to log in.",
            )
    elif username != settings.username or password != settings.password + settings.security_token:
        return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
    return _xml(_login_result(server, base_url(request), version, username), 200)


def _element(body: str, name: str) -> str | None:
    match = re.search(rf"<(?:[\w.-]+:)?{name}\b[^>]*>(.*?)</(?:[\w.-]+:)?{name}>", body, re.DOTALL)
    return html.unescape(match.group(1)) if match else None


def _login_result(server: Server, here: str, version: str, username: str) -> str:
    session = _new_session(server)
    user = server.org.api_user
    urls = f"<metadataServerUrl>{here}/services/Soap/m/{version}/{ORG_ID[:15]}</metadataServerUrl>"
    info = (
        f"<userInfo><organizationId>{ORG_ID}</organizationId><organizationMultiCurrency>"
        f"{str(server.org.objects.multi_currency).lower()}</organizationMultiCurrency><userId>{user}</userId>"
        f"<userName>{html.escape(username)}</userName></userInfo>"
    )
    return (
        '<soapenv:Body><loginResponse xmlns="urn:partner.soap.sforce.com"><result>'
        f"{urls}<passwordExpired>false</passwordExpired><sandbox>true</sandbox>"
        f"<serverUrl>{here}/services/Soap/u/{version}/{ORG_ID[:15]}</serverUrl><sessionId>{session}</sessionId>"
        f"<userId>{user}</userId>{info}</result></loginResponse></soapenv:Body>"
    )


def _fault(code: str, message: str) -> Response:
    text = html.escape(message)
    return _xml(
        f"<soapenv:Body><soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {text}</faultstring><detail>"
        f'<sf:LoginFault xmlns:sf="urn:fault.partner.soap.sforce.com"><sf:exceptionCode>{code}</sf:exceptionCode>'
        f"<sf:exceptionMessage>{text}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault></soapenv:Body>",
        500,
    )


def _xml(body: str, status: int) -> Response:
    head = '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    return Response(f"{head}{body}</soapenv:Envelope>", status, media_type="text/xml;charset=UTF-8")
