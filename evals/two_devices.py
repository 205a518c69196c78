"""Whether pocket reads on one device as it does on another, and how fast it is on each.

    python evals/two_devices.py examples/conversation.json --devices cpu,cuda --pages 60
    python evals/two_devices.py examples/conversation.json --devices cpu,cuda --speed

Each device encodes and certifies pages at every rung; every device reads them back. A row has the
pages of one rung, encoded and certified on the first device, read on the second: characters in
which the second reading differs from the certified one, characters that are `verified` after each,
and silent errors, which are `verified` and wrong. `--speed` prints pages a second of each device,
the median of three runs after one that is not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from optical_memory.measure.fidelity_page import verified
from optical_memory.measure.page_pool import Pool, read_source
from optical_memory.pages import Page
from optical_memory.profiles import Rung
from optical_memory.readers.pocket import PocketReader
from optical_memory.readings import Reading, codepoints
from optical_memory.renderers import PageRenderer
from optical_memory.tokens import INT8, VisualTokens, unpack

cli = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
cli.add_argument("text", type=Path, help="conversations or texts that fill the pages")
cli.add_argument("--devices", default="cpu,cuda", help="comma-separated")
cli.add_argument("--pages", type=int, default=60)
cli.add_argument("--speed", action="store_true", help="measure speed only")
cli.add_argument("--batch", default="1,16,128", help="pages a call for --speed, comma-separated")

RUNS = 3


def draw(pages: Sequence[Page], rung: Rung) -> list[npt.NDArray[np.uint8]]:
    renderer = PageRenderer()
    return [renderer.draw(page, rung.side_px) for page in pages]


# ---- the same readings? --------------------------------------------------------------------------


def compare_readings(readers: dict[str, PocketReader], pages: Sequence[Page]) -> None:
    for rung in next(iter(readers.values())).profile.ladder:
        pictures = draw(pages, rung)
        for writer_device, writer in readers.items():
            tokens = writer.encode(pictures, rung)
            unpacked = [unpack(INT8.pack(page_tokens)) for page_tokens in tokens]
            first_readings = writer.certify(unpacked, pages)
            for reader_device, reader in readers.items():
                row = {
                    "rung": rung.name,
                    "certified_on": writer_device,
                    "read_on": reader_device,
                    **count_differences(rung, reader, pages, unpacked, first_readings),
                }
                print(json.dumps(row), flush=True)
        compare_tokens(readers, pictures, rung)


def count_differences(
    rung: Rung,
    reader: PocketReader,
    pages: Sequence[Page],
    unpacked: Sequence[VisualTokens],
    first_readings: Sequence[Reading],
) -> dict[str, Any]:
    counts = dict.fromkeys(("chars", "changed", "verified_before", "verified", "silent_errors"), 0)
    counts |= {"pages_changed": 0}
    largest_step = 0.0
    readings = reader.decode(unpacked, [page.layout for page in pages])
    for page, first, second in zip(pages, first_readings, readings, strict=True):
        n_changed = int((codepoints(first.text) != codepoints(second.text)).sum())
        counts["chars"] += len(page.text)
        counts["changed"] += n_changed
        counts["pages_changed"] += n_changed > 0
        counts["verified_before"] += int(verified(page, rung.name, first, first).sum())
        is_verified = verified(page, rung.name, first, second)
        counts["verified"] += int(is_verified.sum())
        is_wrong = codepoints(page.text) != codepoints(second.text)
        counts["silent_errors"] += int((is_verified & is_wrong).sum())
        largest_step = max(largest_step, float(np.abs(first.confidence - second.confidence).max()))
    return {**counts, "largest_step_of_confidence": largest_step}


def compare_tokens(
    readers: dict[str, PocketReader], pictures: Sequence[npt.NDArray[np.uint8]], rung: Rung
) -> None:
    first_tokens, *other_tokens = (reader.encode(pictures, rung) for reader in readers.values())
    for tokens in other_tokens:
        error = max(
            float(np.abs(a.values - b.values).max() / np.abs(a.values).max())
            for a, b in zip(first_tokens, tokens, strict=True)
        )
        print(json.dumps({"rung": rung.name, "largest_relative_error_of_tokens": error}))


# ---- how fast? -----------------------------------------------------------------------------------


def measure_speed(
    readers: dict[str, PocketReader], pages: Sequence[Page], batches: Sequence[int]
) -> None:
    for rung in next(iter(readers.values())).profile.ladder:
        pictures = draw(pages, rung)
        for device, reader in readers.items():
            for batch in batches:
                n_pages = min(batch, len(pages))
                row = {
                    "rung": rung.name,
                    "device": name_of(device),
                    "pages_a_call": n_pages,
                    **rates(reader, pictures[:n_pages], pages[:n_pages], rung),
                }
                print(json.dumps(row), flush=True)


def rates(
    reader: PocketReader,
    pictures: Sequence[npt.NDArray[np.uint8]],
    pages: Sequence[Page],
    rung: Rung,
) -> dict[str, float]:
    tokens = reader.encode(pictures, rung)
    layouts = [page.layout for page in pages]
    encode_s = median_seconds(lambda: reader.encode(pictures, rung))
    decode_s = median_seconds(lambda: reader.decode(tokens, layouts))
    return {
        "encoded_pages_per_s": len(pages) / encode_s,
        "decoded_pages_per_s": len(pages) / decode_s,
    }


def median_seconds(do: Callable[[], Any]) -> float:
    """Results are arrays of the CPU, so nothing is left to wait for."""
    times = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        do()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def name_of(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{device}, {torch.get_num_threads()} threads"


def main() -> None:
    args = cli.parse_args()
    readers = {device: PocketReader(device=device) for device in args.devices.split(",")}
    pool = Pool(read_source(args.text), PageRenderer())
    source_pages = pool.take(at_least=args.pages, limit=args.pages)
    pages = [source_page.page for source_page in source_pages]
    if args.speed:
        measure_speed(readers, pages, [int(size) for size in args.batch.split(",")])
    else:
        compare_readings(readers, pages)


if __name__ == "__main__":
    main()
