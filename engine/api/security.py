"""Middleware that keeps visitors safe from other sites, and us from large bodies."""

from __future__ import annotations

from functools import lru_cache

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import service
from engine.api.errors import TooLarge, answer
from engine.words import _

BODY_LIMIT = 1_000_000
"""Bytes of a request's body."""

LARGER_BODIES = {"/animations": 12_500_000}
"""Other limits, by the end of the address."""

BLOCKED = ("/_stcore/metrics",)
"""Addresses of Streamlit that tell strangers about its inside."""

POLICY = {
    "default-src": "'self'",
    # Streamlit compiles expressions; its components (v2) are modules made from blobs.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    # Streamlit turns a webcam's picture into a file by fetching it from a data address.
    "connect-src": "'self' ws: wss: data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}

DENIED_FEATURES = (
    "accelerometer",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)

FRAME_OPTIONS = {"'self'": "SAMEORIGIN", "'none'": "DENY"}


class SecurityHeaders:
    """Adds the headers that tell a browser what our pages may load and who may embed them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                ancestors = service.current().settings.frame_ancestors
                MutableHeaders(scope=message).update(security_headers(ancestors))
            await send(message)

        await self.app(scope, receive, send_with_headers)


@lru_cache(maxsize=8)
def security_headers(frame_ancestors: str) -> dict[str, str]:
    """The headers, with `frame_ancestors` as in a Content-Security-Policy."""
    policy = {**POLICY, "frame-ancestors": frame_ancestors}
    headers = {
        "content-security-policy": "; ".join(f"{k} {v}" for k, v in policy.items()),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": ", ".join(["camera=(self)", *(f"{f}=()" for f in DENIED_FEATURES)]),
    }
    if frame_ancestors in FRAME_OPTIONS:  # the older header knows no list of sites
        headers["x-frame-options"] = FRAME_OPTIONS[frame_ancestors]
    return headers


class BlockedPaths:
    """Answers 404 to the addresses in `BLOCKED`, under whatever base path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].rstrip("/").endswith(BLOCKED):
            await PlainTextResponse("Not Found", 404)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class BodyLimit:
    """Reads the body before the application does, and answers 413 to one that is too large.

    Starlette's own `RequestBodyLimitMiddleware` answers in plain text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = next(
            (n for end, n in LARGER_BODIES.items() if scope["path"].endswith(end)), BODY_LIMIT
        )
        messages: list[Message] = []
        size, more = 0, True
        while more:
            messages.append(await receive())
            size += len(messages[-1].get("body", b""))
            more = messages[-1].get("more_body", False)
            if size > limit:
                text = _("The body is larger than {limit} bytes.").format(limit=limit)
                await answer(TooLarge(text))(scope, receive, send)
                return

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)
