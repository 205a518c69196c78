"""How fast and how large a published checkpoint is at full size, beside plain transformers on the
same input.

    python evals/full_size.py make FOLDER --shapes SHAPES.json --config CONFIG.json
    python evals/full_size.py measure FOLDER
    python evals/full_size.py memory FOLDER --part writer

`make` writes a checkpoint of random numbers with the published sizes. Speed and memory need no
trained weights: a random checkpoint takes as much as a real one. `measure` prints seconds, one JSON
object a line: it runs ours and the stock class in turn, the median of --runs after one that is not
counted. `memory` prints the peak of a process of its own for each part. On a GPU, --batch 1,8,64
gives decoded tokens a second for each, and if `bounds.py` knows the device, each figure also comes
as a share of what it could do at most.
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from bounds import Peak, flop, most_pages, most_tokens, peak

from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.checkpoints.safetensors_files import (
    read_header,
    read_json,
    write_sparse,
)
from optical_memory.readers.deepseek.halves import stock_class
from optical_memory.readers.deepseek.local_decoder import LocalDecoder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import preprocess
from optical_memory.readers.deepseek.weights import load_half
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import BOS, IMAGE, ocr_tokenizer
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.turns import Turn

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("what", choices=["make", "measure", "memory"])
cli.add_argument("folder", type=Path)
cli.add_argument("--shapes", type=Path, help="JSON with 'tensors': name to shape")
cli.add_argument("--config", type=Path, help="the published config.json")
cli.add_argument("--rungs", default="", help="comma-separated; else the family's ladder")
cli.add_argument("--batch", default="1", help="pages decoded at once, comma-separated")
cli.add_argument("--new", type=int, default=40, help="tokens to decode")
cli.add_argument("--runs", type=int, default=3)
cli.add_argument("--device", default="auto")
cli.add_argument("--dtype", default="auto")
cli.add_argument("--part", choices=["writer", "reader"], default="writer")

GIB = 2**30
NO_GUARD = Guard(10_000, 10_000)


# ---- make ----------------------------------------------------------------------------------------


def make(folder: Path, shapes: Path, config: Path) -> None:
    """Write a checkpoint of random bfloat16 numbers; activations neither vanish nor explode."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: tuple(shape) for key, shape in read_json(shapes)["tensors"].items()}
    write_sparse(folder / "model.safetensors", tensors)
    header = read_header(folder / "model.safetensors")
    pool = np.random.default_rng(0).standard_normal(8_000_000)
    with header.file.open("r+b") as file:
        for i, (name, tensor) in enumerate(header.tensors.items()):
            values = random_numbers(name, tensor["shape"], pool[i * 977 % 1_000_000 :])
            file.seek(header.start + tensor["data_offsets"][0])
            file.write((values.view(np.uint32) >> 16).astype(np.uint16).tobytes())
    (folder / "config.json").write_bytes(config.read_bytes())
    ocr_tokenizer().save(str(folder / "tokenizer.json"))


def random_numbers(
    name: str, shape: list[int], pool: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """All numbers of a tensor in a row, from a pool of normal numbers."""
    size = int(np.prod(shape))
    if "norm" in name and name.endswith("weight") and len(shape) == 1:
        return np.ones(size, np.float32)
    scale = 0.02 if len(shape) == 1 else min(0.05, 0.7 * float(np.prod(shape[1:])) ** -0.5)
    return np.resize(pool, size).astype(np.float32) * np.float32(scale)


# ---- measure -------------------------------------------------------------------------------------


def measure(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Encoding beside `get_image_features`, then decoding from cached tokens beside `generate` from
    the picture.
    """
    names = args.rungs.split(",") if args.rungs else reader.family.ladder
    rungs = [reader.family.rung(name) for name in names]
    for rung in rungs:
        compare_encoding(reader, rung, args)
    whole = load_whole(reader, args)
    for batch in args.batch.split(","):
        compare_decoding(reader, whole, rungs[-1], int(batch), args)


def load_whole(reader: DeepseekReader, args: argparse.Namespace) -> Any:
    """The stock class with all weights."""
    any_class: Any = stock_class(reader.family)
    model = any_class.from_pretrained(
        reader.folder,
        config=reader.checkpoint.config,
        dtype=stock_dtype(args),
        local_files_only=True,
    )
    return model.to(reader.encoder.device.name).eval()


def stock_dtype(args: argparse.Namespace) -> torch.dtype:
    dtypes = {"float32": torch.float32, "float16": torch.float16}
    return dtypes.get(args.dtype, torch.bfloat16)


def compare_encoding(reader: DeepseekReader, rung: Rung, args: argparse.Namespace) -> None:
    device = reader.encoder.device
    dtype = reader.encoder.compute_dtype
    stock: Any = load_half(reader.checkpoint, "encoder", dtype, device.name)
    image = page(rung)
    plain = partial(stock.get_image_features, **pixels(rung, device.name, dtype))
    reader_s, stock_s = medians(lambda: reader.encode([image], rung), plain, args.runs, device.name)
    gpu = gpu_peak(device.name)
    with torch.inference_mode():
        bound = most_pages(flop(plain), gpu) if gpu else None
    row = {
        "name": f"encode {rung.name}",
        "ours": 1 / reader_s,
        "baseline": 1 / stock_s,
        "baseline_name": "get_image_features",
        "unit": "pages/s",
    }
    print_row(row, device, bound)


def compare_decoding(
    reader: DeepseekReader, whole: Any, rung: Rung, batch: int, args: argparse.Namespace
) -> None:
    decoder: Any = reader.decoder
    device: Device = decoder.device
    prompt = reader.family.prompts["plain"]
    prompt_ids = decoder.tokenizer.encode(prompt, add_special_tokens=False).ids
    ids = [BOS, *[IMAGE] * rung.n_tokens, *prompt_ids]
    tokens = reader.decoder_input(reader.encode([page(rung)], rung)[0])
    tasks = [Task(tokens, prompt, args.new, NO_GUARD)] * batch
    plain = partial(
        whole.generate,
        pixel_values=pixels(rung, device.name, stock_dtype(args))["pixel_values"].repeat(
            batch, 1, 1, 1
        ),
        input_ids=torch.tensor([ids] * batch, device=device.name),
        attention_mask=torch.ones(batch, len(ids), dtype=torch.long, device=device.name),
        do_sample=False,
        max_new_tokens=args.new,
        min_new_tokens=args.new,
        eos_token_id=1,
        pad_token_id=2,
    )
    reader_s, stock_s = medians(lambda: decoder.transcribe(tasks), plain, args.runs, device.name)
    gpu = gpu_peak(device.name)
    config: Any = reader.checkpoint.config
    context = len(ids) + args.new / 2
    bound = most_tokens(config.text_config, batch, context, gpu) if gpu else None
    row = {
        "name": f"decode {rung.name}, {batch} at once",
        "ours": batch * args.new / reader_s,
        "baseline": batch * args.new / stock_s,
        "baseline_name": "generate",
        "unit": "tokens/s",
    }
    print_row(row, device, bound)


def page(rung: Rung) -> npt.NDArray[np.uint8]:
    """The picture of a page of prose, (side_px, side_px)."""
    turn = Turn("user", "Memory keeps what was said as pictures, and pictures fade. " * 100)
    renderer = PageRenderer(sans_grid(512, 85.0))
    (first, *_) = renderer.paginate([PlacedTurn(turn, "t", 0)])
    return renderer.draw(first, rung.side_px)


def pixels(rung: Rung, device: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """A page without tiles, as the stock class takes it."""
    pages = preprocess([page(rung)], rung).pages
    return {"pixel_values": torch.from_numpy(pages).to(device, dtype)}


def medians(
    run_reader: Callable[[], Any], run_stock: Callable[[], Any], runs: int, device: str
) -> tuple[float, float]:
    """Seconds of each, in turn, so that other work of the machine meets both."""
    pairs = [(seconds(run_reader, device), seconds(run_stock, device)) for _ in range(runs + 1)]
    of_reader, of_stock = zip(*pairs[1:], strict=True)
    return statistics.median(of_reader), statistics.median(of_stock)


def seconds(do: Callable[[], Any], device: str) -> float:
    start = time.perf_counter()
    with torch.inference_mode():
        do()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - start


def gpu_peak(device: str) -> Peak | None:
    return peak(torch.cuda.get_device_name(device)) if device.startswith("cuda") else None


def print_row(row: dict[str, Any], device: Device, bound: float | None) -> None:
    """Print a comparison; `bound` is what the device could do at most, if that is known."""
    row["ratio"] = row["ours"] / row["baseline"]
    if bound is not None:
        row |= {"bound": bound, "share_of_bound": row["ours"] / bound}
    row |= {"device": device.name, "dtype": device.dtype_name}
    print(json.dumps(row), flush=True)


# ---- memory --------------------------------------------------------------------------------------


def memory(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Print the peak of this process's resident memory, and of the part that is not pages of the
    file (Linux).
    """
    watcher = MemoryWatcher()
    watcher.start()
    rungs = [reader.family.rung(name) for name in reader.family.ladder]
    pages = [reader.decoder_input(reader.encode([page(rung)], rung)[0]) for rung in rungs]
    if args.part == "reader":
        assert isinstance(reader.decoder, LocalDecoder)
        task = Task(pages[0], reader.family.prompts["plain"], args.new, NO_GUARD)
        reader.decoder.transcribe([task])
    watcher.stop()
    row = {
        "name": f"memory of a {args.part}",
        "peak_gib": watcher.peaks["VmRSS"] / GIB,
        "private_gib": watcher.peaks["RssAnon"] / GIB,
        "dtype": args.dtype,
    }
    print(json.dumps(row))


class MemoryWatcher(threading.Thread):
    """A thread that keeps the highest figures of this process in `peaks`, in bytes (Linux)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peaks = {"RssAnon": 0, "VmRSS": 0}
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(0.01):
            for line in Path("/proc/self/status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in self.peaks:
                    self.peaks[name] = max(self.peaks[name], 1024 * int(value.split()[0]))

    def stop(self) -> None:
        self._is_over.set()
        self.join()


def main() -> None:
    args = cli.parse_args()
    if args.what == "make":
        return make(args.folder, args.shapes, args.config)
    reader = DeepseekReader(args.folder, device=args.device, dtype=args.dtype)
    return measure(reader, args) if args.what == "measure" else memory(reader, args)


if __name__ == "__main__":
    main()
