"""The MCP server over HTTP: its token, its metrics, its health, and whom it answers."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("mcp", reason="needs the extra mcp")
pytest.importorskip("prometheus_client", reason="needs prometheus-client")

import uvicorn
from starlette.testclient import TestClient

from optical_memory import OpticalMemory
from optical_memory.agents.mcp import memory_server
from optical_memory.agents.mcp.http import http_app, is_local, serve
from optical_memory.errors import StoreError
from optical_memory.telemetry import measuring
from optical_memory.testing import TemplateReader

TOKEN = "the-token-of-these-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ASK = {"Accept": "application/json, text/event-stream"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture(autouse=True)
def off_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens after a test."""
    monkeypatch.setattr(measuring, "_sinks", ())
    monkeypatch.setattr(measuring, "_watched", weakref.WeakSet())


@pytest.fixture
def plain(store: Any) -> Iterator[OpticalMemory]:
    """A memory whose store may fail."""
    with OpticalMemory("al ice", store=store, reader=TemplateReader(), keep_turns=2) as memory:
        yield memory


@contextmanager
def client(memory: OpticalMemory, **settings: Any) -> Iterator[TestClient]:
    """Asks the server as a program of this machine does."""
    app = http_app(memory_server(memory), memory, **settings)
    with TestClient(app, base_url="http://127.0.0.1:8000") as asking:
        yield asking


def test_metrics_count_what_the_tools_do(plain: OpticalMemory):
    with client(plain) as asking:
        plain.remember(said())
        plain.flush()
        plain.recall("Topic7")
        answer = asking.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "optical_memory_turns_remembered_total 30.0" in answer.text
    assert 'optical_memory_recalls_total{complete="true"} 1.0' in answer.text
    assert 'optical_memory_pages{form="' in answer.text
    assert "al ice" not in answer.text


def said() -> list[Any]:
    from support.shelf_turns import said

    return said(30)


def test_metrics_are_told_while_the_store_fails(plain: OpticalMemory, store: Any):
    with client(plain) as asking:
        store.error = StoreError("no route to 10.0.0.7")
        assert asking.get("/metrics").status_code == 200
        store.error = None


def test_health_tells_if_the_store_answers_without_details(plain: OpticalMemory, store: Any):
    with client(plain) as asking:
        assert (asking.get("/healthz").status_code, asking.get("/healthz").json()) == (
            200,
            {"status": "ok"},
        )
        store.error = StoreError("no route to 10.0.0.7")
        answer = asking.get("/healthz")
        store.error = None
    assert (answer.status_code, answer.json()) == (503, {"status": "the store does not answer"})


@pytest.mark.parametrize("path", ["/metrics", "/mcp", "/else"])
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": "Bearer "}],
)
def test_with_a_token_nothing_is_told_without_it(
    plain: OpticalMemory, path: str, headers: dict[str, str]
):
    with client(plain, token=TOKEN) as asking:
        assert asking.get(path, headers=headers).status_code == 401
        assert asking.post(path, headers=headers | ASK, json=LIST_TOOLS).status_code == 401


def test_with_a_token_tools_metrics_and_health_are_there(plain: OpticalMemory):
    with client(plain, token=TOKEN) as asking:
        tools = asking.post("/mcp", headers=BEARER | ASK, json=LIST_TOOLS)
        assert tools.status_code != 401
        assert asking.get("/metrics", headers=BEARER).status_code == 200
        assert asking.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/mcp"])
def test_a_page_of_a_browser_cannot_ask_by_a_name_of_its_own(plain: OpticalMemory, path: str):
    with client(plain) as asking:
        post = {"json": LIST_TOOLS} if path == "/mcp" else None
        for header in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            if post is None:
                answer = asking.get(path, headers=header)
            else:
                answer = asking.post(path, headers=header | ASK, json=LIST_TOOLS)
            assert answer.status_code in (403, 421)


def test_names_that_are_allowed_are_answered(plain: OpticalMemory):
    with client(plain, host="0.0.0.0", allowed_hosts=["memory.example"]) as asking:
        assert asking.get("/healthz", headers={"Host": "memory.example:8000"}).status_code == 200
        assert asking.get("/healthz", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("::1", True),
        ("127.3.2.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("memory.example", False),
    ],
)
def test_a_host_is_local_or_for_others(host: str, local: bool):
    assert is_local(host) == local


@pytest.mark.parametrize(
    ("host", "token", "n_warnings"),
    [("127.0.0.1", None, 0), ("0.0.0.0", TOKEN, 0), ("0.0.0.0", None, 1)],
)
def test_a_server_for_others_without_a_token_is_a_warning(
    plain: OpticalMemory,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    host: str,
    token: str | None,
    n_warnings: int,
):
    monkeypatch.setattr(uvicorn, "run", lambda *args, **options: None)
    serve(memory_server(plain), plain, host=host, port=0, token=token)
    events = [getattr(record, "event", "") for record in caplog.records]
    assert events == ["http_open_to_others"] * n_warnings


def test_without_the_client_of_prometheus_the_answer_names_the_extra(
    plain: OpticalMemory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(sys.modules, "optical_memory.telemetry.prometheus", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with client(plain) as asking:
        answer = asking.get("/metrics")
    assert answer.status_code == 501
    assert "optical-memory[telemetry]" in answer.text
