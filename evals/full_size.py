"""How fast and how large a published checkpoint is at full size, beside plain transformers on the
same input.

    python evals/full_size.py make FOLDER --shapes SHAPES.json --config CONFIG.json    # random numbers, published sizes
    python evals/full_size.py measure FOLDER                                          # seconds, one JSON object a line
    python evals/full_size.py memory FOLDER --part writer                             # peak of one process

Speed and memory need no trained weights: what a random checkpoint takes, a real one takes.
`measure` runs ours and the stock class in turn, the median of --runs after one that is not counted;
`memory` is a process of its own for each part. On a GPU, --batch 1,8,64 gives decoded tokens a
second for each, and where `bounds.py` knows the device each figure is also told as a share of what
it could do at most.
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
import torch
from bounds import Peak, flop, most_pages, most_tokens, peak

from optical_memory.profiles import Rung
from optical_memory.readers.checkpoints.safetensors_files import read_header
from optical_memory.readers.deepseek.halves import stock_class
from optical_memory.readers.deepseek.local_decoder import LocalDecoder
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.deepseek.views import look
from optical_memory.readers.deepseek.weights import load_half, write_sparse
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


def make(folder: Path, shapes: Path, config: Path) -> None:
    """A checkpoint of random bfloat16 numbers whose activations neither vanish nor explode."""
    folder.mkdir(parents=True, exist_ok=True)
    write_sparse(
        folder / "model.safetensors",
        {k: tuple(s) for k, s in json.loads(shapes.read_text())["tensors"].items()},
    )
    header, pool = (
        read_header(folder / "model.safetensors"),
        np.random.default_rng(0).standard_normal(8_000_000),
    )
    with header.file.open("r+b") as file:
        for i, (name, tensor) in enumerate(header.tensors.items()):
            values = numbers(name, tensor["shape"], pool[i * 977 % 1_000_000 :])
            file.seek(header.start + tensor["data_offsets"][0])
            file.write((values.view(np.uint32) >> 16).astype(np.uint16).tobytes())
    (folder / "config.json").write_bytes(config.read_bytes())
    ocr_tokenizer().save(str(folder / "tokenizer.json"))


def numbers(name: str, shape: list[int], pool: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    size = int(np.prod(shape))
    if "norm" in name and name.endswith("weight") and len(shape) == 1:
        return np.ones(size, np.float32)
    scale = 0.02 if len(shape) == 1 else min(0.05, 0.7 * float(np.prod(shape[1:])) ** -0.5)
    return np.resize(pool, size).astype(np.float32) * np.float32(scale)


def page(rung: Rung) -> np.ndarray[Any, np.dtype[np.uint8]]:
    turn = Turn("user", "Memory keeps what was said as pictures, and pictures fade. " * 100)
    (first, *_) = PageRenderer(sans_grid(512, 85.0)).paginate([PlacedTurn(turn, "t", 0)])
    return PageRenderer(first.layout.grid).draw(first, rung.side_px)


def medians(
    ours: Callable[[], Any], theirs: Callable[[], Any], runs: int, device: str
) -> tuple[float, float]:
    """Seconds of each, in turn, so that what else the machine does meets both."""
    taken = [(seconds(ours, device), seconds(theirs, device)) for _ in range(runs + 1)][1:]
    return statistics.median(a for a, _ in taken), statistics.median(b for _, b in taken)


def seconds(do: Callable[[], Any], device: str) -> float:
    started = time.perf_counter()
    with torch.inference_mode():
        do()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - started


# ---- measure -------------------------------------------------------------------------------------


def measure(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Encoding beside `get_image_features`, then decoding from cached tokens beside `generate` from
    the picture.
    """
    rungs = [
        reader.family.rung(name)
        for name in (args.rungs.split(",") if args.rungs else reader.family.ladder)
    ]
    for rung in rungs:
        compare_encoding(reader, rung, args)
    whole: Any = stock_class(reader.found.family).from_pretrained(
        reader.found.folder, config=reader.found.config, dtype=args.numbers, local_files_only=True
    )
    whole.to(reader.encoder.at.device).eval()
    for batch in map(int, args.batch.split(",")):
        compare_decoding(reader, whole, rungs[-1], batch, args)


def compare_encoding(reader: DeepseekReader, rung: Rung, args: argparse.Namespace) -> None:
    at, numbers_ = reader.encoder.at, reader.encoder.numbers
    stock: Any = load_half(reader.found, "encoder", numbers_, at.device)
    image, inputs = page(rung), pixels(rung, at.device, numbers_)
    plain = partial(stock.get_image_features, **inputs)
    ours, theirs = medians(lambda: reader.encode([image], rung), plain, args.runs, at.device)
    with torch.inference_mode():
        gpu = known(at.device)
        most = most_pages(flop(plain), gpu) if gpu else None
    tell(f"encode {rung.name}", 1 / ours, 1 / theirs, "get_image_features", "pages/s", at, most)


def compare_decoding(
    reader: DeepseekReader, whole: Any, rung: Rung, batch: int, args: argparse.Namespace
) -> None:
    decoder: Any = reader.decoder
    prompt = reader.family.prompts["plain"]
    tokens = reader._received(reader.encode([page(rung)], rung)[0])
    tasks = [Task(tokens, prompt, args.new, NO_GUARD)] * batch
    ids = [
        BOS,
        *[IMAGE] * rung.n_tokens,
        *decoder.tokenizer.encode(prompt, add_special_tokens=False).ids,
    ]
    inputs = {
        k: v.repeat(batch, 1, 1, 1)
        for k, v in pixels(rung, decoder.at.device, args.numbers).items()
    }
    inputs["input_ids"] = torch.tensor([ids] * batch, device=decoder.at.device)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    greedy = {
        "do_sample": False,
        "max_new_tokens": args.new,
        "min_new_tokens": args.new,
        "eos_token_id": 1,
    }
    plain = partial(whole.generate, **inputs, **greedy, pad_token_id=2)
    ours, theirs = medians(lambda: decoder.transcribe(tasks), plain, args.runs, decoder.at.device)
    name, gpu = f"decode {rung.name}, {batch} at once", known(decoder.at.device)
    text = reader.found.config.text_config
    most = most_tokens(text, batch, len(ids) + args.new / 2, gpu) if gpu else None
    tell(
        name,
        batch * args.new / ours,
        batch * args.new / theirs,
        "generate",
        "tokens/s",
        decoder.at,
        most,
    )


def known(device: str) -> Peak | None:
    return peak(torch.cuda.get_device_name(device)) if device.startswith("cuda") else None


def pixels(rung: Rung, device: str, dtype: torch.dtype) -> dict[str, Any]:
    """A page without tiles, as the stock class takes it."""
    seen = look([page(rung)], rung)
    return {"pixel_values": torch.from_numpy(seen.pages).to(device, dtype)}


def tell(
    name: str,
    ours: float,
    baseline: float,
    baseline_name: str,
    unit: str,
    at: Any,
    most: float | None = None,
) -> None:
    row = {
        "name": name,
        "ours": ours,
        "baseline": baseline,
        "baseline_name": baseline_name,
        "ratio": ours / baseline,
    }
    if most is not None:
        row |= {"bound": most, "share_of_bound": ours / most}
    print(json.dumps(row | {"unit": unit, "device": at.device, "dtype": at.numbers}), flush=True)


# ---- memory --------------------------------------------------------------------------------------


def memory(reader: DeepseekReader, args: argparse.Namespace) -> None:
    """Peak resident memory of this process, and the part of it that is not pages of the file
    (Linux).
    """
    peaks, stop = {"RssAnon": 0, "VmRSS": 0}, threading.Event()
    watching = threading.Thread(target=watch, args=(peaks, stop), daemon=True)
    watching.start()
    rungs = [reader.family.rung(name) for name in reader.family.ladder]
    tokens = [reader._received(reader.encode([page(rung)], rung)[0]) for rung in rungs]
    if args.part == "reader":
        assert isinstance(reader.decoder, LocalDecoder)
        reader.decoder.transcribe(
            [Task(tokens[0], reader.family.prompts["plain"], args.new, NO_GUARD)]
        )
    stop.set()
    watching.join()
    told = {"peak_gib": peaks["VmRSS"] / GIB, "private_gib": peaks["RssAnon"] / GIB}
    print(json.dumps({"name": f"memory of a {args.part}", **told, "dtype": args.dtype}))


def watch(peaks: dict[str, int], stop: threading.Event) -> None:
    while not stop.wait(0.01):
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name in peaks:
                peaks[name] = max(peaks[name], 1024 * int(value.split()[0]))


def main() -> None:
    args = cli.parse_args()
    if args.what == "make":
        return make(args.folder, args.shapes, args.config)
    reader = DeepseekReader(args.folder, device=args.device, dtype=args.dtype)
    args.numbers = {"float32": torch.float32, "float16": torch.float16}.get(
        args.dtype, torch.bfloat16
    )
    return measure(reader, args) if args.what == "measure" else memory(reader, args)


if __name__ == "__main__":
    main()
