"""Who may ask: the token, the name the service is called by, the pages that may use it, and headers on every answer.

The middlewares are plain ASGI: they wrap each message and cost microseconds.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.apps.service.problems import Refusal, answer
from mien.apps.service.settings import ServiceSettings

POLICY: Final = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "worker-src 'self' blob:; style-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""What the page may load: nothing from elsewhere. WebAssembly is let in for the in-browser mode."""

SECURITY_HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{0,5}))?")

_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="The service's `MIEN_TOKEN`, if it has one.")


def is_token_right(given: str | None, settings: ServiceSettings) -> bool:
    """Return whether a client may ask; the time it takes doesn't tell how much of the token was right.

    Args:
        given: What the client sent, without `Bearer`; None if nothing.
        settings: Whose token counts. A service without one, which only this machine reaches, lets everyone in.
    """
    if settings.token is None:
        return True
    wanted = settings.token.get_secret_value().encode()
    return hmac.compare_digest((given or "").encode("utf-8", "surrogatepass"), wanted)


def is_host_known(host: str | None, settings: ServiceSettings) -> bool:
    """Return whether the service is meant by a `Host` header.

    A page elsewhere can let its own name point here (DNS rebinding), and would then be at one with the service in the
    eyes of a browser. An address can't be made to point elsewhere, so every address is known.

    Args:
        host: The header's value, with or without a port.
        settings: Which names are known.
    """
    name = _split_host(host)[0]
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        known = {"localhost", settings.host.lower(), *settings.allowed_hosts}
        return name in known or name.endswith(".localhost")
    return True


def is_origin_allowed(origin: str | None, host: str | None, settings: ServiceSettings) -> bool:
    """Return whether a page may ask: our own, one that is named, or no page at all.

    Args:
        origin: The `Origin` header, which browsers set and pages can't; None where it is absent.
        host: The `Host` header.
        settings: Which other origins are named.
    """
    if origin is None:
        return True
    origin = origin.lower()
    if origin in settings.cors_origins:
        return True
    scheme, _, rest = origin.partition("://")
    if scheme not in ("http", "https"):
        return False
    default = 443 if scheme == "https" else 80
    (name, port), (own_name, own_port) = _split_host(rest), _split_host(host)
    # A proxy that speaks HTTPS for us hands the name on, and not always the port.
    return bool(name) and name == own_name and (port or default) == (own_port or default)


async def check_token(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Refuse a request without the right token.

    Raises:
        Refusal: `unauthorized`.
    """
    settings: ServiceSettings = request.app.state.settings
    if is_token_right(None if credentials is None else credentials.credentials, settings):
        return
    reason = "the token is not the right one" if credentials else "there is no token"
    raise Refusal("unauthorized", f"{reason}. Send the service's token as the header 'Authorization: Bearer TOKEN'.")


Token = Depends(check_token)
"""For a router's or route's `dependencies`."""


class SecurityHeaders:
    """Sets `SECURITY_HEADERS` on every answer, and keeps what stands below `/v1` out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the app whose answers get them."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/v1/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, add)


class Doorkeeper:
    """Refuses names that the service isn't known under, and pages that may not ask it."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        """Take the app behind the door.

        Args:
            app: Is asked if all is well.
            settings: Which hosts and origins are let in.
        """
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._judge(scope)
        await (self._app if refusal is None else answer(refusal, scope["path"]))(scope, receive, send)

    def _judge(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        for name in ("host", "origin"):
            if len(headers.getlist(name)) > 1:
                return Refusal("bad_http", f"a request has one header {name.title()}, got several. Send one.")
        host, origin = headers.get("host"), headers.get("origin")
        if not is_host_known(host, self._settings):
            return Refusal(
                "forbidden_host",
                f"the service doesn't go by the name {(host or '')[:100]!r}. Whoever runs it can add the name to "
                "MIEN_ALLOWED_HOSTS.",
            )
        is_asked_to_act = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if is_asked_to_act and not is_origin_allowed(origin, host, self._settings):
            return Refusal(
                "forbidden_origin",
                f"pages of {(origin or '')[:100]!r} may not ask this service. Whoever runs it can add the origin to "
                "MIEN_CORS_ORIGINS.",
            )
        return None


def read_bearer(headers: Headers, subprotocols: Sequence[str] = ()) -> str | None:
    """Return the token that a client sent: in `Authorization`, or as browsers have to, as a WebSocket's subprotocol.

    Args:
        headers: Of the request.
        subprotocols: Those that the client offers; `bearer.TOKEN` holds the token.
    """
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    return next((word.removeprefix("bearer.") for word in subprotocols if word.startswith("bearer.")), None)


def _split_host(host: str | None) -> tuple[str, int | None]:
    """Take a `Host` header apart: a name and maybe a port, nothing else; the name is empty where it makes no sense."""
    found = _HOST.fullmatch((host or "").lower())
    if found is None or int(found["port"] or 0) > 65535:
        return "", None
    return found["name"].strip("[]").rstrip("."), int(found["port"]) if found["port"] else None
