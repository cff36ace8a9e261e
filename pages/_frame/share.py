"""Save & share, and what a visitor may do about their data."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

import streamlit as st

from engine import service
from engine.api.owner import pseudonym
from engine.config import Config
from engine.data.own import ALBUM, TABLE, digest, kind_of
from engine.errors import GalleryError
from engine.runs.store import RunSummary
from engine.spec import TopicSpec
from engine.words import N_, _
from pages._frame.link import BEYOND_SETTINGS, challenge_link, classroom_link, settings_link
from pages._frame.visit import Visit, address, key, owner
from pages._frame.words import plain
from pages._live import base_url

STORED_TOO = {
    TABLE: N_(
        "Your table too (the chosen columns, as numbers): everyone with the link can read it."
    ),
    ALBUM: N_("Your pictures too, as small as they are here: everyone with the link can see them."),
}


def share_menu(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """The *Share* popover; its content is made only while it is open."""
    menu = st.popover(_("Share"), icon=":material/share:", on_change="rerun", key="bar_share")
    if not menu.open:
        return
    with menu:
        try:
            _saved_run(spec, visit, config)
        except GalleryError as error:
            st.error(plain(error.message))
        st.markdown(_("**These settings** (the run is not kept)"))
        st.code(_address(spec, settings_link(spec, config)), language=None)
        _classroom(spec, visit, config)
        st.divider()
        _delete_my_data()


def _saved_run(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """Share the run on show, or say how to; report or revoke one that is shared."""
    run = service.current().store.summary(visit.shared, owner()) if visit.shared else None
    if run is not None and not run.owned:
        _report(run.run)
    elif run is not None and run.hidden:
        st.caption(_("This run was reported by several visitors; its link no longer works."))
    elif run is not None and run.shared:
        _shared_link(spec, run)
    elif run is not None or visit.run in visit.ended:
        st.markdown(_("**This run** (exactly what you see, without training)"))
        st.caption(_what_is_stored(config))
        if st.button(_("Save & share"), type="primary", key="save"):
            _share(visit)
    else:
        st.markdown(_("**This run** (exactly what you see, without training)"))
        st.caption(_("Train first; a finished run can be saved and shared."))


def _what_is_stored(config: Config) -> str:
    stored = _("Stored: settings, seed, versions, metrics, pictures and weights.")
    own = STORED_TOO[kind_of(config.settings())] if digest(config) else ""
    return f"{stored} {_(own)}" if own else stored


def _share(visit: Visit) -> None:
    run = visit.shared or visit.run
    service.current().manager.publish(run)
    service.current().store.share(run, owner())
    visit.shared, visit.run = run, ""
    st.rerun()


def _shared_link(spec: TopicSpec, run: RunSummary) -> None:
    st.markdown(_("**This run is shared.** Anyone with the link sees it."))
    st.code(_address(spec, {"run": run.run}), language=None)
    st.caption(_("The link works until {date}.").format(date=f"{run.expires:%d %B %Y}"))
    if run.config.get(kind_of(run.config)):
        st.caption(_("After that your data are removed from here with the run, within hours."))
    if st.button(_("Stop sharing"), key="revoke"):
        service.current().store.revoke(run.run, owner())
        st.toast(_("The link no longer works."))
        st.rerun()


def _classroom(spec: TopicSpec, visit: Visit, config: Config) -> None:
    """A link for a class: which controls stand still, which are not there, how large it is."""
    with st.expander(_("For a class, or in another page"), key=key(spec, "class")):
        names = [n for n, s in spec.config.settings().items() if not s.hidden]
        titles = {n: _(s.title) for n, s in spec.config.settings().items()}
        titles |= {"preset": _("Preset"), "live": _("Live")}
        locked = st.multiselect(
            _("Locked controls"), [*BEYOND_SETTINGS, *names], format_func=titles.__getitem__
        )
        unseen = st.multiselect(
            _("Hidden controls"), [*BEYOND_SETTINGS, *names], format_func=titles.__getitem__
        )
        presenter = st.toggle(_("Presenter size"), value=visit.presenter)
        shown = {"run": visit.shared} if visit.shared else settings_link(spec, config)
        wanted = {**shown, **classroom_link(locked, unseen, presenter)}
        wanted |= challenge_link(spec, visit)
        st.code(_address(spec, wanted), language=None)
        st.caption(_("In another page:"))
        source = escape(_address(spec, {**wanted, "embed": "true"}), quote=True)
        st.code(f'<iframe src="{source}" width="100%" height="820"></iframe>', language="html")


def _report(run_id: str) -> None:
    st.markdown(_("**Somebody shared this run.** Is something wrong with it?"))
    reason = st.text_input(_("What is wrong?"), max_chars=200, key="report_reason")
    if st.button(_("Report"), disabled=not reason, key="report"):
        service.current().store.report(run_id, reason, pseudonym(address()))
        st.success(_("Thank you. It has been reported."))


def _delete_my_data() -> None:
    """Removes everything after a second press."""
    if st.button(_("Delete my data"), help=_("Removes all your runs and shared links from here.")):
        st.session_state["deleting"] = True
    if not st.session_state.get("deleting"):
        return
    if st.button(_("Yes, delete all my runs and links"), type="primary", key="delete"):
        current = service.current()
        current.manager.forget(owner())
        count = current.store.delete_owner(owner())  # what lies in the bin too
        for name in [n for n in st.session_state if n != "owner"]:
            del st.session_state[name]
        st.query_params.clear()
        st.toast(_("Deleted: {count} runs.").format(count=count))
        st.rerun()


def _address(spec: TopicSpec, parameters: dict[str, str]) -> str:
    """The full address of this page with these parameters."""
    host = st.context.headers.get("Host", "localhost")
    scheme = (st.context.url or "http://").split("://")[0]
    query = f"?{urlencode(parameters)}" if parameters else ""
    return f"{scheme}://{host}{base_url()}{spec.name}{query}"
