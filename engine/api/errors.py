"""Errors as JSON: `{"error": {"code", "message", "field"}}`, whatever went wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from engine.errors import GalleryError, InvalidValue, Problem, Rejected, shorten
from engine.words import N_, _


class ErrorDetail(BaseModel):
    """What a program (`code`, `field`) and a person (`message`) need to know."""

    code: str
    message: str
    field: str | None = None


class ErrorBody(BaseModel):
    """The body of every answer with a status from 400."""

    error: ErrorDetail


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request cannot be served as it is."},
    "5XX": {"model": ErrorBody, "description": "The service failed or is not ready."},
    422: {"model": ErrorBody, "description": "A value is missing or outside what is allowed."},
}


class TooLarge(GalleryError):
    """The body has more bytes than the API takes."""

    code = "too_large"
    status = 413


class Unauthorized(GalleryError):
    """The bearer token is not one that the API gives out."""

    code = "unauthorized"
    status = 401


def answer(error: GalleryError) -> JSONResponse:
    """The JSON response of an error that people may read."""
    headers = {}
    if isinstance(error, Rejected):
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    return _body(error.status, error.code, error.message, error.field, headers)


def _body(
    status: int,
    code: str,
    message: str,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    content = {"error": {"code": code, "message": message, "field": field}}
    return JSONResponse(content, status, headers)


async def _on_gallery_error(_request: Request, error: Any) -> JSONResponse:
    return answer(error)


async def _on_http_error(_request: Request, error: Any) -> JSONResponse:
    code = HTTPStatus(error.status_code).name.lower()
    messages = {
        404: _("There is nothing at this address."),
        405: _("This address does not take requests of this method."),
    }
    message = messages.get(error.status_code, error.detail)
    return _body(error.status_code, code, message, headers=error.headers)


async def _on_invalid_request(_request: Request, error: Any) -> JSONResponse:
    return answer(InvalidValue([_problem(e, error.body) for e in error.errors()]))


async def _on_unexpected(_request: Request, _error: Exception) -> JSONResponse:
    """Starlette raises the error again after this answer, so the server logs it."""
    return _body(500, "internal", _("Something went wrong here. The error has been logged."))


HANDLERS: dict[int | type[Exception], Any] = {
    GalleryError: _on_gallery_error,
    HTTPException: _on_http_error,
    RequestValidationError: _on_invalid_request,
    Exception: _on_unexpected,
}

_OBJECT = N_("a JSON object (sent with Content-Type: application/json)")

_EXPECTED = {
    "missing": N_("a value"),
    "extra_forbidden": N_("no field of this name"),
    "json_invalid": N_("JSON"),
    "model_attributes_type": _OBJECT,
    "dict_type": N_("an object"),
    "list_type": N_("a list"),
    "string_type": N_("a text"),
    "string_too_short": N_("a text that is not empty"),
    "too_short": N_("at least one item"),
    "too_long": N_("at most {max_length:,} items"),
    "int_type": N_("a whole number"),
    "int_parsing": N_("a whole number"),
    "int_from_float": N_("a whole number"),
    "greater_than_equal": N_("a number from {ge}"),
    "not_finite": N_("finite numbers only"),
}


def _problem(error: Mapping[str, Any], body: Any) -> Problem:
    """One finding of pydantic in our own words; unusual ones keep pydantic's."""
    kind = error["type"]
    inside = kind != "json_invalid" and error["loc"][1:]
    field = ".".join(map(str, inside)) if inside else str(error["loc"][0])
    words = _EXPECTED.get(kind)
    expected = _(words).format(**error.get("ctx", {})) if words else error["msg"]
    if kind == "missing":
        return Problem(field, expected, _("nothing"))
    return Problem(field, expected, shorten(body if kind == "json_invalid" else error["input"]))
