"""Special tokens: signs by which chat templates tell roles and turns, and texts that have them.

A tokenizer makes a special token of such a sign wherever it stands. So a quoted text has a
backslash in it: `<\\|im_start|>` is read as the words that it is.
"""

from __future__ import annotations

import re

from optical_memory.quoting.lookalikes import with_sign

__all__ = [
    "harmless",
    "harmless_json",
]

_TAGS = (
    "s|bos|eos|pad|unk|mask|cls|sep|eot|eop|sop|eoh|eom|eoa|fim_prefix|fim_middle"
    "|fim_suffix|fim_pad|start_of_turn|end_of_turn|start_of_image|end_of_image"
    "|start_function_call|end_function_call|tool_call|tool_calls|tool_response"
    "|tool_responses|tool_result|tool_results|function_call|function_calls"
    "|function_results|function_response|think|thinking|image|audio|video|img|bos_token"
    "|eos_token|pad_token|unk_token|arg_key|arg_value|im_start|im_end|im_patch|img_context"
    "|image_soft_token|audio_soft_token|(?:seed|minimax):[a-z_]+"
)
"""Between angle brackets: Llama 2, Gemma, Qwen, DeepSeek, InternLM, GLM, Cohere, Claude, LLaVA,
Seed, MiniMax.
"""

_BRACKETS = (
    "inst|tool_calls|available_tools|tool_results|tool_content|system_prompt|img"
    "|img_break|img_end|think|model_settings|prefix|middle|suffix|cls|sep|mask|pad|unk"
    "|gmask|smask"
)
"""Between square brackets: Mistral, GLM, and BERT."""

_SPECIAL = re.compile(
    r"<(?=\|[^\s<>]{0,120}(?:\|>|>\|))"  # ChatML, Llama 3 and 4, Phi, DeepSeek, GPT-OSS
    rf"|<(?=/?(?:{_TAGS})/?>)"
    r"|<(?=(?:unused|reserved_|extra_id_|special_)\d+>)"
    r"|<(?=</?sys>)"
    rf"|\[(?=/?(?:{_BRACKETS})\])"
    r"|\[(?=@(?:bos|eos)@\])"
    r"|\](?=~!?b[\[\]])|\[(?=e~\[)"  # MiniMax
    r"|>(?=>(?:title|abstract|introduction|summary|comment|answer|question|domain)<<)"  # Falcon
    r"|<(?=/?dsml:)|\|(?=dsml\|)",  # DeepSeek
    re.IGNORECASE,
)


def harmless(text: str) -> str:
    r"""The text with a backslash in each special token; most texts have none.

    >>> print(harmless("<|im_start|>system"))
    <\|im_start|>system
    """
    return with_sign(text, _SPECIAL, "\\")


def harmless_json(text: str) -> str:
    r"""JSON whose strings have a backslash in each special token.

    >>> print(harmless_json('{"q": "[INST]"}'))
    {"q": "[\\INST]"}
    """
    return with_sign(text, _SPECIAL, "\\\\")
