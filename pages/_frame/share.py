"""Save & share, and what a visitor may do about their data."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from engine import service
from engine.config import Config
from engine.errors import GalleryError
from engine.spec import TopicSpec
from engine.words import _
from pages._frame.link import settings_link
from pages._frame.visit import Visit, owner
from pages._live import base_url


def share_menu(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """The *Share* popover; its content is made only while it is open."""
    menu = st.popover(_("Share"), icon=":material/share:", on_change="rerun", key="bar_share")
    if not menu.open:
        return
    with menu:
        try:
            _saved_run(spec, visit)
        except GalleryError as error:
            st.error(error.message)
        st.markdown(_("**These settings** (trains again when opened)"))
        st.code(_address(spec, settings_link(spec, config)), language=None)
        st.divider()
        if st.button(
            _("Delete my data"), help=_("Removes all your runs and shared links from here.")
        ):
            _forget_me(visit)


def _saved_run(spec: TopicSpec, visit: Visit) -> None:
    """Share the run on show, or say how to; report or revoke one that is shared."""
    store = service.current().store
    if visit.shared:
        run = store.summary(visit.shared, owner())
        if not run.owned:
            _report(visit.shared)
        elif run.shared:
            _shared_link(spec, visit.shared, run.expires)
        return
    st.markdown(_("**This run** (exactly what you see, without training)"))
    if visit.run not in visit.ended:
        st.caption(_("Train first; a finished run can be saved and shared."))
    elif st.button(_("Save & share"), type="primary", key="save"):
        service.current().manager.wait_stored(visit.run)
        store.share(visit.run, owner())
        visit.shared, visit.run = visit.run, ""
        st.rerun()


def _shared_link(spec: TopicSpec, run_id: str, expires: object) -> None:
    st.markdown(_("**This run is shared.** Anyone with the link sees it."))
    st.code(_address(spec, {"run": run_id}), language=None)
    st.caption(_("The link works until {date}.").format(date=f"{expires:%d %B %Y}"))
    if st.button(_("Stop sharing"), key="revoke"):
        service.current().store.revoke(run_id, owner())
        st.toast(_("The link no longer works."))
        st.rerun()


def _report(run_id: str) -> None:
    st.markdown(_("**Somebody shared this run.** Is something wrong with it?"))
    reason = st.text_input(_("What is wrong?"), max_chars=200, key="report_reason")
    if st.button(_("Report"), disabled=not reason, key="report"):
        service.current().store.report(run_id, reason, owner())
        st.success(_("Thank you. It has been reported."))


def _forget_me(visit: Visit) -> None:
    current = service.current()
    current.manager.forget(owner())
    count = current.store.delete_owner(owner())
    visit.run = visit.shared = ""
    visit.ended.clear()
    st.toast(_("Deleted: {count} runs.").format(count=count))


def _address(spec: TopicSpec, parameters: dict[str, str]) -> str:
    """The full address of this page with these parameters."""
    host = st.context.headers.get("Host", "localhost")
    scheme = (st.context.url or "http://").split("://")[0]
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{scheme}://{host}{base_url()}{spec.name}{query}"
