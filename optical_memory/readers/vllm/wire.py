"""What goes to a vLLM server and what comes back: a page as prompt embeddings, token ids with their
probabilities.

The text is spelled from the ids here, because in vLLM's own `bytes` a token that ends inside a
character has none. The prompt follows the page as a message of its own: parts of one message are
joined by a newline, which not every model was trained with. A page travels as `torch.save` writes
it, which is a pickle: vLLM asks for that and loads it with `weights_only`. It is written here,
never read.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, ValidationError

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.tokenizer import BOS, EOS, spell
from optical_memory.readers.vllm.deadlines import Attempt
from optical_memory.readers.vllm.servers import Server, Unready

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["ServerReport", "look", "payload", "read"]

M = TypeVar("M", bound=BaseModel)
CHAT: Final = "/v1/chat/completions"
EMBEDS_FLAG: Final = "--enable-prompt-embeds"
GUARD_FLAG: Final = (
    "--logits-processors vllm.model_executor.models.deepseek_ocr:NGramPerReqLogitsProcessor"
)
LOOP: Final = 4  # tokens, all the same: what a ban on repeated pairs must break
FORCED: Final = 5  # the token of the loop: a plain sign in every byte-level vocabulary
Id = Annotated[int, Field(ge=0, lt=2**32)]  # what a tokenizer can be asked for
Logprob = Annotated[float, Field(le=1e-3, allow_inf_nan=False)]  # above 0 by rounding only


# ---- a page --------------------------------------------------------------------------------------


def read(task: Task, dtype: str, tokenizer: Tokenizer) -> Callable[[Server, Attempt], Transcript]:
    """The request for a page, to be sent to any server (with its `model` known).

    It raises what `Server.post` raises, and `ReaderUnavailable` for an answer to another prompt
    than was meant.
    """
    page = {"type": "prompt_embeds", "data": payload(task.tokens, dtype)}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": [page]},
        {"role": "user", "content": task.prompt},
    ]
    body = _greedy(messages, task.limit, task.guard)
    prompt: list[int] = tokenizer.encode(task.prompt, add_special_tokens=False).ids

    def request(server: Server, attempt: Attempt) -> Transcript:
        answer = _answer(server, body | {"model": server.model}, attempt)
        _check_prompt(server, answer.prompt_token_ids, len(task.tokens), prompt)
        return _transcript(answer.choices[0], tokenizer)

    return request


def payload(tokens: npt.NDArray[np.float32], dtype: str) -> str:
    """Visual tokens (n, dim) as vLLM takes them: base64 of what `torch.save` writes, in the model's
    own dtype.
    """
    import torch

    file = io.BytesIO()
    torch.save(torch.from_numpy(np.ascontiguousarray(tokens)).to(getattr(torch, dtype)), file)
    return base64.b64encode(file.getbuffer()).decode("ascii")


def _greedy(messages: list[dict[str, Any]], limit: int, guard: Guard) -> dict[str, Any]:
    guarded = {
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
        "vllm_xargs": guarded,
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


def _answer(server: Server, body: dict[str, Any], attempt: Attempt) -> _Answer:
    answer = _parsed(_Answer, server, server.post(CHAT, body, attempt))
    if not answer.choices or len(answer.choices[0].token_ids) != len(
        answer.choices[0].logprobs.content
    ):
        raise ReaderUnavailable(
            f"{server.url} gives another number of probabilities than of tokens"
        )
    return answer


def _parsed(kind: type[M], server: Server, found: Any) -> M:
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        lacks = ", ".join(".".join(map(str, wrong["loc"])) for wrong in error.errors()[:3])
        raise ReaderUnavailable(
            f"{server.url} does not answer as vLLM 0.32 does; wrong is {lacks}"
        ) from error


def _check_prompt(server: Server, ids: list[int], n: int, prompt: list[int]) -> None:
    """The beginning, `n` places of the page and the prompt, whatever chat template and tokenizer
    the server has.
    """
    if ids[:1] != [BOS] or len(ids) != 1 + n + len(prompt) or ids[1 + n :] != prompt:
        raise ReaderUnavailable(
            f"{server.url} made {ids[:1]} + {len(ids) - 1 - len(prompt)} + {ids[1 + n :]} of [{BOS}] + {n} + {prompt}: "
            "it has another chat template or tokenizer than DeepSeek-OCR"
        )


def _transcript(choice: _Choice, tokenizer: Tokenizer) -> Transcript:
    if choice.finish_reason not in ("stop", "length"):
        raise Unready(f"the reading was ended by {choice.finish_reason!r}")
    ids = choice.token_ids[:-1] if choice.token_ids[-1:] == [EOS] else choice.token_ids
    p = np.exp([min(step.logprob, 0.0) for step in choice.logprobs.content[: len(ids)]])
    text, confidence = spell(tokenizer, ids, p.astype(np.float32))
    return Transcript(text, confidence, ended=choice.finish_reason == "stop")


# ---- what a server says of itself ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What one server says; `problem` is None where it can read pages. `max_length` is in tokens."""

    url: str
    version: str | None = None
    model: str | None = None
    max_length: int | None = None
    problem: str | None = None


def look(server: Server, wanted: str | None, attempt: Attempt) -> ServerReport:
    """Version, model (`wanted`, or the first) and whether the flags that reading needs are set; two
    tiny requests.

    Raises what `Server.post` raises.
    """
    version = _parsed(_Version, server, server.get("/version", attempt)).version
    served = _parsed(_Models, server, server.get("/v1/models", attempt)).data
    models = {model.id: model.max_model_len for model in served}
    name = wanted or next(iter(models), None)
    if name is None or name not in models:
        return ServerReport(
            server.url, version, problem=f"it serves {', '.join(models) or 'nothing'}, not {name!r}"
        )
    problems = [_lacks_embeds(server, name, attempt), _lacks_guard(server, name, attempt)]
    return ServerReport(
        server.url, version, name, models[name], "; ".join(filter(None, problems)) or None
    )


def _lacks_embeds(server: Server, model: str, attempt: Attempt) -> str | None:
    """A page of one number is refused either way: for its width, or because no page is taken at
    all.
    """
    page = {"type": "prompt_embeds", "data": payload(np.zeros((1, 1), np.float32), "float32")}
    body = _greedy([{"role": "user", "content": [page]}], 1, Guard())
    try:
        server.post(CHAT, body | {"model": model}, attempt)
    except ReaderUnavailable as error:
        if "hidden_size" in str(error):
            return None
        return (
            f"it takes no pages: start it with {EMBEDS_FLAG}"
            if EMBEDS_FLAG in str(error)
            else str(error)
        )
    return None


def _lacks_guard(server: Server, model: str, attempt: Attempt) -> str | None:
    """vLLM ignores arguments of a processor that it has not; so make a loop and see whether it
    breaks.
    """
    body = _greedy([{"role": "user", "content": "Free OCR."}], LOOP, Guard(2, 90, ()))
    answer = _answer(server, body | {"model": model, "logit_bias": {str(FORCED): 100}}, attempt)
    if answer.choices[0].token_ids == [FORCED] * LOOP:
        return f"it lets the model loop: start it with {GUARD_FLAG}"
    return None
