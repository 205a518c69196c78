"""The tokens of a page that are constants of the model: newlines and the separator of views.

Only tokens that depend on the picture are stored. The constants are taken off after encoding, and
put back before decoding. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from optical_memory.errors import CheckpointError, ReaderMismatch
from optical_memory.profiles import PX_PER_TOKEN, Views
from optical_memory.readers.checkpoints.folder import CheckpointFolder

__all__ = [
    "NEWLINE",
    "SEPARATOR",
    "read_constants",
    "with_constants",
    "without_constants",
]

Floats = npt.NDArray[np.float32]

NEWLINE = "model.image_newline"
SEPARATOR = "model.view_seperator"  # as it is spelled in published files


def read_constants(
    folder: CheckpointFolder, *, newlines: bool, dim: int
) -> tuple[Floats | None, Floats]:
    """Newline and separator of a checkpoint, (dim,) each; the newline is None if there is none.

    Raises `CheckpointError` if a constant is missing or not `dim` wide. The newline may be missing
    unless `newlines`.
    """
    vectors = folder.vectors(NEWLINE, SEPARATOR)
    names = [SEPARATOR, NEWLINE] if newlines else [SEPARATOR]
    missing_names = [name for name in names if name not in vectors]
    if missing_names:
        raise CheckpointError(f"{folder.path} lacks {', '.join(missing_names)}")
    for name, vector in vectors.items():
        if vector.shape != (dim,):
            raise CheckpointError(f"{folder.path} has {name} of shape {vector.shape}, not {(dim,)}")
    return vectors.get(NEWLINE), vectors[SEPARATOR]


def without_constants(tokens: Floats, views: Views) -> Floats:
    """The tokens to store, (n_grid_tokens, dim), of all that the model gives, (n_tokens, dim).

    Raises `ReaderMismatch` if the model gave another number of tokens.
    """
    if len(tokens) != views.n_tokens:
        raise ReaderMismatch(
            f"{views.n_tokens} tokens were expected of this picture, the model gave {len(tokens)}"
        )
    if not views.newlines:
        return tokens[: views.n_grid_tokens]
    blocks: list[Floats] = []
    start = 0
    for rows, columns in _blocks(views):
        end = start + rows * (columns + 1)
        block = tokens[start:end].reshape(rows, columns + 1, -1)
        blocks.append(block[:, :columns].reshape(rows * columns, -1))
        start = end
    return np.concatenate(blocks)


def with_constants(
    grid: Floats, views: Views, newline: Floats | None, separator: Floats | None
) -> Floats:
    """All tokens that the decoder receives, (n_tokens, dim): the inverse of `without_constants`.

    `grid` are the stored tokens, (n_grid_tokens, dim); `newline` and `separator` are (dim,). Raises
    `ReaderMismatch` if there is another number of stored tokens.
    """
    if len(grid) != views.n_grid_tokens:
        raise ReaderMismatch(f"{views.n_grid_tokens} stored tokens were expected, not {len(grid)}")
    blocks: list[Floats] = []
    start = 0
    for rows, columns in _blocks(views):
        end = start + rows * columns
        block = grid[start:end].reshape(rows, columns, -1)
        if newline is not None:
            newlines = np.broadcast_to(newline, (rows, 1, len(newline)))
            block = np.concatenate([block, newlines], axis=1)
        blocks.append(block.reshape(-1, grid.shape[1]))
        start = end
    if separator is not None:
        blocks.append(separator[None])
    return np.concatenate(blocks).astype(np.float32)


def _blocks(views: Views) -> Iterator[tuple[int, int]]:
    """(rows, columns) of tokens in the model's order: of the mosaic if any, then of the page."""
    if views.tiles:
        tile = views.tile_px // PX_PER_TOKEN
        yield views.down * tile, views.across * tile
    page = views.page_px // PX_PER_TOKEN
    yield page, page
