"""The page script: navigation over the topics that exist. Every rerun starts here."""

from __future__ import annotations

import streamlit as st

from engine.spec import GROUPS
from engine.words import _, use_language
from pages._frame.catalogue import with_page
from pages._frame.style import apply_style

use_language(st.context.locale)
st.set_page_config(page_title=_("PyTorch Live Gallery"), page_icon="🧠", layout="wide")
apply_style()

home = st.Page("_home.py", title=_("PyTorch Live Gallery"), default=True)
pages = {"": [home]}
for group in GROUPS:
    members = [t for t in with_page() if t.group == group]
    if members:
        pages[_(group)] = [
            st.Page(f"{t.name}.py", title=_(t.title), icon=t.icon, url_path=t.name) for t in members
        ]
st.navigation(pages, position="hidden" if st.context.is_embedded else "top").run()
