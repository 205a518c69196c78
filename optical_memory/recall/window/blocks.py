"""Blocks of a message, texts and pictures, in the forms of the providers."""

from __future__ import annotations

import base64
from typing import Any, Literal

from optical_memory.recall.window.frame import Block

__all__ = [
    "BlockForm",
    "block_in",
]

BlockForm = Literal["openai", "anthropic", "langchain"]


def block_in(form: BlockForm, block: Block) -> dict[str, Any]:
    """A text or a picture in this form.

    >>> block_in("anthropic", "hello")
    {'type': 'text', 'text': 'hello'}
    """
    if isinstance(block, str):
        return {"type": "text", "text": block}
    data = base64.b64encode(block.png or b"").decode()
    if form == "anthropic":
        source = {"type": "base64", "media_type": "image/png", "data": data}
        return {"type": "image", "source": source}
    if form == "langchain":
        return {"type": "image", "base64": data, "mime_type": "image/png"}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
