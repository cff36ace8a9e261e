"""Visitor-facing words (gettext): English source, catalogues under `engine/locale/`.

`_` translates at once, `N_` only marks (for words declared at import time, translated with `_`
where they are shown). The language is a context variable, so every visitor can have their own.
"""

from __future__ import annotations

import gettext
from contextvars import ContextVar
from functools import cache
from pathlib import Path

DOMAIN = "gallery"
LOCALE_DIR = Path(__file__).with_name("locale")

language: ContextVar[str] = ContextVar("language", default="en")


@cache
def languages() -> frozenset[str]:
    """Codes of the languages there are: English, and those with a catalogue."""
    return frozenset({"en"} | {f.name for f in LOCALE_DIR.iterdir() if f.is_dir()})


def in_all_languages(text: str) -> frozenset[str]:
    """All translations of `text`, English among them."""
    return frozenset(_catalogue(code).gettext(text) if text else text for code in languages())


def use_language(locale: str | None) -> None:
    """Speak the language of a browser's locale (`"de-AT"`) if we know it, else English."""
    code = (locale or "en").split("-")[0].lower()
    language.set(code if code in languages() else "en")


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALE_DIR, languages=[code], fallback=True)


def _(text: str) -> str:
    """Translate `text` into the current language; English when there is no catalogue."""
    return _catalogue(language.get()).gettext(text) if text else text


def N_(text: str) -> str:
    """Mark `text` for extraction; it is translated where it is shown."""
    return text
