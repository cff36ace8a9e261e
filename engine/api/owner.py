"""Who asks: a browser by its signed cookie, a program by the bearer token of its first run."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from itsdangerous import BadSignature, Signer
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine import service
from engine.api.errors import Unauthorized
from engine.errors import Forbidden
from engine.settings import Settings
from engine.words import _

COOKIE = "gallery_owner"
COOKIE_AGE = 365 * 24 * 3600
"""Seconds."""

SECRET = "secret"
"""Name of the file that keeps the signing key."""

TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""What `secrets.token_urlsafe(32)` gives; shorter ones, made up by a client, could be guessed."""


def owner_of(cookies: Mapping[str, str]) -> str | None:
    """The visitor that these cookies belong to; None if ours is absent or not signed by us."""
    try:
        return _signer(service.current().settings).unsign(cookies.get(COOKIE, "")).decode()
    except BadSignature:
        return None


class OwnerCookie:
    """Gives every browser its cookie, and handlers `request.state.owner` and `.known`.

    `owner` is always there; `known` tells whether the request brought it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        owner = owner_of(request.cookies)
        request.state.known = owner is not None
        request.state.owner = owner or secrets.token_hex(16)
        path = scope.get("root_path") or "/"  # now: a mount on the way will lengthen it

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # A proxy may hand a public answer to the next visitor, cookie and all.
                if "public" not in headers.get("cache-control", ""):
                    headers.append("set-cookie", _cookie(request, path))
            await send(message)

        await self.app(scope, receive, send_with_cookie if owner is None else send)


def _cookie(request: HTTPConnection, path: str) -> str:
    configuration = service.current().settings
    value = _signer(configuration).sign(request.state.owner).decode()
    forwarded = configuration.trust_proxy and request.headers.get("x-forwarded-proto")
    secure = "; Secure" if "https" in (request.url.scheme, forwarded) else ""
    return f"{COOKIE}={value}; Path={path}; Max-Age={COOKIE_AGE}; HttpOnly; SameSite=Lax{secure}"


@lru_cache(maxsize=8)
def _signer(configuration: Settings) -> Signer:
    if configuration.secret:
        secret = configuration.secret.get_secret_value()
    else:
        secret = _kept_secret(_local_folder(configuration))
    return Signer(secret, salt="gallery-owner", digest_method=hashlib.sha256)


def _local_folder(configuration: Settings) -> Path:
    """The runs folder; the cache folder where runs are kept on another machine."""
    files, path = url_to_fs(configuration.runs_dir)
    return Path(path) if isinstance(files, LocalFileSystem) else configuration.cache_dir


def _kept_secret(folder: Path) -> str:
    """The signing key of this installation, made by whoever comes first."""
    file = folder / SECRET
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{SECRET}-{secrets.token_hex(8)}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(secrets.token_hex(32))
            opened.flush()
            os.fsync(opened.fileno())
        with suppress(FileExistsError):
            os.link(draft, file)  # unlike a rename, never replaces another process's key
        draft.unlink()
    return file.read_text()


# What routes ask ---------------------------------------------------------------------------------

Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))]


async def bearer(credentials: Credentials) -> str | None:
    """The bearer token of the request, if it has one.

    Raises
    ------
    Unauthorized
        When it cannot be one of ours.
    """
    if credentials is None:
        return None
    if not TOKEN.fullmatch(credentials.credentials):
        raise Unauthorized(_("This is no token that was given out with a run."))
    return credentials.credentials


Token = Annotated[str | None, Depends(bearer)]


def token_owner(token: str) -> str:
    """The owner that a bearer token stands for."""
    return "token:" + hashlib.sha256(token.encode()).hexdigest()


async def asker(request: Request, token: Token) -> str:
    """The owner whom the request speaks for: of its token, otherwise of its cookie."""
    owner: str = request.state.owner
    return token_owner(token) if token else owner


Asker = Annotated[str, Depends(asker)]


async def same_origin(request: Request) -> None:
    """Refuse what another site has a visitor's browser do with the visitor's cookie.

    Raises
    ------
    Forbidden
        When the request changes something and its page is not one of ours.
    """
    origin = request.headers.get("origin")
    if (
        request.method in ("GET", "HEAD", "OPTIONS")
        or origin is None
        or COOKIE not in request.cookies
    ):
        return
    if origin.partition("://")[2].lower() != request.headers.get("host", "").lower():
        raise Forbidden(_("This request was sent by another site."))


def client_address(request: HTTPConnection) -> str:
    """The visitor's network address."""
    host = request.client.host if request.client else ""
    return trusted_address(host, request.headers.get("x-forwarded-for"))


def trusted_address(peer: str, forwarded: str | None) -> str:
    """What the nearest proxy says (`X-Forwarded-For`), if the settings trust it, else the peer."""
    if service.current().settings.trust_proxy and forwarded:
        return forwarded.rpartition(",")[2].strip()
    return peer


def pseudonym(address: str) -> str:
    """An address made unreadable: a cookie is too easily changed to tell people apart."""
    signer = _signer(service.current().settings)
    return "address:" + signer.get_signature(address).decode()
