"""From a name to a reader: "pocket", a folder, a repository of the hub, or a server.

Nothing is loaded here but files' names: each family's module is imported if it is asked for.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from optical_memory.errors import CheckpointError
from optical_memory.readers.base import Reader
from optical_memory.readers.threads import wait_passively

__all__ = [
    "DOWNLOAD",
    "checkpoint_folder",
    "open_reader",
]

DOWNLOAD = "OPTICAL_MEMORY_DOWNLOAD"
"""Environment variable: "1" lets a checkpoint that is not here be fetched from the hub."""

DEFAULT_SERVED = "deepseek-ai/DeepSeek-OCR"
"""The checkpoint whose encoder sees pages for a server, if the address names none."""

OWN_READER = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""The form of a name of a Python object, as entry points write it: `package.module:name`."""

NEEDED = ("*.safetensors", "model.safetensors.index.json", "config.json", "tokenizer.json")
"""The files of a repository that a reader opens."""


def open_reader(name: str, *, download: bool | None = None, **options: Any) -> Reader:
    """The reader called `name`; its weights load at the first use.

    "pocket"; a folder with a checkpoint of pocket, DeepSeek-OCR, DeepSeek-OCR-2, Unlimited-OCR or
    GOT-OCR2.0; a repository of the hub ("deepseek-ai/DeepSeek-OCR"), from its local cache or, with
    `download` or the environment variable `OPTICAL_MEMORY_DOWNLOAD=1`, from the hub;
    `vllm+http://host:8000?checkpoint=FOLDER`, which sees pages in this process with the
    checkpoint's encoder and reads them on servers; `package.module:name` for a reader of your own,
    which that name makes when it is called. `options` are the reader's own.

    Raises `CheckpointError` for anything else.
    """
    wait_passively()
    if name == "pocket":
        from optical_memory.readers.pocket.reader import PocketReader

        return PocketReader(**options)
    if OWN_READER.fullmatch(name) and not Path(name).exists():
        return _own_reader(name, options)
    if name.startswith("vllm+"):
        return _served(name, download, options)
    return _from_folder(checkpoint_folder(name, download=download), options)


def _own_reader(name: str, options: dict[str, Any]) -> Reader:
    module, _, factory = name.partition(":")
    try:
        make = getattr(import_module(module), factory)
    except (ImportError, AttributeError) as error:
        raise CheckpointError(f"no reader {name!r}: {error}") from error
    reader: Reader = make(**options)
    return reader


def _from_folder(folder: Path, options: dict[str, Any]) -> Reader:
    if (folder / "cells.safetensors").is_file():
        from optical_memory.readers.pocket.reader import PocketReader

        return PocketReader(folder, **options)
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"no reader {str(folder)!r}: the folder has neither cells.safetensors nor config.json"
        )
    from optical_memory.readers.got.reader import GotReader, is_got

    if is_got(folder):
        return GotReader(folder, **options)
    from optical_memory.readers.deepseek.reader import DeepseekReader

    return DeepseekReader(folder, **options)


def _served(url: str, download: bool | None, options: dict[str, Any]) -> Reader:
    from optical_memory.readers.deepseek.reader import DeepseekReader
    from optical_memory.readers.language.tokenizer import folder_tokenizer
    from optical_memory.readers.vllm.decoder import VllmDecoder

    try:
        servers, checkpoint = _split_checkpoint(url)
        folder = checkpoint_folder(checkpoint, download=download)
        decoder = VllmDecoder.open(servers, folder_tokenizer(folder))
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{url!r}: {error}") from error
    return DeepseekReader(folder, decoder=decoder, **options)


def _split_checkpoint(url: str) -> tuple[str, str]:
    """The address of the servers, and the checkpoint whose encoder sees the pages."""
    parts = urlsplit(url)
    checkpoint = DEFAULT_SERVED
    query = []
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key == "checkpoint":
            checkpoint = value
        else:
            query.append((key, value))
    return urlunsplit(parts._replace(query=urlencode(query))), checkpoint


def checkpoint_folder(name: str, *, download: bool | None = None) -> Path:
    """The local folder of a checkpoint: `name` itself, or the hub's snapshot of that repository.

    `download` lets it be fetched; None leaves that to the environment variable. Raises
    `CheckpointError` if there is no such folder or repository.
    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(
            f"no reader {name!r}: it is 'pocket', a folder with a checkpoint, a repository of the "
            f"hub such as {DEFAULT_SERVED}, vllm+http://host:port?checkpoint=FOLDER, or "
            "package.module:name"
        )
    if download is None:
        download = os.environ.get(DOWNLOAD) == "1"
    return _snapshot(name, download)


def _snapshot(repository: str, download: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns: list[str] = list(NEEDED)
    try:
        folder = snapshot_download(
            repository, allow_patterns=patterns, local_files_only=not download
        )
    except LocalEntryNotFoundError as error:
        hint = f"set {DOWNLOAD}=1 to fetch it (6.7 GB), or name a folder"
        if download:
            hint = "the hub did not answer"
        raise CheckpointError(
            f"{repository} is not in the local cache of the hub: {hint}"
        ) from error
    except (HfHubHTTPError, HFValidationError) as error:
        raise CheckpointError(f"{repository} cannot be fetched: {error}") from error
    return Path(folder)
