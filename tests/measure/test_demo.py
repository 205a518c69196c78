"""The demo: its table is measured against the originals, its questions are fair, its report stands
alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.progress import Progress

from optical_memory.cli.demo_output import bands, file_name, rows, summary, write
from optical_memory.loaders import Conversation, example, load
from optical_memory.measure.demo import Demo, Settings, run, spread
from optical_memory.measure.demo_report import segments
from optical_memory.measure.questions import BLANK, made_questions, planted_questions
from optical_memory.measure.watched_reader import vision_calls
from optical_memory.readers.base import Reader
from optical_memory.readers.pocket.reader import PocketReader
from optical_memory.recall.recollection import Recollection
from optical_memory.renderers import PageRenderer, PlacedTurn
from optical_memory.session.policy import ForgettingPolicy, PageState, plan
from optical_memory.spans import Span
from optical_memory.testing import SMALL_LADDER, TemplateReader
from optical_memory.turns import Turn

MISREAD = {"base": 0.02, "small": 0.1, "tiny": 0.3}


def demo(conversation: Conversation, **settings: object) -> Demo:
    planted = planted_questions() if conversation.id == example().id else None
    reader = TemplateReader(misread=MISREAD)
    return run(conversation, planted, reader, Settings(**settings), Progress(disable=True))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The bundled conversation's first pages on a private Valkey server."""
    return demo(example(), pages=20, questions=4)


def test_every_rung_shows_and_what_is_older_is_read_worse(shown: Demo) -> None:
    table = {band.rung: band for band in bands(shown)}

    assert set(table) >= {"large", "base", "small", "tiny"}
    ages = [table[name].youngest for name in ("large", "base", "small", "tiny")]
    assert ages == sorted(ages)
    recalled = [table[name].recalled or 0.0 for name in ("large", "base", "small", "tiny")]
    assert recalled == sorted(recalled, reverse=True)
    assert recalled[0] > 0.999


def test_the_table_counts_every_page_once(shown: Demo) -> None:
    assert sum(band.pages for band in bands(shown)) == len(shown.pages)
    assert sorted(page.age for page in shown.pages) == list(range(1, len(shown.pages) + 1))


def test_exact_facts_make_recall_better_than_the_reader_alone(shown: Demo) -> None:
    tiny = next(band for band in bands(shown) if band.rung == "tiny")

    assert tiny.alone is not None
    assert tiny.recalled is not None
    assert tiny.recalled > tiny.alone
    assert 0.5 < tiny.alone < 0.95  # three signs in ten are misread, blanks are not


def test_the_capacity_holds(shown: Demo) -> None:
    assert sum(page.visual_tokens for page in shown.pages) <= shown.capacity


def test_a_restarted_server_reads_every_page_the_same(shown: Demo) -> None:
    restart = shown.restart

    assert restart.store == "unix"
    assert restart.equal == restart.pages == sum(page.found is not None for page in shown.pages)
    assert restart.dropped_equal == restart.dropped > 0


def test_planted_questions_are_asked_of_remembered_turns_only(shown: Demo) -> None:
    remembered = {turn.id for turn in example().turns[: shown.turns]}
    questions = {q.question: q for q in planted_questions()}

    assert 0 < len(shown.asked) <= 4
    assert all(questions[a.question].turn_id in remembered for a in shown.asked)


def test_an_answer_that_is_found_says_how_sure_it_is(shown: Demo) -> None:
    for asked in shown.asked:
        assert (asked.rank is None) == (asked.status is None) == (asked.p is None)


def test_the_report_is_one_file_with_the_table_the_pictures_and_marked_differences(
    shown: Demo, tmp_path: Path
) -> None:
    write(shown, tmp_path, "template@1")
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
    write(
        demo(Conversation("x<y", turns), store=f"sqlite:///{tmp_path / 'memory.db'}", questions=1),
        tmp_path,
        "r",
    )

    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "x&lt;y" in html


def test_a_conversation_too_short_for_a_page_is_shown_as_text(tmp_path: Path) -> None:
    short = demo(
        Conversation("short", (Turn("user", "hello"), Turn("assistant", "hello"))),
        store=_sqlite(tmp_path),
    )
    write(short, tmp_path, "r")

    assert (short.turns, short.open_turns, short.pages) == (2, 2, ())
    assert rows(short) == []
    assert summary(short)["restart"]["pages"] == 0
    assert not (tmp_path / "contact-sheet.png").exists()


def _sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'memory.db'}"


@pytest.mark.parametrize("file", ["locomo_dev3.json", "tau_gpt4o_airline.json"])
def test_other_conversations_go_down_the_same_road(
    data_dir: Path, file: str, tmp_path: Path
) -> None:
    done = demo(load(data_dir / "eval" / file)[0], store=_sqlite(tmp_path), pages=12, questions=5)

    assert done.restart.equal == done.restart.pages > 0
    assert any(asked.rank for asked in done.asked)


# ---- its parts -----------------------------------------------------------------------------------


def test_a_made_question_hides_a_fact_that_occurs_once() -> None:
    texts = [
        "The code is AB-1234-X, and the date 2026-03-04 is said twice: 2026-03-04.",
        "Call +46 31 555 01 74, please.",
    ]
    questions = made_questions(texts, 10)

    assert {question.answer for question in questions} == {"AB-1234-X", "+46 31 555 01 74"}
    for question in questions:
        assert BLANK in question.question
        assert question.answer not in question.question


def test_made_questions_are_the_same_for_the_same_seed() -> None:
    text = " ".join(f"Item {i} has the code XK-{i}{i}-Q." for i in range(100, 160))

    assert made_questions([text], 5, seed=3) == made_questions([text], 5, seed=3)
    assert made_questions([text], 5, seed=3) != made_questions([text], 5, seed=4)


@pytest.mark.parametrize("reader", [TemplateReader(), PocketReader()], ids=["template", "pocket"])
def test_the_chosen_capacity_leaves_no_page_below_the_ladder_where_all_rungs_can_show(
    reader: Reader,
) -> None:
    profile, policy = reader.profile, ForgettingPolicy()
    agreement = {rung.name: 1.0 for rung in profile.ladder}
    pages = [PageState(f"{i:07d}", i, profile.ladder[0].name, agreement) for i in range(20)]
    capacity = spread(pages, policy, profile)

    assert profile.ladder[-1].n_tokens * 20 < capacity < profile.ladder[0].n_tokens * 20
    faded = {page.page: page.rung for page in pages} | {
        step.page: step.rung for step in plan(pages, capacity, policy, profile.ladder)
    }
    assert set(faded.values()) == {rung.name for rung in profile.ladder}


def test_a_difference_carries_what_stood_there() -> None:
    found = Recollection(
        "0", "abXd", (Span(0, 2, "verified", 1), Span(2, 4, "reconstructed", 0.4)), "tiny", 0, 1, ()
    )

    cut = [(s.text, s.status, s.original) for s in segments(found, "abcd")]

    assert cut == [
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

    with vision_calls() as looks:
        tokens = reader.encode([PageRenderer().draw(page, 512)], reader.profile.rung("tiny"))
    assert len(looks) == 1
    with vision_calls() as looks:
        reader.decode(tokens, [page.layout])
    assert looks == []
