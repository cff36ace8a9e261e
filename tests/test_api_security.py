"""What a stranger, another site or a broken client cannot do over HTTP."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from engine import api, service
from engine.api import owner as owners
from engine.api.assets import plotly_url
from engine.api.owner import COOKIE, client_address, owner_of, token_owner
from engine.api.security import BODY_LIMIT, security_headers
from engine.jobs.manager import JobManager
from engine.service import Service
from engine.settings import Settings

UNKNOWN = "0" * 32
RUNS = "/api/v1/runs"


class Idle:
    """An executor whose jobs never do anything, not even end."""

    ready = True
    slots = 8
    broken = False
    on_ready: Callable[[], None]

    def open(self) -> None: ...

    def close(self) -> None: ...

    def start(self, *_job: Any) -> Any:
        return SimpleNamespace(send=lambda message: None, kill=lambda: None)


def make_house(folder: Path, **settings: Any) -> Any:
    configuration = Settings(runs_dir=str(folder / "runs"), cache_dir=folder / "cache", **settings)
    made = Service(configuration)
    made.manager = JobManager(Idle(), configuration, made.store)
    return made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Any]:
    made = make_house(tmp_path)
    made.manager.open()
    service._current = made
    yield made
    made.manager.close()
    made.store.close()
    service._current = None


def page(request: Request) -> PlainTextResponse:
    """In the place of Streamlit."""
    return PlainTextResponse(f"{request.state.owner} {request.state.known}")


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    await websocket.close()


@pytest.fixture
def app(house: Any, tmp_path: Path) -> Starlette:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "live.js").write_text("1")
    (tmp_path / "outside.js").write_text("TOP SECRET")
    here = [Route("/", page), Route("/_stcore/metrics", page), WebSocketRoute("/talk", talk)]
    return Starlette(
        routes=[*api.routes(asset_dir=tmp_path / "assets"), *here], middleware=api.middleware()
    )


def visitor(app: Starlette, **more: Any) -> TestClient:
    client = TestClient(app, raise_server_exceptions=False, **more)
    client.get("/")
    return client


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return visitor(app)


def start(client: TestClient) -> dict[str, Any]:
    answer = client.post(RUNS, json={"topic": "regression"})
    assert answer.status_code == 202
    return dict(answer.json())


# Whose run -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "what", "body"),
    [
        ("GET", "", None),
        ("GET", "/events", None),
        ("GET", "/events/1", None),
        ("GET", "/history", None),
        ("GET", "/history.csv", None),
        ("GET", "/weights", None),
        ("POST", "/control", {"type": "cancel"}),
        ("POST", "/control", {"type": "set", "values": {"learning_rate": 0.5}}),
        ("POST", "/share", None),
        ("DELETE", "/share", None),
        ("POST", "/report", {"reason": "spam"}),
        ("DELETE", "", None),
    ],
)
def test_a_foreign_run_looks_like_one_that_is_not_there(
    app: Starlette, house: Any, method: str, what: str, body: Any
) -> None:
    run = start(visitor(app))["run"]
    for stranger in (visitor(app), TestClient(app)):
        foreign = stranger.request(method, f"{RUNS}/{run}{what}", json=body)
        unknown = stranger.request(method, f"{RUNS}/{UNKNOWN}{what}", json=body)
        assert (foreign.status_code, foreign.text) == (404, unknown.text)
    assert house.manager.get(run).state == "running"


def test_a_foreign_run_does_not_predict(app: Starlette) -> None:
    run = start(visitor(app))["run"]
    stranger = visitor(app)
    answers = [
        stranger.post("/api/v1/regression/predict", json={"model": model, "inputs": [1]})
        for model in (run, UNKNOWN)
    ]
    assert [a.status_code for a in answers] == [404, 404]
    assert answers[0].text == answers[1].text


# Bearer tokens -------------------------------------------------------------------------------


def test_a_run_without_a_cookie_is_steered_with_its_token(app: Starlette, house: Any) -> None:
    program = TestClient(app)
    made = start(program)
    run = house.manager.get(made["run"])
    assert run.owner == token_owner(made["token"])
    assert run.owner.startswith("token:")
    assert not run.attended
    program.cookies.clear()
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert program.get(made["url"]).status_code == 404
    assert program.get(made["url"], headers=bearer).json()["state"] == "running"
    cancel = {"type": "cancel"}
    address = f"{made['url']}/control"
    assert program.post(address, json=cancel).status_code == 404
    assert program.post(address, json=cancel, headers=bearer).status_code == 204
    other = {"authorization": "Bearer " + "x" * 43}
    assert program.get(made["url"], headers=other).status_code == 404


def test_a_token_stands_for_one_visitor(app: Starlette, house: Any) -> None:
    program = TestClient(app)
    token = start(program)["token"]
    answer = program.post(
        RUNS, json={"topic": "regression"}, headers={"authorization": f"Bearer {token}"}
    )
    assert "token" not in answer.json()
    run = house.manager.get(answer.json()["run"])
    assert (run.owner, run.attended) == (token_owner(token), False)


def test_a_visitor_with_a_cookie_gets_no_token(client: TestClient, house: Any) -> None:
    made = start(client)
    assert "token" not in made
    assert house.manager.get(made["run"]).attended


@pytest.mark.parametrize("token", ["guessable", "x" * 44, "x" * 42 + "é"])
def test_a_token_of_ones_own_making_is_refused(app: Starlette, token: str) -> None:
    headers = {"authorization": f"Bearer {token}".encode()}
    answer = TestClient(app).post(RUNS, json={"topic": "regression"}, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": {
            "code": "unauthorized",
            "message": "This is no token that was given out with a run.",
            "field": None,
        }
    }


# The cookie ----------------------------------------------------------------------------------


def test_the_cookie_is_for_all_addresses_wherever_it_is_set(app: Starlette) -> None:
    answer = TestClient(app).get("/api/v1/topics")
    assert SimpleCookie(answer.headers["set-cookie"])[COOKIE]["path"] == "/"
    answer = TestClient(app, root_path="/base").get("/base/api/v1/topics")
    assert SimpleCookie(answer.headers["set-cookie"])[COOKIE]["path"] == "/base"


def test_the_first_answer_sets_the_cookie_and_later_ones_do_not(app: Starlette) -> None:
    client = TestClient(app)
    first = client.get("/")
    cookie = SimpleCookie(first.headers["set-cookie"])[COOKIE]
    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("Lax", "/", "31536000")
    assert not cookie["secure"]
    owner, known = first.text.split()
    assert (len(owner), known) == (32, "False")
    second = client.get("/")
    assert second.text == f"{owner} True"
    assert "set-cookie" not in second.headers
    assert owner_of(client.cookies) == owner


def test_the_cookie_is_secure_over_https(app: Starlette) -> None:
    answer = TestClient(app, base_url="https://gallery.example").get("/")
    assert answer.headers["set-cookie"].endswith("; Secure")


def test_behind_a_trusted_proxy_its_scheme_and_last_address_count(
    app: Starlette, house: Any
) -> None:
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-for": "6.6.6.6, 10.1.1.1"}
    scope = {
        "type": "http",
        "client": ("127.0.0.1", 1),
        "headers": [(k.encode(), v.encode()) for k, v in forwarded.items()],
    }
    assert client_address(Request(scope)) == "127.0.0.1"
    assert "Secure" not in TestClient(app).get("/", headers=forwarded).headers["set-cookie"]
    house.settings = house.settings.model_copy(update={"trust_proxy": True})
    assert client_address(Request(scope)) == "10.1.1.1"
    assert "Secure" in TestClient(app).get("/", headers=forwarded).headers["set-cookie"]


def tampered(value: str) -> list[str]:
    owner, signature = value.split(".")
    other = ("0" if owner[0] != "0" else "1") + owner[1:]
    return [
        "",
        owner,
        f"{other}.{signature}",
        f"{owner}.{signature[:-2]}AA",
        f"{owner}.",
        f".{signature}",
        f"{value}.{signature}",
        f"{value}x",
        "é",
    ]


def test_a_cookie_that_was_changed_counts_for_nothing(app: Starlette) -> None:
    client = visitor(app)
    made = start(client)
    value = client.cookies[COOKIE]
    stranger = TestClient(app)
    for changed in tampered(value):
        assert owner_of({COOKIE: changed}) is None
        stranger.cookies.clear()
        cookie = {"cookie": f"{COOKIE}={changed}".encode()}
        assert stranger.get(made["url"], headers=cookie).status_code == 404
        assert COOKIE in stranger.get("/", headers=cookie).headers["set-cookie"]
    cookie = {"cookie": f"{COOKIE}={value}"}
    assert stranger.get(made["url"], headers=cookie).status_code == 200


def test_a_cookie_signed_with_another_key_counts_for_nothing(app: Starlette, house: Any) -> None:
    client = visitor(app)
    assert owner_of(client.cookies) is not None
    house.settings = house.settings.model_copy(update={"secret": SecretStr("another")})
    assert owner_of(client.cookies) is None
    assert owner_of({}) is None


def test_no_cookie_goes_out_with_what_proxies_may_keep(app: Starlette) -> None:
    client = TestClient(app)
    assert "set-cookie" not in client.get(plotly_url()).headers
    assert "set-cookie" in client.get("/api/v1/assets/live.js").headers


def test_the_key_is_made_once_for_all_processes(tmp_path: Path) -> None:
    keys: list[str] = []
    crowd = [
        threading.Thread(target=lambda: keys.append(owners._kept_secret(tmp_path / "runs")))
        for _ in range(8)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) == 64
    (file,) = (tmp_path / "runs").iterdir()
    assert file.name == "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("runs_dir", "folder"), [("{}/runs", "runs"), ("file://{}/runs", "runs"), ("memory://r", "c")]
)
def test_the_key_lies_in_a_local_folder(tmp_path: Path, runs_dir: str, folder: str) -> None:
    configuration = Settings(runs_dir=runs_dir.format(tmp_path), cache_dir=tmp_path / "c")
    assert owners._local_folder(configuration) == tmp_path / folder


# Other sites ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 202),
        ("http://testserver", 202),
        ("https://TESTSERVER", 202),
        ("http://testserver:8080", 403),
        ("https://evil.example", 403),
        ("https://testserver.evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_other_sites_cannot_act_with_a_visitors_cookie(
    client: TestClient, origin: str | None, status: int
) -> None:
    headers = {} if origin is None else {"origin": origin}
    answer = client.post(RUNS, json={"topic": "regression"}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"] == {
            "code": "forbidden",
            "message": "This request was sent by another site.",
            "field": None,
        }


def test_every_change_asks_for_the_origin(client: TestClient, house: Any) -> None:
    run = start(client)["run"]
    evil = {"origin": "https://evil.example"}
    requests = [
        ("POST", f"{RUNS}/{run}/control"),
        ("POST", f"{RUNS}/{run}/share"),
        ("DELETE", f"{RUNS}/{run}/share"),
        ("DELETE", f"{RUNS}/{run}"),
        ("DELETE", "/api/v1/me"),
    ]
    for method, address in requests:
        body = {"type": "cancel"} if address.endswith("control") else None
        assert client.request(method, address, json=body, headers=evil).status_code == 403
    assert house.manager.get(run).state == "running"
    assert client.get(f"{RUNS}/{run}", headers=evil).status_code == 200


def test_a_form_of_another_site_is_not_json(client: TestClient) -> None:
    answer = client.post(
        RUNS, content='{"topic": "regression"}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 422


def test_a_program_without_a_cookie_may_come_from_anywhere(app: Starlette) -> None:
    answer = TestClient(app).post(
        RUNS, json={"topic": "regression"}, headers={"origin": "https://lab.example"}
    )
    assert answer.status_code == 202
    assert "access-control-allow-origin" not in answer.headers


# Headers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["/", "/healthz", "/api/v1/topics", "/api/v1/nothing", "/nothing"]
)
def test_every_answer_has_the_security_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == "'self' 'unsafe-inline' 'unsafe-eval' blob:"
    assert policy["connect-src"] == "'self' ws: wss: data:"
    assert policy["frame-ancestors"] == "'self'"
    assert (policy["object-src"], policy["base-uri"]) == ("'none'", "'self'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["permissions-policy"].startswith("camera=(self), ")
    assert "microphone=()" in headers["permissions-policy"]
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_the_frame_policy_follows_the_setting(client: TestClient, house: Any) -> None:
    assert security_headers("'none'")["x-frame-options"] == "DENY"
    school = "'self' https://school.example"
    house.settings = house.settings.model_copy(update={"frame_ancestors": school})
    headers = client.get("/").headers
    assert headers["content-security-policy"].endswith(f"frame-ancestors {school}")
    assert "x-frame-options" not in headers


@pytest.mark.parametrize("address", ["/_stcore/metrics", "/_stcore/metrics/", "/x/_stcore/metrics"])
def test_streamlits_figures_are_blocked(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.text) == (404, "Not Found")


def test_websockets_pass_through(client: TestClient) -> None:
    with client.websocket_connect("/talk") as websocket:
        assert websocket.receive_text() == "hello"


def test_no_route_is_in_streamlits_way() -> None:
    reserved = ("/_stcore", "/media", "/component", "/static")
    for route in api.routes():
        assert not route.path.startswith(reserved)  # type: ignore[attr-defined]


# Bodies --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", [RUNS, "/api/v1/regression/predict", "/prediction"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_not_read(
    client: TestClient, address: str, chunked: bool
) -> None:
    body = b" " * (BODY_LIMIT + 1)
    answer = client.post(address, content=iter([body[:1000], body[1000:]]) if chunked else body)
    assert answer.status_code == 413
    assert answer.json()["error"] == {
        "code": "too_large",
        "message": "The body is larger than 1000000 bytes.",
        "field": None,
    }


def test_a_body_of_the_limit_is_read(client: TestClient) -> None:
    body = b'{"topic": "regression"}'.ljust(BODY_LIMIT)
    answer = client.post(RUNS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 202


@pytest.mark.parametrize("body", [b"\xff", b"[" * 100_000, b'{"seed": ' + b"9" * 5000 + b"}"])
def test_a_body_that_breaks_the_parser_is_a_bad_request(client: TestClient, body: bytes) -> None:
    answer = client.post(RUNS, content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error"}


# Addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/assets/../outside.js",
        "/api/v1/assets/..%2foutside.js",
        "/api/v1/assets/%2e%2e/outside.js",
        "/api/v1/assets/%2e%2e%2foutside.js",
        "/api/v1/assets/..%5coutside.js",
        "/api/v1/assets/live.js%00",
        "/api/v1/assets/live.js%00.css",
        "/api/v1/assets//etc/passwd",
        "/api/v1/assets/plotly-..%2f..%2fx.min.js",
        "/api/v1/recordings/regression/..%2f..%2fmanifest",
        "/api/v1/recordings/..%2f..%2fengine/R1",
        "/api/v1/recordings/../recordings/R1",
        "/api/v1/recordings/regression/R1%00",
        "/api/v1/recordings/%00/R1",
        f"/api/v1/runs/..%2f{UNKNOWN}",
        "/api/v1/runs/%00",
        "/api/v1/runs/%00/events",
        "/api/v1/runs/x%27%20OR%201=1/history",
    ],
)
def test_tricks_with_paths_find_nothing(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert "TOP SECRET" not in answer.text


# Errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "address", "status", "code", "message"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found", "There is nothing at this address."),
        ("GET", "/api/v1/topics/", 404, "not_found", "There is nothing at this address."),
        (
            "PUT",
            "/api/v1/topics",
            405,
            "method_not_allowed",
            "This address does not take requests of this method.",
        ),
    ],
)
def test_errors_of_the_framework_are_json_too(
    client: TestClient, method: str, address: str, status: int, code: str, message: str
) -> None:
    answer = client.request(method, address)
    assert answer.status_code == status
    assert answer.json() == {"error": {"code": code, "message": message, "field": None}}


def test_an_unexpected_error_tells_nothing_and_is_raised_for_the_log(
    app: Starlette, house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("the password is hidden")

    monkeypatch.setattr(house.store, "summary", broken)
    answer = visitor(app).get(f"{RUNS}/{UNKNOWN}")
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {
            "code": "internal",
            "message": "Something went wrong here. The error has been logged.",
            "field": None,
        }
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    with pytest.raises(RuntimeError, match="the password is hidden"):
        TestClient(app).get(f"{RUNS}/{UNKNOWN}")
