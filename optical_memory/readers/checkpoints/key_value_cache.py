"""The name under which a model of transformers takes its cache of keys and values."""

from __future__ import annotations

import inspect

from torch import nn
from transformers import Cache

__all__ = ["cache_argument"]


def cache_argument(model: nn.Module, cache: Cache) -> dict[str, Cache]:
    """`cache` as the keyword argument of `model`, which writes new keys and values into it.

    transformers 5.24 named the argument `cache` and warns about `past_key_values`, the name before.
    The output has the same two names; read `cache` itself after the call in place of the output.

        cache = DynamicCache(config=model.config)
        model(inputs_embeds=prompt, use_cache=True, **cache_argument(model, cache))
    """
    parameters = inspect.signature(model.forward).parameters
    return {"cache" if "cache" in parameters else "past_key_values": cache}
