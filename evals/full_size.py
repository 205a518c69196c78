"""How fast and how large a published checkpoint is at full size, beside plain transformers on the
same input.

    python evals/full_size.py make FOLDER --shapes SHAPES.json --config CONFIG.json
    python evals/full_size.py measure FOLDER
    python evals/full_size.py memory FOLDER --part writer
    python evals/full_size.py same FOLDER --dtype float32

`make` writes a checkpoint of random numbers with the published sizes. Speed and memory need no
trained weights: a random checkpoint takes as much as a real one. `measure` prints figures, one JSON
object a line: it runs ours and the stock class in turn, the median of --runs after one that is not
counted. Ours starts with a picture in the machine's memory and ends there with tokens; the stock
class has its pixels on the device and leaves its result there. `memory` prints the peak of a
process of its own for each part. On a GPU, --batch 1,8,64 gives encoded pages and decoded tokens a
second for each, and if `bounds.py` knows the device, each figure also comes as a share of what it
could do at most. `same` decodes each rung greedily from cached tokens and, with the stock class,
from the picture, and prints how many of the first characters are the same.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from bounds import Peak, flop, most_pages, most_tokens, peak
from memory_watcher import MemoryWatcher
from random_checkpoint import make_checkpoint
from stock_model import load_whole, pixels, stock_generate

from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.deepseek.local_decoder import LocalDecoder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.weights import load_half
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import spell
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.turns import Turn

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("what", choices=["make", "measure", "memory", "same"])
cli.add_argument("folder", type=Path)
cli.add_argument("--shapes", type=Path, help="JSON with 'tensors': name to shape")
cli.add_argument("--config", type=Path, help="the published config.json")
cli.add_argument("--rungs", default="", help="comma-separated; else the family's ladder")
cli.add_argument("--batch", default="1", help="pages at once, comma-separated")
cli.add_argument("--new", type=int, default=40, help="tokens to decode")
cli.add_argument("--runs", type=int, default=3)
cli.add_argument("--device", default="auto")
cli.add_argument("--dtype", default="auto")
cli.add_argument("--part", choices=["writer", "reader"], default="writer")

GIB = 2**30
NO_GUARD = Guard(10_000, 10_000)


# ---- measure -------------------------------------------------------------------------------------


def measure(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Encoding beside `get_image_features`, then decoding from cached tokens beside `generate` from
    the picture.
    """
    rungs = rungs_of(reader, args)
    batches = [int(size) for size in args.batch.split(",")]
    compare_encodings(reader, rungs, batches, args.runs)
    whole = load_whole(reader, stock_dtype(args))
    for batch in batches:
        compare_decoding(reader, whole, rungs[-1], batch, args)


def rungs_of(reader: DeepseekReader, args: argparse.Namespace) -> list[Rung]:
    """The rungs that `--rungs` names, or all of the family's ladder."""
    names = args.rungs.split(",") if args.rungs else reader.family.ladder
    return [reader.family.rung(name) for name in names]


def stock_dtype(args: argparse.Namespace) -> torch.dtype:
    dtypes = {"float32": torch.float32, "float16": torch.float16}
    return dtypes.get(args.dtype, torch.bfloat16)


def compare_encodings(
    reader: DeepseekReader, rungs: Sequence[Rung], batches: Sequence[int], runs: int
) -> None:
    dtype = reader.encoder.compute_dtype
    stock = load_half(reader.checkpoint, "encoder", dtype, reader.encoder.device.name)
    for rung in rungs:
        for batch in batches:
            compare_encoding(reader, stock, rung, batch, runs)


def compare_encoding(reader: DeepseekReader, stock: Any, rung: Rung, batch: int, runs: int) -> None:
    device = reader.encoder.device
    pictures = pages(rung, batch)
    inputs = pixels(pictures, rung, device.name, reader.encoder.compute_dtype)
    plain = partial(stock.get_image_features, pixel_values=inputs)
    rates = compare(lambda: reader.encode(pictures, rung), plain, batch, runs, device.name)
    gpu = gpu_peak(device.name)
    bound = None
    if gpu:
        with torch.inference_mode():
            bound = most_pages(flop(lambda: stock.get_image_features(pixel_values=inputs[:1])), gpu)
    row = {
        "name": f"encode {rung.name}, {batch} at once",
        **rates,
        "baseline_name": "get_image_features",
        "unit": "pages/s",
    }
    print_row(row, device, bound)


def compare_decoding(
    reader: DeepseekReader, whole: Any, rung: Rung, batch: int, args: argparse.Namespace
) -> None:
    decoder: Any = reader.decoder
    device: Device = decoder.device
    pictures = pages(rung, batch)
    tasks = tasks_for(reader, pictures, rung, args.new, reader.family.guards[0])
    plain = stock_generate(reader, whole, pictures, rung, args.new, stock_dtype(args))
    if any(transcript.ended for transcript in decoder.transcribe(tasks)):
        raise SystemExit(f"a page ended before {args.new} tokens: its figures would be too good")
    count = batch * args.new
    rates = compare(lambda: decoder.transcribe(tasks), plain, count, args.runs, device.name)
    gpu = gpu_peak(device.name)
    config: Any = reader.checkpoint.config
    context = len(tasks[0].tokens) + args.new / 2
    bound = most_tokens(config.text_config, batch, context, gpu) if gpu else None
    row = {
        "name": f"decode {rung.name}, {batch} at once",
        **rates,
        "baseline_name": "generate",
        "unit": "tokens/s",
    }
    print_row(row, device, bound)


def tasks_for(
    reader: DeepseekReader,
    pictures: Sequence[npt.NDArray[np.uint8]],
    rung: Rung,
    n_new: int,
    guard: Guard,
) -> list[Task]:
    """The task of reading each picture from its tokens."""
    prompt = reader.family.prompts["plain"]
    return [
        Task(reader.decoder_input(tokens), prompt, n_new, guard)
        for tokens in reader.encode(pictures, rung)
    ]


def pages(rung: Rung, n_pages: int) -> list[npt.NDArray[np.uint8]]:
    """Pictures of different pages of prose, (side_px, side_px) each."""
    text = "Memory keeps what was said as pictures, and pictures fade. "
    renderer = PageRenderer(sans_grid(512, 85.0))
    pictures = []
    for i in range(n_pages):
        turn = PlacedTurn(Turn("user", f"{i} pages before. " + text[i % 60 :] + text * 100), "t", 0)
        first_page = renderer.paginate([turn])[0]
        pictures.append(renderer.draw(first_page, rung.side_px))
    return pictures


def compare(
    run_reader: Callable[[], Any],
    run_stock: Callable[[], Any],
    count: int,
    runs: int,
    device: str,
) -> dict[str, float | None]:
    """`count` pages or tokens a second of each: the median of runs in turn, so that other work of
    the machine meets both. None if the stock class has not enough memory on a GPU.
    """
    reader_s: list[float] = []
    stock_s: list[float] = []
    has_memory = True
    for _ in range(runs + 1):
        reader_s.append(seconds(run_reader, device))
        try:
            if has_memory:
                stock_s.append(seconds(run_stock, device))
        except torch.cuda.OutOfMemoryError:
            has_memory = False
            torch.cuda.empty_cache()
    ours = count / statistics.median(reader_s[1:])
    baseline = count / statistics.median(stock_s[1:]) if has_memory else None
    return {"ours": ours, "baseline": baseline}


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
    row["ratio"] = row["ours"] / row["baseline"] if row["baseline"] else None
    if bound is not None:
        row |= {"bound": bound, "share_of_bound": row["ours"] / bound}
    row |= {"device": device.name, "dtype": device.dtype_name}
    print(json.dumps(row), flush=True)


# ---- same ----------------------------------------------------------------------------------------


def same(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Print how far the greedy text of each rung is that of the stock class."""
    whole = load_whole(reader, stock_dtype(args))
    for rung in rungs_of(reader, args):
        pictures = pages(rung, 1)
        (task,) = tasks_for(reader, pictures, rung, args.new, NO_GUARD)
        decoder: Any = reader.decoder
        (transcript,) = decoder.transcribe([task])
        plainly = stock_generate(reader, whole, pictures, rung, args.new, stock_dtype(args))
        with torch.inference_mode():
            ids = plainly().tolist()[0]
        new_ids = ids[-args.new :]
        plain, _ = spell(decoder.tokenizer, new_ids, np.ones(len(new_ids), np.float32))
        row = {
            "name": f"same {rung.name}",
            "tokens": len(new_ids),
            "different_tokens": len(set(new_ids)),
            "chars": len(plain),
            "same_chars": n_same(plain, transcript.text),
            "is_same": plain == transcript.text,
            "device": decoder.device.name,
            "dtype": decoder.device.dtype_name,
        }
        print(json.dumps(row), flush=True)


def n_same(first: str, second: str) -> int:
    """The number of characters before the first that differs."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(first), len(second)))


# ---- memory --------------------------------------------------------------------------------------


def memory(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Print the peak of this process's resident memory, of the part that is not pages of the file
    (Linux), and of the memory of the GPU, for --batch pages at once.
    """
    watcher = MemoryWatcher()
    watcher.start()
    batch = int(args.batch)
    rungs = rungs_of(reader, args)
    for rung in rungs:
        reader.encode(pages(rung, batch), rung)
    if args.part == "reader":
        assert isinstance(reader.decoder, LocalDecoder)
        guard = reader.family.guards[0]
        tasks = tasks_for(reader, pages(rungs[0], batch), rungs[0], args.new, guard)
        reader.decoder.transcribe(tasks)
    watcher.stop()
    row = {
        "name": f"memory of a {args.part}, {batch} at once",
        "peak_gib": watcher.peaks["VmRSS"] / GIB,
        "private_gib": watcher.peaks["RssAnon"] / GIB,
        "dtype": args.dtype,
    }
    if torch.cuda.is_available():
        row["peak_gpu_gib"] = torch.cuda.max_memory_allocated() / GIB
    print(json.dumps(row))


def main() -> None:
    args = cli.parse_args()
    if args.what == "make":
        return make_checkpoint(args.folder, args.shapes, args.config)
    reader = DeepseekReader(args.folder, device=args.device, dtype=args.dtype)
    verbs = {"measure": measure, "memory": memory, "same": same}
    return verbs[args.what](reader, args)


if __name__ == "__main__":
    main()
