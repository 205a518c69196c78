"""Presentation: how passages are written for a model, as text or as pictures that it reads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from langchain_core.language_models import BaseChatModel

from optical_memory.agents.recalled_sheets import Drawing, SheetRule, drawing_blocks
from optical_memory.hosts.choose import model_id
from optical_memory.hosts.resolve import resolve_host
from optical_memory.telemetry.event_table import PICTURES_REFUSED
from optical_memory.telemetry.events import emit

__all__ = [
    "PassageRenderer",
    "Presentation",
    "Presenter",
    "ViewMode",
]

ViewMode = Literal["auto", "image", "text"]

Block = dict[str, Any]

_CACHING_PROVIDERS = {"anthropic", "anthropic_bedrock", "vertexai-anthropic"}
"""Providers whose LangChain packages take `cache_control` in a part of a content."""

MAX_DRAWINGS = 32
"""So many drawings are kept as pictures, of about 1 MB each; others are drawn again."""


class PassageRenderer(Protocol):
    """Draws passages for a model that looks at pictures."""

    def __call__(self, text: str, model: BaseChatModel) -> Sequence[Mapping[str, Any]] | None:
        """The passages as parts of a message's content; None if text is better for this model.

        The same text and model always give the same bytes: the head of a view never changes
        between compactions.
        """


@dataclass(frozen=True, slots=True)
class Presentation:
    """How our messages are written for a model.

    `render` gives passages as pictures or None. With a `rule` they are drawn on sheets of ours,
    and `draw` gives the blocks of these. `marks_cache` asks for a cache breakpoint. With
    `alternates` our messages stand in the user's message that follows, so that roles alternate.
    """

    render: Callable[[str], Sequence[Mapping[str, Any]] | None] | None = None
    rule: SheetRule | None = None
    draw: Callable[[Drawing], list[Block]] = drawing_blocks
    marks_cache: bool = False
    alternates: bool = False

    def shows(self, drawing: Drawing) -> bool:
        """True if the drawing was made for this model."""
        return self.rule is not None and self.rule.host.name == drawing["host"]

    def blocks(self, passages: str, drawing: Drawing | None) -> list[Block] | None:
        """The passages as pictures with the texts beside them; None if they are text."""
        if drawing is not None and self.shows(drawing):
            return list(self.draw(drawing))
        pictures = None if self.render is None else self.render(passages)
        return [dict(block) for block in pictures] if pictures else None


@dataclass(slots=True)
class Presenter:
    """Knows how each model is shown passages, and which model refused a picture.

    A `renderer` of the user's takes the place of our sheets. Threads may share a presenter.
    """

    mode: ViewMode = "auto"
    renderer: PassageRenderer | None = None
    alternates: bool = False
    _text_only: set[str] = field(default_factory=set)
    _drawings: OrderedDict[str, list[Block]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def presentation(self, model: BaseChatModel) -> Presentation:
        """How passages are written for a model."""
        renderer = self.renderer if self._may_draw(model) else None
        return Presentation(
            None if renderer is None else lambda text: renderer(text, model),
            self._rule(model),
            self._blocks,
            has_cache_breakpoints(model),
            self.alternates,
        )

    def refuse(self, model: BaseChatModel) -> None:
        """Remember that a model refused a picture: from now on it is shown text."""
        self._text_only.add(_name(model))
        emit(PICTURES_REFUSED)

    def _may_draw(self, model: BaseChatModel) -> bool:
        return self.mode != "text" and _name(model) not in self._text_only

    def _rule(self, model: BaseChatModel) -> SheetRule | None:
        """The rule of sheets for a model; None if nobody measured that it reads them."""
        if self.mode == "text" or self.renderer is not None or not self._may_draw(model):
            return None
        profile = getattr(model, "profile", None)
        if isinstance(profile, Mapping) and profile.get("image_inputs") is False:
            return None
        host = resolve_host(None, model)
        return None if host is None or not host.is_open else SheetRule(host, self.mode)

    def _blocks(self, drawing: Drawing) -> list[Block]:
        """The blocks of a drawing, the same objects each time: views are compared by them."""
        with self._lock:
            blocks = self._drawings.get(drawing["id"])
        if blocks is None:
            blocks = drawing_blocks(drawing)  # takes a tenth of a second: nobody else waits for it
        with self._lock:
            self._drawings[drawing["id"]] = blocks
            self._drawings.move_to_end(drawing["id"])
            if len(self._drawings) > MAX_DRAWINGS:
                self._drawings.popitem(last=False)
        return blocks


def has_cache_breakpoints(model: BaseChatModel) -> bool:
    """True if the provider caches up to a mark in the messages."""
    try:
        provider = model._get_ls_params().get("ls_provider")  # noqa: SLF001  as LangChain asks it
    except (AttributeError, NotImplementedError, TypeError):
        return False
    return provider in _CACHING_PROVIDERS


def _name(model: BaseChatModel) -> str:
    return f"{type(model).__name__} {model_id(model)}"
