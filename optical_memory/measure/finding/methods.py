"""All methods for a conversation in turn: our memory, then the baselines that can be built."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from optical_memory.errors import MissingExtra
from optical_memory.loaders import Conversation
from optical_memory.measure.finding.baselines import MakeMethod
from optical_memory.measure.finding.product import OpticalMemoryMethod, Product
from optical_memory.measure.finding.transcript import Transcript
from optical_memory.measure.finding.window import Method
from optical_memory.search.meaning import Semantic
from optical_memory.session.background import Progress, no_progress
from optical_memory.turns import Turn

__all__ = [
    "methods_for",
    "missing_baselines",
]


def methods_for(
    conversation: Conversation,
    product: Product | None,
    baselines: Mapping[str, MakeMethod],
    progress: Progress = no_progress,
    settings: Sequence[Semantic] = (None,),
    margins: Sequence[float | None] = (math.inf,),
) -> Iterator[Method]:
    """Each method, ready to be asked until the next is taken.

    Our memory is asked with each of the `settings` for its `semantic` and of the `margins` of
    `context`. Without a `product` there are the baselines alone.
    """
    if product is not None:
        for semantic in settings:
            with product.open(conversation, progress, semantic) as memory:
                for margin in margins:
                    yield OpticalMemoryMethod(memory, margin)
    transcript = Transcript(conversation.turns)
    for make in baselines.values():
        yield make(transcript)


def missing_baselines(baselines: Mapping[str, MakeMethod]) -> dict[str, str]:
    """The baselines that cannot be built here, each with the reason."""
    transcript = Transcript([Turn("user", "hello")])
    reasons: dict[str, str] = {}
    for name, make in baselines.items():
        try:
            make(transcript)
        except MissingExtra as error:
            reasons[name] = str(error)
    return reasons
