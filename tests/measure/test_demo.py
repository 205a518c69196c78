"""The demo: its table is measured, its questions are fair, its report stands alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from optical_memory.cli.demo_output import bands, file_name, rows, summary, write
from optical_memory.loaders import Conversation, example, load
from optical_memory.measure.demo import Settings, run
from optical_memory.measure.demo_capacity import capacity_for_every_rung
from optical_memory.measure.demo_report import segments
from optical_memory.measure.demo_result import Demo
from optical_memory.measure.questions import BLANK, bundled_questions, make_questions
from optical_memory.measure.watched_reader import vision_calls
from optical_memory.readers.base import Reader
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.recall.recollection import Recollection
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.forgetting.plan import plan
from optical_memory.session.forgetting.policy import ForgettingPolicy, PageState
from optical_memory.spans import Span
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.turns import Turn

MISREAD = {"base": 0.02, "small": 0.1, "tiny": 0.3}


def demo(conversation: Conversation, **settings: Any) -> Demo:
    questions = bundled_questions() if conversation.id == example().id else None
    return run(conversation, questions, TemplateReader(misread=MISREAD), Settings(**settings))


@pytest.fixture(scope="module")
def faded_demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The bundled conversation's first pages on a private Valkey server."""
    return demo(example(), pages=20, questions=4)


def test_every_rung_shows_and_what_is_older_is_read_worse(faded_demo: Demo) -> None:
    table = {band.rung: band for band in bands(faded_demo)}

    assert set(table) >= {"large", "base", "small", "tiny"}
    ages = [table[name].youngest for name in ("large", "base", "small", "tiny")]
    assert ages == sorted(ages)
    accuracies = [table[name].recalled or 0.0 for name in ("large", "base", "small", "tiny")]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > 0.999


def test_the_table_counts_every_page_once(faded_demo: Demo) -> None:
    n_pages = len(faded_demo.pages)

    assert sum(band.pages for band in bands(faded_demo)) == n_pages > 0
    assert sorted(page.age for page in faded_demo.pages) == list(range(1, n_pages + 1))


def test_exact_facts_make_recall_better_than_the_reader_alone(faded_demo: Demo) -> None:
    tiny = next(band for band in bands(faded_demo) if band.rung == "tiny")

    assert tiny.alone is not None
    assert tiny.recalled is not None
    assert tiny.recalled > tiny.alone
    assert 0.5 < tiny.alone < 0.95  # three signs in ten are misread, blanks are not


def test_the_capacity_holds(faded_demo: Demo) -> None:
    assert sum(page.visual_tokens for page in faded_demo.pages) <= faded_demo.capacity


def test_a_restarted_server_reads_every_page_the_same(faded_demo: Demo) -> None:
    restart = faded_demo.restart
    n_legible = sum(page.recollection is not None for page in faded_demo.pages)

    assert restart.store == "unix"
    assert restart.equal == restart.pages == n_legible
    assert restart.dropped_equal == restart.dropped > 0


def test_bundled_questions_are_asked_of_remembered_turns_only(faded_demo: Demo) -> None:
    ids = {turn.id for turn in example().turns[: faded_demo.n_turns]}
    questions = {question.question: question for question in bundled_questions()}

    assert 0 < len(faded_demo.answers) <= 4
    assert all(questions[answer.question].turn_id in ids for answer in faded_demo.answers)


def test_an_answer_that_recall_has_says_its_rank_its_rung_and_how_sure_it_is(
    faded_demo: Demo,
) -> None:
    right = [answer for answer in faded_demo.answers if answer.rank is not None]
    wrong = [answer for answer in faded_demo.answers if answer.rank is None]

    assert right
    for answer in right:
        assert answer.rank in (1, 2, 3)
        assert answer.rung in ("open", "text", "stub", *faded_demo.ladder.names)
        assert answer.status in ("original", "verified", "reconstructed")
        assert answer.p is not None
        assert 0 < answer.p <= 1
    for answer in wrong:
        assert (answer.rung, answer.status, answer.p) == (None, None, None)


def test_the_report_is_one_file_with_the_table_the_pictures_and_marked_differences(
    faded_demo: Demo, tmp_path: Path
) -> None:
    write(faded_demo, tmp_path, "template@1")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert (tmp_path / "contact-sheet.png").read_bytes().startswith(b"\x89PNG")
    assert not re.findall(r'(?:src|href)="(?!data:)', html)
    assert html.count("data:image/png;base64,") == 1 + len(SMALL_LADDER)
    assert 'class="reconstructed wrong" title="' in html
    assert "template@1" in html


def test_text_of_a_conversation_cannot_become_markup_of_the_report(tmp_path: Path) -> None:
    turns = tuple(
        Turn("user", f"{i} <script>alert(1)</script> and nothing else of note") for i in range(60)
    )
    write(demo(Conversation("x<y", turns), store=_sqlite(tmp_path), questions=1), tmp_path, "r")

    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "x&lt;y" in html


def test_a_conversation_too_short_for_a_page_is_shown_as_text(tmp_path: Path) -> None:
    short = demo(
        Conversation("short", (Turn("user", "hello"), Turn("assistant", "hello"))),
        store=_sqlite(tmp_path),
    )
    write(short, tmp_path, "r")

    assert (short.n_turns, short.n_open_turns, short.pages) == (2, 2, ())
    assert rows(short) == []
    assert summary(short)["restart"]["pages"] == 0
    assert not (tmp_path / "contact-sheet.png").exists()


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'memory.db'}"


@pytest.mark.parametrize("file", ["locomo_dev3.json", "tau_gpt4o_airline.json"])
def test_other_conversations_go_the_same_way(data_dir: Path, file: str, tmp_path: Path) -> None:
    conversation = load(data_dir / "eval" / file)[0]
    result = demo(conversation, store=_sqlite(tmp_path), pages=12, questions=5)

    assert result.restart.equal == result.restart.pages > 0
    assert any(answer.rank for answer in result.answers)


# ---- its parts -----------------------------------------------------------------------------------


def test_a_made_question_hides_a_fact_that_occurs_once() -> None:
    texts = [
        "The code is AB-1234-X, and the date 2026-03-04 is said twice: 2026-03-04.",
        "Call +46 31 555 01 74, please.",
    ]
    questions = make_questions(texts, 10)

    assert {question.answer for question in questions} == {"AB-1234-X", "+46 31 555 01 74"}
    for question in questions:
        assert BLANK in question.question
        assert question.answer not in question.question


def test_made_questions_are_the_same_for_the_same_seed() -> None:
    text = " ".join(f"Item {i} has the code XK-{i}{i}-Q." for i in range(100, 160))

    assert make_questions([text], 5, seed=3) == make_questions([text], 5, seed=3)
    assert make_questions([text], 5, seed=3) != make_questions([text], 5, seed=4)


@pytest.mark.parametrize("reader", [TemplateReader(), PocketReader()], ids=["template", "pocket"])
def test_the_capacity_that_the_demo_chooses_shows_all_rungs_and_leaves_no_page_below_the_ladder(
    reader: Reader,
) -> None:
    ladder = reader.profile.ladder
    agreements = dict.fromkeys(ladder.names, 1.0)
    finest = ladder[0]
    policy = ForgettingPolicy()
    pages = [PageState(f"{i:07d}", i, finest.name, agreements) for i in range(20)]
    capacity = capacity_for_every_rung(pages, policy, ladder)

    assert ladder[-1].n_tokens * 20 < capacity < finest.n_tokens * 20
    rungs = {page.page: page.rung for page in pages}
    rungs |= {step.page: step.rung for step in plan(pages, capacity, policy, ladder)}
    assert set(rungs.values()) == set(ladder.names)


def test_a_difference_carries_the_original() -> None:
    spans = (Span(0, 2, "verified", 1), Span(2, 4, "reconstructed", 0.4))
    recollection = Recollection("0", "abXd", spans, "tiny", 0, 1, ())

    parts = [(part.text, part.status, part.original) for part in segments(recollection, "abcd")]

    assert parts == [
        ("ab", "verified", None),
        ("X", "reconstructed", "c"),
        ("d", "reconstructed", None),
    ]


def test_a_folder_can_be_named_after_any_conversation() -> None:
    assert file_name("../../etc: a/b") == "etc-a-b"
    assert file_name("…") == "conversation"


def test_a_vision_tower_is_seen_when_it_runs_and_only_then() -> None:
    reader = PocketReader()
    page = PageRenderer().paginate([PlacedTurn(Turn("user", "short"), "t", 0)])[0]

    with vision_calls() as calls:
        tokens = reader.encode([PageRenderer().draw(page, 512)], reader.profile.rung("tiny"))
    assert len(calls) == 1
    with vision_calls() as calls:
        reader.decode(tokens, [page.layout])
    assert calls == []


def test_progress_tells_every_step_to_its_end(tmp_path: Path) -> None:
    ends: dict[str, tuple[int, int]] = {}

    def note(step: str, n_done: int, n_total: int) -> None:
        ends[step] = (n_done, n_total)

    turns = tuple(Turn("user", f"Parcel PX-{700 + i} waits at gate {i}.") for i in range(60))
    settings = Settings(store=_sqlite(tmp_path), questions=2)
    run(Conversation("parcels", turns), None, TemplateReader(), settings, note)

    ends.pop("Certifying pages", None)  # told only while `flush` waits
    assert list(ends) == ["Remembering", "Reading pages", "Asking", "Reading again"]
    assert all(n_done == n_total > 0 for n_done, n_total in ends.values())
