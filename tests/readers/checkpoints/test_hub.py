"""A checkpoint is fetched from the hub if the user says so: once, and only the files it needs."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from support.readers.small_checkpoints import Stock

from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.registry import DOWNLOAD, checkpoint_folder

NAME = "someone/Some-OCR"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """A repository, served as the hub serves it: its list of files, then each by commit.

    `calls` are the requests so far.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls: list[str] = []

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        self.calls.append(f"{method} {path}")
        if path.startswith(f"/api/models/{NAME}/"):
            return 200, {"Content-Type": "application/json"}, self.listing(tree="/tree/" in path)
        name = path.removeprefix(f"/{NAME}/resolve/{COMMIT}/").split("?")[0]
        if path == name or not (self.folder / name).is_file():
            return 404, {"X-Error-Code": "RepoNotFound"}, b""
        content = (self.folder / name).read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        return 200, {"ETag": etag, "X-Repo-Commit": COMMIT}, content

    def listing(self, *, tree: bool) -> bytes:
        files = sorted(file for file in self.folder.rglob("*") if file.is_file())
        names = [str(file.relative_to(self.folder)) for file in files]
        if tree:
            rows = [
                {"type": "file", "path": name, "size": file.stat().st_size, "oid": "0"}
                for name, file in zip(names, files, strict=True)
            ]
            return json.dumps(rows).encode()
        siblings = [{"rfilename": name} for name in names]
        return json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode()


@pytest.fixture
def hub(stock: dict[str, Stock], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub of this process, with a cache of its own."""
    shutil.copytree(stock[V1.id][0], tmp_path / "repository")
    (tmp_path / "repository" / "assets").mkdir()
    (tmp_path / "repository" / "assets" / "show.pdf").write_bytes(b"large and not needed")
    fake = Hub(tmp_path / "repository")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, content = fake.answer(self.command, self.path)
            self.send_response(status)
            for name, value in (headers | {"Content-Length": str(len(content))}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(constants, "ENDPOINT", url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


def test_nothing_is_fetched_unasked(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match=DOWNLOAD):
        open_reader(NAME)
    assert hub.calls == []


def test_what_is_needed_is_fetched_once_and_read_from_the_cache_ever_after(
    hub: Hub, stock: dict[str, Stock], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DOWNLOAD, "1")
    reader = open_reader(NAME, dtype="float32")
    downloads = [call for call in hub.calls if call.startswith("GET") and "/resolve/" in call]
    assert {call.split("/")[-1] for call in downloads} == {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    rung = V1.rung("tiny")
    white = np.full((512, 512), 255, np.uint8)
    local = open_reader(str(stock[V1.id][0]), dtype="float32")
    assert reader.profile == local.profile
    (tokens,) = reader.encode([white], rung)
    (local_tokens,) = local.encode([white], rung)
    assert np.array_equal(tokens.values, local_tokens.values)
    monkeypatch.delenv(DOWNLOAD)
    hub.calls.clear()
    assert open_reader(NAME).profile == local.profile
    assert hub.calls == []


def test_a_repository_that_is_not_there_is_told(hub: Hub) -> None:
    with pytest.raises(CheckpointError, match="someone/Else cannot be fetched"):
        checkpoint_folder("someone/Else", download=True)


def test_a_hub_that_does_not_answer_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CheckpointError, match="the hub did not answer"):
        checkpoint_folder(NAME, download=True)
