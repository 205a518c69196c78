"""Reading that does not loop: a ban within a window, checks of what came out, a ladder of attempts,
no garbage.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from support.scripted_decoder import START, Scribe, chain, write_scripted
from support.small_checkpoints import Stock

from optical_memory.errors import ReaderMismatch
from optical_memory.pages import Page
from optical_memory.readers.deepseek.families import UNLIMITED, V1
from optical_memory.readers.deepseek.reader import DeepseekReader
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.loop_guard import GuardedWitness, banned, failure
from optical_memory.readers.language.tokenizer import EOS, ocr_tokenizer
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.renderers.sans_grid import sans_grid
from optical_memory.tokens import VisualTokens
from optical_memory.turns import Turn

LOG = "2026-11-25 INFO worker: retried job, waiting"
NAMES = "\n".join(f"Mel: {LOG}" for _ in range(30))
"""What sends a decoder into loops: one name and one log line over and over."""


def page_of(text: str) -> Page:
    (page,) = PageRenderer(sans_grid(512, 85.0)).paginate([PlacedTurn(Turn("user", text), "t0", 0)])
    return page


def tokens_for(reader: DeepseekReader, rung: str = "tiny") -> VisualTokens:
    """Visual tokens of noise: a scripted decoder does not look at them."""
    values = (
        np.random.default_rng(0).normal(size=(V1.rung(rung).n_grid_tokens, 64)).astype(np.float32)
    )
    return VisualTokens(values, reader.profile.id, reader.profile.revision, rung)


# ---- the ban -------------------------------------------------------------------------------------


def plainly_banned(ids: list[int], guard: Guard) -> set[int]:
    """By the definition: a token is banned if with it some run within the window comes a second
    time.
    """
    window = ids[max(0, len(ids) - guard.window) :]
    runs = {tuple(window[i : i + guard.ngram]) for i in range(len(window) - guard.ngram + 1)}
    return {run[-1] for run in runs if list(run[:-1]) == ids[len(ids) - guard.ngram + 1 :]} - set(
        guard.allowed
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_ban_is_the_one_it_says_it_is(seed: int) -> None:
    rng = random.Random(seed)
    ids = [rng.randrange(4) for _ in range(rng.randrange(200))]
    guard = Guard(rng.choice([2, 3, 5]), rng.choice([5, 20, 90]), (1,))
    expected = plainly_banned(ids, guard) if len(ids) >= guard.ngram else set()
    assert banned(ids, guard) == expected


def test_a_run_outside_the_window_may_come_again() -> None:
    """Log lines repeat: a ban over the whole page would make the reader misread them."""
    ids = [1, 2, 3, *range(10, 60), 1, 2]
    assert banned(ids, Guard(3, 20, ())) == set()
    assert banned(ids, Guard(3, 100, ())) == {3}
    assert banned(ids, Guard(3, 100, (3,))) == set()


def test_one_ban_for_each_row_of_a_batch_and_the_probability_is_kept() -> None:
    witness = GuardedWitness([Guard(2, 10, ()), Guard(9, 10, ())])
    scores = witness(torch.tensor([[5, 6, 5], [5, 6, 5]]), torch.eye(8)[[6, 6]] * 3)
    assert scores[0, 6] == -torch.inf
    assert scores[1, 6] == 3
    likely = float(torch.softmax(torch.eye(8)[6] * 3, 0)[6])
    assert witness.p[1] == [pytest.approx(likely)]
    assert witness.p[0][0] < likely


# ---- what came out -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "ended", "said"),
    [
        (1000, True, None),
        (600, True, None),
        (1500, True, None),
        (1000, False, "did not end"),
        (300, True, "stopped early"),
        (2000, True, "too long"),
    ],
)
def test_a_reading_of_another_length_is_none(length: int, ended: bool, said: str | None) -> None:
    why = failure(Transcript("x" * length, np.ones(length, np.float32), ended), 1000)
    assert (why is None) if said is None else (why is not None and said in why)


# ---- models that loop ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def looping(tmp_path_factory: pytest.TempPathFactory) -> DeepseekReader:
    """A model that says one log line for ever, and ends only where it is stopped from going on."""
    folder = tmp_path_factory.mktemp("looping")
    ids = list(dict.fromkeys(ocr_tokenizer().encode("\n" + LOG, add_special_tokens=False).ids))
    follow = {a: (b, EOS) for a, b in zip(ids, ids[1:] + ids[:1], strict=True)}
    write_scripted(folder, V1, {START: (ids[0],)} | follow)
    return DeepseekReader(folder, dtype="float32")


def test_a_loop_ends_where_the_guard_says(looping: DeepseekReader) -> None:
    prefix = looping._received(tokens_for(looping))
    free, held = looping.decoder.transcribe(
        [
            Task(prefix, "\nFree OCR.", 400, Guard(500, 500)),
            Task(prefix, "\nFree OCR.", 400, Guard(30, 90)),
        ]
    )
    assert not free.ended
    assert free.text.count("worker") > 15
    assert held.ended
    assert 2 <= held.text.count("worker") <= 6


def test_a_page_that_cannot_be_read_is_unread_and_not_garbage(looping: DeepseekReader) -> None:
    page = page_of(NAMES)
    (reading,) = looping.decode([tokens_for(looping)], [page.layout])
    assert len(reading.text) == len(page.text)
    assert "worker" not in reading.text
    assert (reading.confidence[[c == "\ufffd" for c in reading.text]] == 0).all()


def test_stricter_guards_and_another_prompt_are_tried_in_turn(
    looping: DeepseekReader, monkeypatch: Any
) -> None:
    scribe = Scribe()
    monkeypatch.setitem(looping.__dict__, "decoder", scribe)
    looping.decode([tokens_for(looping)], [page_of(NAMES).layout])
    asked = [(task.prompt, task.guard) for task in scribe.asked]
    assert asked == [
        *((V1.prompts["plain"], g) for g in V1.guards),
        (V1.prompts["grounded"], V1.guards[0]),
    ]
    assert [guard.ngram for _, guard in asked[:3]] == sorted(
        (g.ngram for g in V1.guards), reverse=True
    )


def test_marks_that_stand_on_the_page_itself_are_read(
    looping: DeepseekReader, monkeypatch: Any
) -> None:
    marks = "<|ref|>x<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>"
    page = page_of(f"Here: <table><tr><td>one</td><td>two</td></tr></table> and {marks}")

    monkeypatch.setitem(looping.__dict__, "decoder", Scribe(page.text))
    assert looping.decode([tokens_for(looping)], [page.layout])[0].text == page.text


def test_only_the_pages_that_failed_are_read_again(
    looping: DeepseekReader, monkeypatch: Any
) -> None:
    page, asked = page_of("a line of text that is long enough to be read by somebody who reads"), []

    class Halting:
        def transcribe(self, tasks: list[Task]) -> list[Transcript]:
            asked.append(len(tasks))
            good = Transcript(page.text, np.ones(len(page.text), np.float32), True)
            bad = Transcript("", np.zeros(0, np.float32), False)
            return [good if i or len(asked) > 1 else bad for i in range(len(tasks))]

    monkeypatch.setitem(looping.__dict__, "decoder", Halting())
    readings = looping.decode([tokens_for(looping)] * 3, [page.layout] * 3)
    assert asked == [3, 1]
    assert [reading.text for reading in readings] == [page.text] * 3


# ---- drafts --------------------------------------------------------------------------------------

WORDS = (
    "the quick brown fox jumps over lazy dogs while seven wizards boil strong tea near an old mill"
)


@pytest.fixture(scope="module")
def reciting(tmp_path_factory: pytest.TempPathFactory) -> DeepseekReader:
    folder = tmp_path_factory.mktemp("reciting")
    write_scripted(folder, V1, chain(WORDS))
    return DeepseekReader(folder, dtype="float32")


@pytest.mark.parametrize(
    "draft",
    [
        WORDS,
        "",
        "something else entirely",
        WORDS.replace("lazy", "sleepy"),
        WORDS[30:],
        WORDS + " and more",
    ],
)
def test_any_draft_gives_the_greedy_text(reciting: DeepseekReader, draft: str) -> None:
    decoder: Any = reciting.decoder
    task = Task(reciting._received(tokens_for(reciting)), "\nFree OCR.", 60, Guard())
    greedy, drafted = decoder.transcribe([task])[0], decoder.transcribe_drafted(task, draft)
    assert greedy.text == WORDS
    assert (drafted.text, drafted.ended) == (greedy.text, greedy.ended)
    assert np.allclose(drafted.confidence, greedy.confidence, atol=1e-5)


def test_a_good_draft_saves_passes(reciting: DeepseekReader) -> None:
    decoder: Any = reciting.decoder
    task = Task(reciting._received(tokens_for(reciting)), "\nFree OCR.", 60, Guard())
    passes: list[int] = []
    hook = decoder.model.lm_head.register_forward_hook(lambda *_: passes.append(1))
    try:
        decoder.transcribe_drafted(task, WORDS)
        good = len(passes)
        decoder.transcribe([task])
    finally:
        hook.remove()
    assert good <= 3
    assert len(passes) - good > 15


def test_drafts_change_nothing_on_a_model_that_looks(stock: dict[str, Any]) -> None:
    """On a random model the text depends on every token seen; the guard bites here too."""
    reader = DeepseekReader(stock[V1.id][0], dtype="float32")
    decoder: Any = reader.decoder
    task = Task(reader._received(tokens_for(reader)), "\nFree OCR.", 80, Guard(3, 40, ()))
    greedy = decoder.transcribe([task])[0]
    for draft in (
        greedy.text,
        greedy.text[: len(greedy.text) // 2] + " no " + greedy.text[len(greedy.text) // 2 :],
    ):
        assert decoder.transcribe_drafted(task, draft).text == greedy.text


# ---- many pages in one prompt --------------------------------------------------------------------


def tokens_of(reader: DeepseekReader, rung: str) -> VisualTokens:
    values = np.zeros((UNLIMITED.rung(rung).n_grid_tokens, 64), np.float32)
    return VisualTokens(values, reader.profile.id, reader.profile.revision, rung)


def test_unlimited_ocr_reads_several_pages_in_one_prompt(stock: dict[str, Stock]) -> None:
    pages = [
        page_of(f"page number {name} tells of things that were said some time ago")
        for name in ("one", "two")
    ]
    scribe = Scribe("".join(f"<PAGE>{page.text}\n" for page in pages))
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    readings = reader.decode_together(
        [tokens_of(reader, "base")] * 2, [page.layout for page in pages]
    )
    assert [reading.text for reading in readings] == [page.text for page in pages]
    (task,) = scribe.asked
    assert (len(task.tokens), task.prompt, task.guard.window) == (
        2 * 273,
        "Multi page parsing.",
        1024,
    )


SAME = page_of("the same page twice, with enough words on it to be a reading")


def test_a_count_of_pages_that_is_wrong_means_one_by_one(stock: dict[str, Stock]) -> None:
    scribe = Scribe(SAME.text)
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    readings = reader.decode_together([tokens_of(reader, "base")] * 2, [SAME.layout] * 2)
    assert [reading.text for reading in readings] == [SAME.text] * 2
    assert [task.prompt for task in scribe.asked] == [
        "Multi page parsing.",
        *["document parsing."] * 2,
    ]


def test_as_many_pages_go_in_one_prompt_as_the_decoder_has_room_for(
    stock: dict[str, Stock],
) -> None:
    scribe = Scribe(ended=False)
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    reader.decode_together([tokens_of(reader, "gundam-4x8")] * 10, [SAME.layout] * 10, pages=12)
    together = [task for task in scribe.asked if task.prompt == "Multi page parsing."]
    assert [len(task.tokens) // UNLIMITED.rung("gundam-4x8").n_tokens for task in together] == [8, 2]
    assert all(task.limit > 0 for task in together)


def test_a_memory_reads_every_page_by_itself(stock: dict[str, Stock]) -> None:
    """As it was certified: in company a page might be read otherwise."""
    scribe = Scribe(SAME.text)
    reader = DeepseekReader(stock[UNLIMITED.id][0], decoder=scribe)
    reader.decode([tokens_of(reader, "base")] * 3, [SAME.layout] * 3)
    assert [task.prompt for task in scribe.asked] == ["document parsing."] * 3


# ---- questions of other kinds --------------------------------------------------------------------


def test_where_words_stand_is_told_in_pixels(stock: dict[str, Stock]) -> None:
    scribe = Scribe("<|ref|>gate<|/ref|><|det|>[[12, 34, 567, 890]]<|/det|>")
    reader = DeepseekReader(stock[V1.id][0], decoder=scribe)
    (found,) = reader.locate(tokens_for(reader), "gate")
    (box,) = found.boxes
    assert found.label == "gate"
    assert (box.left, box.top, box.right, box.bottom) == (6, 17, 290, 456)
    assert scribe.asked[0].prompt == "\nLocate <|ref|>gate<|/ref|> in the image."


def test_a_family_without_grounding_says_so(stock: dict[str, Stock]) -> None:
    reader = DeepseekReader(stock[UNLIMITED.id][0])
    with pytest.raises(ReaderMismatch, match="not trained to ground"):
        reader.locate(tokens_of(reader, "base"), "gate")
