"""A receipt counts what a model read, what it left open, and what it got wrong without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from optical_memory.cli import evaluations, main
from optical_memory.errors import InputError
from optical_memory.hosts import find_host, host_named, read_receipts
from optical_memory.hosts.receipts import RECEIPTS_VARIABLE
from optical_memory.loaders import example
from optical_memory.measure.hosts.planted import plant
from optical_memory.measure.hosts.trial import measure_host
from optical_memory.renderers.pictures import from_png
from optical_memory.turns import body

TEXTS = [body(turn) for turn in example().turns] * 3
GPT = host_named("gpt-6")


class ScriptedHost(BaseChatModel):
    """A chat model that knows the answers, and answers some names as it is told."""

    values: dict[str, str]
    changes: dict[str, str]
    pictures: list[bytes]
    tokens_of_picture: int = 1200

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *args: Any, **settings: Any) -> ChatResult:
        import base64

        question, *pictures = messages[0].content
        assert isinstance(question, dict)
        self.pictures.extend(base64.b64decode(picture["base64"]) for picture in pictures)  # type: ignore[index]
        names = re.findall(r"[a-z][a-z ]+ \d+", question["text"].split("Names:")[1])
        answers = {name: self.values[name] for name in names if name in self.values}
        answers |= {name: value for name, value in self.changes.items() if name in answers}
        n_tokens = 100 + self.tokens_of_picture * len(pictures)
        usage = {"input_tokens": n_tokens, "output_tokens": 5, "total_tokens": n_tokens + 5}
        text = f"Here it is:\n```json\n{json.dumps(answers)}\n```"
        message = AIMessage(text, usage_metadata=usage)  # type: ignore[arg-type]
        return ChatResult(generations=[ChatGeneration(message=message)])


def scripted(changes: dict[str, str] | None = None, seeds: Sequence[int] = (0,)) -> ScriptedHost:
    """A host that knows the facts planted by these seeds; the last seed counts."""
    values: dict[str, str] = {}
    for seed in seeds:
        values |= {fact.name: fact.value for fact in plant([], 10, seed)[1]}
    return ScriptedHost(values=values, changes=changes or {}, pictures=[])


def test_a_model_that_reads_everything_opens_the_density():
    model = scripted()
    (row,) = measure_host(model, GPT, TEXTS, densities=[50.0], n_pages=1)
    assert (row.n, row.exact, row.abstained, row.silent) == (10, 10, 0, 0)
    assert row.price == 1200
    assert row.expected_price == GPT.price.tokens(*from_png(model.pictures[0]).shape[::-1])
    receipt = row.receipt("openai:gpt-6", "a test")
    assert receipt.passes
    assert GPT.with_receipts([receipt]).is_open


def test_an_open_answer_is_no_error_and_the_twin_of_a_fact_is_one():
    facts = plant([], 10, 0)[1]
    model = scripted({facts[0].name: "?", facts[1].name: facts[1].twin})
    (row,) = measure_host(model, GPT, TEXTS, densities=[50.0], n_pages=1)
    assert (row.exact, row.abstained, row.silent) == (8, 1, 1)
    assert not row.receipt("gpt-6", "a test").passes


def test_an_answer_that_is_no_json_is_open():
    class Mute:
        def invoke(self, input: Any) -> Any:
            return AIMessage("I cannot read this {at all}.")

    (row,) = measure_host(Mute(), GPT, TEXTS, densities=[40.0], n_pages=1)
    assert (row.exact, row.abstained, row.silent, row.price) == (0, 10, 0, None)


def test_too_little_text_is_an_error():
    with pytest.raises(InputError, match="give more text"):
        measure_host(scripted(), GPT, ["short"])


def test_facts_stand_in_the_text_with_twins_that_differ():
    texts, facts = plant(["one", "two"], 10, 3)
    assert len(texts) == 22
    for fact in facts:
        assert set(fact.sentences) <= set(texts)
        assert fact.value != fact.twin
        assert len(fact.value) == len(fact.twin) or fact.value.isalpha()


def test_the_command_saves_receipts_that_open_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    own = tmp_path / "own" / "receipts.jsonl"
    monkeypatch.setenv(RECEIPTS_VARIABLE, str(own))
    monkeypatch.setattr(evaluations.hosts, "open_chat_model", lambda name: scripted())
    pages = tmp_path / "pages.jsonl"
    pages.write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    words = ["eval", "host", "--model", "openai:gpt-6", "--pages", str(pages)]
    with pytest.raises(SystemExit) as end:
        main([*words, "--densities", "50", "--n-pages", "1", "--save", "--json"])
    assert not end.value.code
    answer = json.loads(capsys.readouterr().out)
    assert answer["profile"] == "gpt-6"
    assert answer["rows"][0]["passes"]
    assert [receipt.model for receipt in read_receipts(own)] == ["gpt-6"]
    gpt = find_host("gpt-6")
    assert gpt is not None
    assert gpt.is_open


def test_the_command_hosts_lists_profiles_with_receipts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv(RECEIPTS_VARIABLE, str(tmp_path / "none.jsonl"))
    for words in (["hosts"], ["hosts", "--model", "claude-opus-5-5"], ["hosts", "--model", "x"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert not end.value.code
    assert "it gets text" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["hosts", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["claude-5"]["is_open"]
    assert not rows["gpt-6"]["is_open"]
    assert all(row["sources"] for row in rows.values())
