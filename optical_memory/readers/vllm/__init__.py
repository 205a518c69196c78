"""Pages decoded by stock vLLM servers."""

from __future__ import annotations

from optical_memory.readers.vllm.decoder import VllmDecoder, VllmSettings, vllm_urls
from optical_memory.readers.vllm.wire import EMBEDS_FLAG, GUARD_FLAG, ServerReport

__all__ = [
    "EMBEDS_FLAG",
    "GUARD_FLAG",
    "ServerReport",
    "VllmDecoder",
    "VllmSettings",
    "vllm_urls",
]
