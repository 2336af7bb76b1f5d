"""What every answer carries, and which requests are not answered: no other site's page may talk to this server."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_BY_DEFAULT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CASE_PAGE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""A case page carries a stricter policy of its own in its head; both hold. Frames can be forbidden here alone."""


class Guard:
    """Refuses foreign hosts and origins, and sets the headers that browsers obey.

    A web page of somebody else's can make a name of its own point to 127.0.0.1 (DNS rebinding). Such a request carries
    that name: only addresses in numbers, `localhost` and the name that the user chose are served.

    Args:
        app: The application.
        host: The name that the user chose.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._host = app, host.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", _BY_DEFAULT)
            await send(message)

        headers = Headers(scope=scope)
        origin = headers.get("origin")
        app: ASGIApp = self._app
        if not self._known(headers.get("host", "")):
            app = _refused("a host name that this server does not know", "the address that the terminal shows")
        elif origin is not None and _host_of(origin) != headers.get("host", "").lower():
            app = _refused("a request from another site's page", "the page of this server, or a program")
        await app(scope, receive, guarded)

    def _known(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in ("localhost", self._host):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _refused(found: str, needed: str) -> JSONResponse:
    return JSONResponse({"found": found, "needed": needed, "fix": "Open the server's own address."}, status_code=403)
