"""Forged widget frames: said in words instead of passed over.

A browser can only send what a control allows, but anybody can write to the websocket. Streamlit
quietly puts such a value back; this middleware reads the frames first, takes forged values out
and remembers what was wrong with them, so that the page can say so and start nothing.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from engine.api import owner_of
from engine.config import Setting
from engine.errors import InvalidValue
from engine.topics import topics
from engine.words import in_all_languages

WIDGET_ID = re.compile(r"^\$\$ID-\w+-(?P<topic>\w+)\.(?P<field>\w+)$")
REMEMBERED = 1000
"""Messages kept for visitors whose page has not run since."""

_messages: OrderedDict[str, str] = OrderedDict()


def take_message(owner: str) -> str:
    """What was wrong with this visitor's last frame; told once."""
    return _messages.pop(owner, "")


class WidgetGuard:
    """ASGI middleware around Streamlit's websocket."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self.app(scope, receive, send)
            return
        owner = _owner(scope)

        async def checked() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive" and message.get("bytes"):
                message["bytes"] = _without_forged(message["bytes"], owner)
            return message

        await self.app(scope, checked, send)


def _owner(scope: Scope) -> str:
    cookies = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    return owner_of(cookie_parser(cookies)) or ""


def _without_forged(frame: bytes, owner: str) -> bytes:
    """The frame less the widget values that their settings do not allow."""
    message = BackMsg()
    try:
        message.ParseFromString(frame)
    except Exception:
        return frame  # not ours to judge: Streamlit refuses it
    widgets = message.rerun_script.widget_states.widgets
    forged = [(w, problem) for w in widgets if (problem := _problem(w))]
    if not forged:
        return frame
    _messages[owner] = " ".join(problem.message for _, problem in forged)
    while len(_messages) > REMEMBERED:
        _messages.popitem(last=False)
    for widget, _ in forged:
        widgets.remove(widget)
    return message.SerializeToString()


def _problem(widget: WidgetState) -> InvalidValue | None:
    """What is wrong with a widget's value, if it is one of a topic's settings."""
    match = WIDGET_ID.match(widget.id)
    spec = topics().get(match["topic"]) if match else None
    setting = spec.config.settings().get(match["field"]) if spec and match else None
    value = _value(widget)
    if setting is None or value is None:
        return None
    allowed = _is_choice(setting, value) if setting.kind == "choice" else _in_range(setting, value)
    return None if allowed else InvalidValue.of(setting.name, setting.expected, value)


def _value(widget: WidgetState) -> Any:
    """The value in a frame: a number of a slider or field, the text of a choice or a rung."""
    kind = widget.WhichOneof("value")
    if kind in ("double_array_value", "string_array_value"):
        return next(iter(getattr(widget, kind).data), None)
    return getattr(widget, kind) if kind in ("int_value", "double_value", "string_value") else None


def _is_choice(setting: Setting, value: Any) -> bool:
    labels = [in_all_languages(setting.labels.get(c, c)) for c in setting.choices]
    return any(value in texts for texts in labels)


def _in_range(setting: Setting, value: Any) -> bool:
    try:
        number = float(value.replace(",", "") if isinstance(value, str) else value)
    except ValueError:
        return False
    return setting.kind == "bool" or setting.low <= number <= setting.high
