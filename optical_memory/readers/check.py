"""What would happen with a checkpoint or a server, told without loading weights: keys, memory,
ladder, tokenizer.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optical_memory.errors import CheckpointError
from optical_memory.pages import Layout
from optical_memory.profiles import Rung
from optical_memory.readers.base import Reader
from optical_memory.readers.checkpoints.devices import free_bytes, place
from optical_memory.readers.checkpoints.safetensors_files import read_json
from optical_memory.readers.deepseek.config import Published, open_folder
from optical_memory.readers.deepseek.halves import half_parameters
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import check_keys, write_sparse
from optical_memory.readers.language.tokenizer import folder_tokenizer
from optical_memory.readers.registry import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HalfReport", "ReaderReport", "check_paper", "check_reader"]

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
"""What the published tokenizer makes of the prompts; some library versions lose the spaces and line
breaks.
"""


@dataclass(frozen=True, slots=True)
class HalfReport:
    """One half of a model on this machine: `bytes` it needs in its numbers, `free` bytes on its
    device.
    """

    half: str
    parameters: int
    dtype: str
    device: str
    bytes: int
    free: int


@dataclass(frozen=True, slots=True)
class ReaderReport:
    """`missing`, `unexpected` and `mismatched` count the checkpoint's keys against the stock class;
    None where there is none to check. `problems` is empty where all is well.
    """

    what: str
    missing: int | None
    unexpected: int | None
    mismatched: int | None
    halves: tuple[HalfReport, ...]
    rungs: tuple[dict[str, Any], ...]
    servers: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def check_paper(shapes: Path, config: Path, device: str = "auto") -> ReaderReport:
    """A checkpoint of which only shapes and config.json are at hand. Raises `CheckpointError` for
    other files.
    """
    tensors = read_json(shapes).get("tensors")
    if not isinstance(tensors, dict):
        raise CheckpointError(f"{shapes} has no 'tensors': an object of names and shapes")
    with _sparse(tensors, read_json(config)) as folder:
        found = open_folder(folder)
        return _report(found, f"a list of {len(tensors)} shapes", [], device, ())


@contextmanager
def _sparse(tensors: Mapping[str, object], published: Mapping[str, Any]) -> Iterator[Path]:
    """A folder with config.json and a file of these shapes that takes no room."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.json").write_text(json.dumps(published))
        try:
            write_sparse(
                folder / "model.safetensors",
                {key: _shape(key, shape) for key, shape in tensors.items()},
            )
        except (OSError, OverflowError) as error:
            raise CheckpointError(f"no file can have tensors of these shapes: {error}") from error
        yield folder


def _shape(key: str, said: object) -> tuple[int, ...]:
    if not isinstance(said, list) or not all(type(size) is int and size >= 0 for size in said):
        raise CheckpointError(f"the shape of {key} is {said!r}, not a list of whole numbers")
    return tuple(said)


def check_reader(name: str, device: str = "auto") -> ReaderReport:
    """A reader as `open_reader` takes it. Raises `CheckpointError` where nothing of that name can
    be opened.
    """
    reader = open_reader(name)
    if not isinstance(reader, DeepseekReader):
        return _plain(reader)
    described = getattr(reader.decoder, "describe", None) if reader.served else None
    servers = tuple(asdict(report) for report in (described() if described else ()))
    problems = _tokenizer_problems(reader.found)
    problems += [f"{server['url']}: {server['problem']}" for server in servers if server["problem"]]
    return _report(reader.found, str(reader.found.folder), problems, device, servers)


def _plain(reader: Reader) -> ReaderReport:
    """A reader that checks its own files: seeing and reading one white page loads them all."""
    import numpy as np

    rung = reader.profile.ladder[-1]
    white = np.full((rung.side_px, rung.side_px), 255, np.uint8)
    reader.decode(reader.encode([white], rung), [Layout(reader.profile.grid, (), ())])
    what = f"{reader.profile.id}@{reader.profile.revision}, loaded and shown a page"
    return ReaderReport(what, 0, 0, 0, (), _rungs(reader.profile.ladder), (), ())


def _report(
    found: Published,
    where: str,
    problems: list[str],
    device: str,
    servers: tuple[dict[str, Any], ...],
) -> ReaderReport:
    keys = check_keys(found)
    problems = problems + [
        f"{what} {', '.join(names[:5])}" for what, names in keys.items() if names
    ]
    halves = tuple(
        _half(found, half, device)
        for half in ("encoder", "decoder")
        if half == "encoder" or not servers
    )
    problems += [
        f"the {h.half} needs {h.bytes / 2**30:.1f} GiB in {h.dtype} on {h.device}, {h.free / 2**30:.1f} GiB are free"
        for h in halves
        if h.bytes > h.free
    ]
    rungs = _rungs([found.family.rung(name) for name in found.family.ladder])
    what = f"{found.family.id}, {found.bytes / 1e9:.2f} GB, in {where}"
    counts = {name: len(keys[name]) for name in ("missing", "unexpected", "mismatched")}
    return ReaderReport(
        what, **counts, halves=halves, rungs=rungs, servers=servers, problems=tuple(problems)
    )


def _half(found: Published, half: Any, device: str) -> HalfReport:
    at = place(half, device)
    parameters = half_parameters(found, half)
    return HalfReport(
        half,
        parameters,
        at.numbers,
        at.device,
        parameters * at.dtype.itemsize,
        free_bytes(at.device),
    )


def _rungs(ladder: Sequence[Rung]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "rung": rung.name,
            "width_px": rung.size_px[0],
            "height_px": rung.size_px[1],
            "tokens": rung.n_tokens,
            "stored": rung.n_grid_tokens,
        }
        for rung in ladder
    )


def _tokenizer_problems(found: Published) -> list[str]:
    try:
        tokenizer = folder_tokenizer(found.folder)
    except CheckpointError as error:
        return [str(error)]
    texts = [text for text in found.family.prompts.values() if text in PROMPT_IDS]
    wrong = [
        text
        for text in texts
        if tokenizer.encode(text, add_special_tokens=False).ids != PROMPT_IDS[text]
    ]
    return [f"the tokenizer does not give the published ids for {text!r}" for text in wrong]
