"""The bodies of requests to a vLLM server and of its answers: pages as prompt embeddings, token ids
with their probabilities.

The text is spelled from the ids here: in vLLM's own `bytes`, a token that ends inside a character
has none. The prompt follows the page as a message of its own, because vLLM joins the parts of a
message by a newline, which not every model was trained with. A page travels in the format of
`torch.save`, which is a pickle: vLLM wants that, and loads it with `weights_only`. This module
writes pickles, and never reads them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.tokenizer import BOS, EOS, spell
from optical_memory.readers.vllm.servers import Server, Unready

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = [
    "EMBEDS_FLAG",
    "GUARD_FLAG",
    "ServerReport",
    "page_request",
    "payload",
    "server_report",
]

M = TypeVar("M", bound=BaseModel)
CHAT: Final = "/v1/chat/completions"
EMBEDS_FLAG: Final = "--enable-prompt-embeds"
GUARD_FLAG: Final = (
    "--logits-processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor"
)
LOOP_LENGTH: Final = 4  # tokens, all the same: a ban on repeated pairs must break such a loop
LOOP_TOKEN: Final = 5  # a plain sign in every byte-level vocabulary
Id = Annotated[int, Field(ge=0, lt=2**32)]  # tokenizers take no other ids
Logprob = Annotated[float, Field(le=1e-3, allow_inf_nan=False)]  # above 0 by rounding only


# ---- a page --------------------------------------------------------------------------------------


def page_request(
    task: Task, dtype: str, tokenizer: Tokenizer
) -> Callable[[Server], Awaitable[Transcript]]:
    """The request for a page, which can be sent to any server with a `model`.

    It raises the errors of `Server.send`, and `ReaderUnavailable` if the server decoded another
    prompt.
    """
    page = {"type": "prompt_embeds", "data": payload(task.tokens, dtype)}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": [page]},
        {"role": "user", "content": task.prompt},
    ]
    body = _greedy(messages, task.limit, task.guard)
    prompt: list[int] = tokenizer.encode(task.prompt, add_special_tokens=False).ids

    async def request(server: Server) -> Transcript:
        answer = await _answer(server, body | {"model": server.model})
        _check_prompt(server, answer.prompt_token_ids, len(task.tokens), prompt)
        return _transcript(answer.choices[0], tokenizer)

    return request


def payload(tokens: npt.NDArray[np.float32], dtype: str) -> str:
    """Visual tokens (n, dim) in vLLM's format: base64 of a `torch.save` file, in the model's own
    dtype.
    """
    import torch

    file = io.BytesIO()
    torch.save(torch.from_numpy(np.ascontiguousarray(tokens)).to(getattr(torch, dtype)), file)
    return base64.b64encode(file.getbuffer()).decode("ascii")


def _greedy(messages: list[dict[str, Any]], limit: int, guard: Guard) -> dict[str, Any]:
    ban = {
        "ngram_size": guard.ngram,
        "window_size": guard.window,
        "whitelist_token_ids": list(guard.allowed),
    }
    return {
        "messages": messages,
        "temperature": 0,
        "max_tokens": limit,
        "logprobs": True,
        "return_token_ids": True,
        "vllm_xargs": ban,
    }


# ---- its answer ----------------------------------------------------------------------------------


class _Step(BaseModel):
    logprob: Logprob


class _Steps(BaseModel):
    content: list[_Step]


class _Choice(BaseModel):
    finish_reason: str
    token_ids: list[Id]
    logprobs: _Steps


class _Version(BaseModel):
    version: str


class _Model(BaseModel):
    id: str
    max_model_len: int | None = None


class _Models(BaseModel):
    data: list[_Model]


class _Answer(BaseModel):
    prompt_token_ids: list[int]
    choices: list[_Choice]


async def _answer(server: Server, body: dict[str, Any]) -> _Answer:
    answer = _parsed(_Answer, server, await server.send(CHAT, body))
    choices = answer.choices
    if not choices or len(choices[0].token_ids) != len(choices[0].logprobs.content):
        raise ReaderUnavailable(
            f"{server.url} gives another number of probabilities than of tokens"
        )
    return answer


def _parsed(kind: type[M], server: Server, answer: Any) -> M:
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors()[:3])
        raise ReaderUnavailable(
            f"{server.url} does not answer as vLLM 0.32 does; wrong is {fields}"
        ) from error


def _check_prompt(server: Server, ids: list[int], n_tokens: int, prompt: list[int]) -> None:
    """The ids must be the beginning, `n_tokens` places of the page, and the prompt.

    A server with another chat template or tokenizer makes other ids.
    """
    n_places = len(ids) - 1 - len(prompt)
    if ids[:1] != [BOS] or n_places != n_tokens or ids[1 + n_tokens :] != prompt:
        raise ReaderUnavailable(
            f"{server.url} has another chat template or tokenizer than DeepSeek-OCR: it made "
            f"{ids[:1]} + {n_places} places + {ids[1 + n_tokens :]} of [{BOS}] + {n_tokens} places "
            f"+ {prompt}"
        )


def _transcript(choice: _Choice, tokenizer: Tokenizer) -> Transcript:
    if choice.finish_reason not in ("stop", "length"):
        raise Unready(f"the reading was ended by {choice.finish_reason!r}")
    ids = choice.token_ids[:-1] if choice.token_ids[-1:] == [EOS] else choice.token_ids
    steps = choice.logprobs.content[: len(ids)]
    confidence = np.exp([min(step.logprob, 0.0) for step in steps]).astype(np.float32)
    text, confidence = spell(tokenizer, ids, confidence)
    return Transcript(text, confidence, ended=choice.finish_reason == "stop")


# ---- a server's report ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServerReport:
    """The state of a server; `problem` is None if it can read pages. `max_length` is in tokens."""

    url: str
    version: str | None = None
    model: str | None = None
    max_length: int | None = None
    problem: str | None = None


async def server_report(server: Server, model: str | None) -> ServerReport:
    """Asks for the version and the models, and tests with two tiny requests that `model` (None: the
    server's first) reads pages under a guard.

    Raises the errors of `Server.send`.
    """
    version = _parsed(_Version, server, await server.send("/version")).version
    models = _parsed(_Models, server, await server.send("/v1/models"))
    max_lengths = {entry.id: entry.max_model_len for entry in models.data}
    name = model or next(iter(max_lengths), None)
    if name is None or name not in max_lengths:
        names = ", ".join(max_lengths) or "nothing"
        return ServerReport(server.url, version, problem=f"it serves {names}, not {name!r}")
    problems = [await _embeds_problem(server, name), await _guard_problem(server, name)]
    problem = "; ".join(filter(None, problems)) or None
    return ServerReport(server.url, version, name, max_lengths[name], problem)


async def _embeds_problem(server: Server, model: str) -> str | None:
    """A page with one number is refused: for its width, or because the server takes no pages."""
    page = {"type": "prompt_embeds", "data": payload(np.zeros((1, 1), np.float32), "float32")}
    body = _greedy([{"role": "user", "content": [page]}], 1, Guard())
    try:
        await server.send(CHAT, body | {"model": model})
    except ReaderUnavailable as error:
        problem = str(error)
        if EMBEDS_FLAG in problem:
            return f"it takes no pages: start it with {EMBEDS_FLAG}"
        return None if "hidden_size" in problem else problem
    return None


async def _guard_problem(server: Server, model: str) -> str | None:
    """vLLM ignores arguments of a processor that it does not have. So this makes the model loop,
    and a guard must break the loop.
    """
    body = _greedy([{"role": "user", "content": "Free OCR."}], LOOP_LENGTH, Guard(2, 90, ()))
    answer = await _answer(server, body | {"model": model, "logit_bias": {str(LOOP_TOKEN): 100}})
    if answer.choices[0].token_ids == [LOOP_TOKEN] * LOOP_LENGTH:
        return f"it lets the model loop: start it with {GUARD_FLAG}"
    return None
