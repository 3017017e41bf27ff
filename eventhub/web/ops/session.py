"""Who is at the ops page: the cookie of a session, the token in its forms, and where a form may come from."""

import hmac
import re

from aiohttp import web

from eventhub.services import keys
from eventhub.services.tokens import OPS_SESSION_SECONDS
from eventhub.web.call import SETTINGS
from eventhub.web.http.proxies import PROXIES

_NAME = "eventhub-ops"
_LOCAL = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?\Z")


def is_secure(request: web.Request) -> bool:
    """Return whether the browser came over https, also through a proxy that nobody named."""
    site = (request.app[SETTINGS].base_url or "").rstrip("/")
    return site == f"https://{request.headers.get('Host')}" or request.app[PROXIES].scheme(request) == "https"


def is_local(request: web.Request) -> bool:
    """Return whether the browser is on this machine, where there need be no https."""
    return _LOCAL.match(request.headers.get("Host", "")) is not None


def cookie_name(request: web.Request) -> str:
    # The prefix binds the cookie to this host, over https: no subdomain and no plain page can plant another.
    return f"__Host-{_NAME}" if is_secure(request) else _NAME


def find_token(request: web.Request) -> str | None:
    """Return the session's token that the browser sent."""
    return request.cookies.get(cookie_name(request))


def keep_token(request: web.Request, response: web.Response, token: str) -> None:
    """Have the browser send the token from now on: to this host, by no script, and not when another site leads here."""
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=OPS_SESSION_SECONDS,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="Strict",
    )


def drop_token(request: web.Request, response: web.Response) -> None:
    response.del_cookie(
        cookie_name(request), path="/", secure=is_secure(request), httponly=True, samesite="Strict"
    )


def form_token(secret_keys: tuple[str, ...], sign_in_id: int) -> str:
    """Return what each form of this session carries, and no other site can know."""
    return _proof(keys.signing_key(secret_keys, keys.Purpose.OPS_FORM), sign_in_id)


def is_form_token(secret_keys: tuple[str, ...], sign_in_id: int, given: str) -> bool:
    """Return whether a form was made for this session, also with a former key."""
    made = [_proof(keys.derive(secret, keys.Purpose.OPS_FORM), sign_in_id) for secret in secret_keys]
    return any(hmac.compare_digest(one.encode(), given.encode()) for one in made)


def _proof(key: bytes, sign_in_id: int) -> str:
    return hmac.new(key, str(sign_in_id).encode(), "sha256").hexdigest()


def is_from_here(request: web.Request) -> bool:
    """Return whether a page of this very site sent the form, as the browser itself says."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    scheme, _, host = request.headers.get("Origin", "").partition("://")
    return scheme in {"http", "https"} and host == request.headers.get("Host")
