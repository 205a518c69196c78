"""Windows of given turns and passages, as `context` makes them of those that it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from optical_memory.counting import count_tokens
from optical_memory.recall.recollection import Recollection
from optical_memory.recall.window.assemble import Window
from optical_memory.recall.window.context import Context, Mode
from optical_memory.recall.window.frame import frame
from optical_memory.recall.window.parts import PagePicture, TextPart


def assemble(
    recent: Sequence[TextPart],
    passages: Sequence[Recollection],
    budget: int,
    *,
    mode: Mode = "text",
    pictures: Mapping[str, PagePicture] | None = None,
    provider: str = "openai",
    n_history_tokens: int | None = None,
) -> Context:
    """A window of all recent turns, and of the best passages that fit `budget` tokens with them.

    `passages` come in any order; those with the lowest scores are left out first, and of two with
    the same score the older. A passage that does not fit leaves room for others. A passage is left
    out if all its turns are there as text. In modes "image" and "tokens", a page with a picture in
    `pictures` goes as that picture, if that costs less than its passages as text. `provider` names
    the prices of pictures.

    Raises `InputError` if no price is known for the provider.
    """
    shown_pictures = {} if mode == "text" or pictures is None else pictures
    window = Window(recent).with_pictures(shown_pictures, provider)
    parts, n_tokens = window.best(passages, budget)
    return Context((*parts, *recent), n_tokens, budget, mode, n_history_tokens)


def frame_cost(passages: Sequence[Recollection]) -> int:
    """DeepSeek tokens of the frame of these passages."""
    return count_tokens(frame(passages))
