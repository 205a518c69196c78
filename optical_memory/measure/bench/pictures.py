"""How fast pictures are drawn, encoded and read, and tokens packed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from optical_memory.measure.bench.setup import BenchInputs, BenchRow, Rates, rate_row, rates
from optical_memory.pages import Layout
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.tokens import INT8, VisualTokens, unpack

__all__ = [
    "bench_codec",
    "bench_decode",
    "bench_draw",
    "bench_encode",
    "bench_read",
]

PLAIN_ROWS = 6
"""Rows of a page that plain decoding reads character by character: a whole page takes too long."""


def bench_draw(inputs: BenchInputs) -> Iterator[BenchRow]:
    """A page at 1024 px: glyphs copied from our atlas, or text that Pillow draws line by line."""
    from PIL import Image, ImageDraw, ImageFont

    page = inputs.pages[0]
    side_px = inputs.base.side_px
    row_px = side_px / inputs.reader.profile.grid.rows
    renderer = inputs.renderer
    font = ImageFont.load_default(size=10)

    def pillow() -> object:
        image = Image.new("L", (side_px, side_px), 255)
        canvas = ImageDraw.Draw(image)
        for row, line in zip(page.layout.rows, page.lines, strict=True):
            canvas.text((0, row.y * row_px), line, fill=0, font=font)
        return np.asarray(image)

    speed = rates(
        lambda: [renderer.draw(page, side_px) for _ in range(10)],
        lambda: [pillow() for _ in range(10)],
        10,
    )
    yield rate_row("draw a page", speed, "Pillow ImageDraw.text, line by line", "pages/s")


def bench_encode(inputs: BenchInputs) -> Iterator[BenchRow]:
    """Two pages at Base, by the reader and by the stock class; and their share of the arithmetic.

    The second row is the arithmetic of the reader beside that of one large matrix product.
    """
    import torch

    images = [inputs.renderer.draw(page, inputs.base.side_px) for page in inputs.pages[:2]]
    stock = inputs.reader.network.model

    def encode() -> object:
        return inputs.reader.encode(images, inputs.base)

    def transformers() -> object:
        pixels = torch.from_numpy(np.stack(images))  # as the reader must
        colours = pixels.float().div(127.5).sub(1)[:, None].expand(-1, 3, -1, -1)
        with torch.inference_mode():
            return stock.get_image_features(colours)

    speed = rates(encode, transformers, 2)
    yield rate_row("encode", speed, "transformers get_image_features, same batch", "pages/s")
    yield _arithmetic(encode)


def _arithmetic(encode: Callable[[], object]) -> BenchRow:
    """GFLOP/s of `encode`, beside those of a matrix product that is large enough to be fast."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        encode()
    matrix = torch.randn(4096, 1024)
    factor = torch.randn(1024, 1024)
    n_operations = 2 * matrix.shape[0] * matrix.shape[1] * factor.shape[1]
    speed = rates(encode, lambda: matrix @ factor)
    achieved_rate = speed.package * counter.get_total_flops() * 1e-9
    peak = speed.baseline * n_operations * 1e-9
    return BenchRow(
        "encode, arithmetic",
        achieved_rate,
        peak,
        "one large float32 matrix product",
        achieved_rate / peak,
        "GFLOP/s",
    )


def bench_decode(inputs: BenchInputs) -> Iterator[BenchRow]:
    """A page at Base, read from its cached bytes, or encoded again first."""
    layout = inputs.pages[0].layout
    blob = INT8.pack(inputs.tokens)

    def encode_and_decode() -> object:
        (tokens,) = inputs.reader.encode([inputs.image], inputs.base)
        return inputs.reader.decode([unpack(INT8.pack(tokens))], [layout])

    speed = rates(lambda: inputs.reader.decode([unpack(blob)], [layout]), encode_and_decode)
    yield rate_row("decode from cached tokens", speed, "encode the picture and decode", "pages/s")


def bench_read(inputs: BenchInputs) -> Iterator[BenchRow]:
    """A page at every rung, read our way or by plain left-to-right decoding.

    Plain decoding reads the page's first lines a character at a time, as `generate` would. Or it
    reads all lines of the page in a batch, a character of each line at a time.
    """
    whole = inputs.pages[0].layout
    first_rows = replace(whole, rows=whole.rows[:PLAIN_ROWS])
    for rung in inputs.reader.profile.ladder:
        image = inputs.renderer.draw(inputs.pages[0], rung.side_px)
        (tokens,) = inputs.reader.encode([image], rung)
        for layout, n_lines, method in (
            (first_rows, 1, "one character at a time"),
            (whole, len(whole.rows), "all lines at once"),
        ):
            speed = rates(
                partial(inputs.reader.decode, [tokens], [whole]),
                partial(_read_plainly, inputs.reader, tokens, layout, n_lines),
            )
            chars = Rates(speed.package * whole.n_chars, speed.baseline * layout.n_chars)
            baseline = f"plain left-to-right decoding, {method}"
            yield rate_row(f"read at {rung.name}", chars, baseline, "characters/s")


def _read_plainly(
    reader: PocketReader, tokens: VisualTokens, layout: Layout, n_lines: int
) -> object:
    import torch

    from optical_memory.readers.pocket.page_decoder import PageDecoder
    from optical_memory.readers.pocket.read_plainly import read_plainly

    rung = reader.profile.rung(tokens.rung)
    with torch.inference_mode():
        decoder = PageDecoder(reader.network, tokens.values, layout.grid, rung)
        return read_plainly(decoder, layout, n_lines)


def bench_codec(inputs: BenchInputs) -> Iterator[BenchRow]:
    """The tokens of a page at Base, as INT8 or as safetensors float32: size and speed."""
    from safetensors.numpy import load, save

    tokens = inputs.tokens
    n_bytes = len(INT8.pack(tokens))
    n_raw_bytes = len(save({"values": tokens.values}))
    ratio = n_raw_bytes / n_bytes
    yield BenchRow("token bytes", n_bytes, n_raw_bytes, "safetensors float32", ratio, "bytes/page")
    speed = rates(
        lambda: [unpack(INT8.pack(tokens)) for _ in range(50)],
        lambda: [load(save({"values": tokens.values})) for _ in range(50)],
        50,
    )
    yield rate_row("pack and unpack", speed, "safetensors float32, no checks", "pages/s")
