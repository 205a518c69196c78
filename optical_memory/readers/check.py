"""`readers check`: whether a checkpoint or a server is complete, told without loading weights.

Compares keys and shapes, and tells the memory that is needed and free, the ladder, and whether the
tokenizer is right.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from optical_memory.errors import CheckpointError
from optical_memory.pages import Layout
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader
from optical_memory.readers.checkpoints.devices import Half, choose_device
from optical_memory.readers.checkpoints.memory_check import GIB, free_bytes
from optical_memory.readers.checkpoints.safetensors_files import read_json, write_sparse
from optical_memory.readers.checkpoints.strict_load import KeyDifferences
from optical_memory.readers.deepseek.halves import half_parameters
from optical_memory.readers.deepseek.open_folder import DeepseekCheckpoint, open_folder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import check_keys
from optical_memory.readers.language.tokenizer import folder_tokenizer
from optical_memory.readers.registry import open_reader

__all__ = [
    "PROMPT_IDS",
    "HalfReport",
    "ReaderReport",
    "RungReport",
    "check_paper",
    "check_reader",
]

PROMPT_IDS = {
    "\nFree OCR.": [201, 21431, 126041, 16],
    "\n<|grounding|>Convert the document to markdown.": [
        201,
        128820,
        21842,
        270,
        4940,
        304,
        2121,
        7919,
        16,
    ],
    "document parsing.": [34030, 76466, 16],
    "Multi page parsing.": [37460, 4366, 76466, 16],
}
"""The ids of the prompts by the published tokenizer; some library versions lose the spaces and line
breaks.
"""

NAMES_IN_PROBLEM = 5


@dataclass(frozen=True, slots=True)
class HalfReport:
    """One half of a model on this machine: the `bytes` that it needs in its dtype, and the bytes
    that are `free` on its device.
    """

    half: str
    parameters: int
    dtype: str
    device: str
    bytes: int
    free: int


@dataclass(frozen=True, slots=True)
class RungReport:
    """A rung: the size of its picture, the tokens that the decoder receives, and how many of these
    are stored.
    """

    rung: str
    width_px: int
    height_px: int
    tokens: int
    stored: int


@dataclass(frozen=True, slots=True)
class ReaderReport:
    """`missing`, `unexpected` and `mismatched` count the checkpoint's keys against the stock class.

    They are None if there is no checkpoint to check. `problems` is empty if all is well.
    """

    what: str
    missing: int | None
    unexpected: int | None
    mismatched: int | None
    halves: tuple[HalfReport, ...]
    rungs: tuple[RungReport, ...]
    servers: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


# ---- lists of shapes -----------------------------------------------------------------------------


def check_paper(shapes: Path, config: Path, device: str = "auto") -> ReaderReport:
    """Check a checkpoint of which only the shapes and config.json are here.

    Raises `CheckpointError` if the files hold something else.
    """
    tensors = read_json(shapes).get("tensors")
    if not isinstance(tensors, dict):
        raise CheckpointError(f"{shapes} has no 'tensors': an object of names and shapes")
    with _sparse_folder(tensors, read_json(config)) as folder:
        return _report(open_folder(folder), f"a list of {len(tensors)} shapes", device)


@contextmanager
def _sparse_folder(tensors: Mapping[str, object], config: Mapping[str, Any]) -> Iterator[Path]:
    """A folder with config.json and a file of these shapes that takes no room."""
    shapes = {key: _shape(key, value) for key, value in tensors.items()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(config))
        try:
            write_sparse(folder / "model.safetensors", shapes)
        except (OSError, OverflowError) as error:
            raise CheckpointError(f"no file can have tensors of these shapes: {error}") from error
        yield folder


def _shape(key: str, value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(_is_size(size) for size in value):
        raise CheckpointError(f"the shape of {key} is {value!r}, not a list of whole numbers")
    return tuple(value)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# ---- readers -------------------------------------------------------------------------------------


def check_reader(name: str, device: str = "auto") -> ReaderReport:
    """Check a reader by the name that `open_reader` takes.

    Raises `CheckpointError` if nothing of that name can be opened.
    """
    reader = open_reader(name)
    if not isinstance(reader, DeepseekReader):
        return _check_by_use(reader)
    describe = getattr(reader.decoder, "describe", None) if reader.served else None
    servers = tuple(asdict(report) for report in describe()) if describe else ()
    problems = _tokenizer_problems(reader.checkpoint)
    problems += [f"{server['url']}: {server['problem']}" for server in servers if server["problem"]]
    return _report(reader.checkpoint, str(reader.folder), device, problems, servers)


def _check_by_use(reader: Reader) -> ReaderReport:
    """Check a reader that checks its own files: to see and read one white page loads them all."""
    profile = reader.profile
    rung = profile.ladder[-1]
    white = np.full((rung.side_px, rung.side_px), 255, np.uint8)
    reader.decode(reader.encode([white], rung), [Layout(profile.grid, (), ())])
    return ReaderReport(
        f"{profile.id}@{profile.revision}, loaded and shown a page",
        missing=0,
        unexpected=0,
        mismatched=0,
        halves=(),
        rungs=_rungs(profile.ladder),
        servers=(),
        problems=(),
    )


def _report(
    checkpoint: DeepseekCheckpoint,
    location: str,
    device: str,
    problems: Sequence[str] = (),
    servers: tuple[dict[str, Any], ...] = (),
) -> ReaderReport:
    """The report on a published checkpoint; `problems` are those that are known without its keys.

    Servers read in place of the decoder, so it is left out if there are any.
    """
    family = checkpoint.family
    keys = check_keys(checkpoint)
    halves = [_half(checkpoint, "encoder", device)]
    if not servers:
        halves.append(_half(checkpoint, "decoder", device))
    return ReaderReport(
        f"{family.id}, {checkpoint.n_bytes / 1e9:.2f} GB, in {location}",
        missing=len(keys.missing),
        unexpected=len(keys.unexpected),
        mismatched=len(keys.mismatched),
        halves=tuple(halves),
        rungs=_rungs([family.rung(name) for name in family.ladder]),
        servers=servers,
        problems=(*problems, *_key_problems(keys), *_memory_problems(halves)),
    )


def _half(checkpoint: DeepseekCheckpoint, half: Half, device: str) -> HalfReport:
    target = choose_device(half, device)
    n_parameters = half_parameters(checkpoint, half)
    return HalfReport(
        half,
        n_parameters,
        dtype=target.dtype_name,
        device=target.name,
        bytes=n_parameters * target.dtype.itemsize,
        free=free_bytes(target.name),
    )


def _rungs(ladder: Sequence[Rung]) -> tuple[RungReport, ...]:
    return tuple(
        RungReport(rung.name, *rung.size_px, tokens=rung.n_tokens, stored=rung.n_grid_tokens)
        for rung in ladder
    )


# ---- problems, one sentence each -----------------------------------------------------------------


def _key_problems(keys: KeyDifferences) -> list[str]:
    problems = []
    for kind, names in asdict(keys).items():
        if names:
            problems.append(f"{kind} {', '.join(names[:NAMES_IN_PROBLEM])}")
    return problems


def _memory_problems(halves: Sequence[HalfReport]) -> list[str]:
    return [
        f"the {half.half} needs {half.bytes / GIB:.1f} GiB in {half.dtype} on {half.device}, "
        f"{half.free / GIB:.1f} GiB are free"
        for half in halves
        if half.bytes > half.free
    ]


def _tokenizer_problems(checkpoint: DeepseekCheckpoint) -> list[str]:
    try:
        tokenizer = folder_tokenizer(checkpoint.path)
    except CheckpointError as error:
        return [str(error)]
    problems = []
    for text in checkpoint.family.prompts.values():
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if ids != PROMPT_IDS.get(text, ids):
            problems.append(f"the tokenizer does not give the published ids for {text!r}")
    return problems
