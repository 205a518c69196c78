"""Questions with evidence, from files of LoCoMo, LongMemEval and BEAM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.question_files import beam_folder, locomo_file, longmemeval_file

from optical_memory.errors import InputError
from optical_memory.measure.finding.question_sets import read_question_sets

# ---- LoCoMo --------------------------------------------------------------------------------------


def test_locomo_questions_name_their_kind_and_their_turns(tmp_path: Path) -> None:
    [questions] = read_question_sets(locomo_file(tmp_path))

    assert len(questions.questions) == 6
    first = questions.questions[0]
    assert (first.text, first.kind) == ("At which gate is the harbour?", "single-hop")
    assert first.turn_ids == ("D2:2",)
    assert questions.sessions["D3:12"] == "D3"


def test_questions_that_cannot_be_judged_are_counted(tmp_path: Path) -> None:
    [questions] = read_question_sets(locomo_file(tmp_path))
    assert questions.n_left_out == {"adversarial": 1, "no evidence": 1}


@pytest.mark.parametrize(
    ("evidence", "turns"),
    [
        (["D1:2; D2:4"], ("D1:2", "D2:4")),
        (["D:1:2"], ("D1:2",)),
        (["D1:02", "D1:2"], ("D1:2",)),
        (["D1:2 D3:4", "D"], ("D1:2", "D3:4")),
        (["D1:2", "D99:1"], ("D1:2",)),
    ],
)
def test_malformed_evidence_of_locomo_is_understood(
    tmp_path: Path, evidence: list[str], turns: tuple[str, ...]
) -> None:
    qa = [{"question": "Where?", "evidence": evidence, "category": 1}]
    [questions] = read_question_sets(locomo_file(tmp_path, qa))

    [question] = questions.questions
    assert (question.kind, question.turn_ids) == ("multi-hop", turns)


@pytest.mark.parametrize("evidence", [["D"], ["D99:1"], [], None])
def test_a_question_without_a_turn_that_is_there_is_left_out(
    tmp_path: Path, evidence: list[str] | None
) -> None:
    qa = [{"question": "Where?", "evidence": evidence, "category": 1}]
    [questions] = read_question_sets(locomo_file(tmp_path, qa))
    assert (questions.questions, questions.n_left_out) == ((), {"no evidence": 1})


def test_turns_that_are_only_a_picture_do_not_count_as_evidence(tmp_path: Path) -> None:
    qa = [
        {"question": "Which picture?", "evidence": ["D1:1"], "category": 1},
        {"question": "Which gate?", "evidence": ["D1:1", "D1:2"], "category": 1},
    ]
    file = locomo_file(tmp_path, qa)
    items = json.loads(file.read_text(encoding="utf-8"))
    items[0]["conversation"]["session_1"][0].update(text=" ", img_url=["a.png"])
    file.write_text(json.dumps(items), encoding="utf-8")
    [questions] = read_question_sets(file)

    assert questions.n_left_out == {"only a picture": 1}
    assert [question.turn_ids for question in questions.questions] == [("D1:2",)]


def test_the_questions_of_locomo_at_hand_are_all_there(data_dir: Path) -> None:
    sets = read_question_sets(data_dir / "eval" / "locomo_dev3_corrected.json")

    assert [len(questions.questions) for questions in sets] == [150, 81, 152]
    assert sum(questions.n_left_out["adversarial"] for questions in sets) == 112


# ---- LongMemEval ---------------------------------------------------------------------------------


def test_longmemeval_marks_its_evidence_in_the_turns(tmp_path: Path) -> None:
    questions, abstention = read_question_sets(longmemeval_file(tmp_path))

    [question] = questions.questions
    assert (question.text, question.kind) == ("How is my cat called?", "single-session-user")
    assert question.turn_ids == ("a_1", "b_1~2")
    assert questions.sessions == {"a_1": "a", "b_1": "b", "b_2": "b", "b_1~2": "b"}
    assert abstention.n_left_out == {"adversarial": 1}


# ---- BEAM ----------------------------------------------------------------------------------------


def test_a_folder_of_beam_gives_its_chats_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    sets = read_question_sets(beam_folder(tmp_path))

    assert [questions.conversation.id for questions in sets] == ["2", "10"]
    assert [question.turn_ids for question in sets[0].questions] == [("2",)]
    assert sets[0].n_left_out == {"adversarial": 1}
    assert sets[0].sessions["3"] == "batch 1"
    assert sets[0].sessions["4"] == "batch 2"
    chat = tmp_path / "beam" / "10" / "chat.json"
    assert read_question_sets(chat)[0].conversation.id == "10"


@pytest.mark.parametrize(
    "source",
    [
        [2, 4],
        [[2], 4],
        {"first_statement": [2], "second_statement": [4]},
        {"first_event": 2, "second_event": [[4]]},
        "[2, 4]",
        ["chat_id: 2", "chat_id: 4"],
        [2, 4, 2, None, 999],
    ],
)
def test_source_ids_of_beam_may_have_any_shape(tmp_path: Path, source: Any) -> None:
    questions, _ = read_question_sets(beam_folder(tmp_path, {"temporal_reasoning": source}))
    assert [question.turn_ids for question in questions.questions] == [("2", "4")]


def test_the_chats_of_beam_at_hand_have_their_evidence(data_dir: Path) -> None:
    sets = read_question_sets(data_dir / "eval" / "beam_100K")

    assert len(sets) == 10
    assert sum(len(questions.questions) for questions in sets) == 179


# ---- other files ---------------------------------------------------------------------------------


def test_a_file_without_questions_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "chat.jsonl"
    file.write_text('{"role": "user", "content": "hello"}', encoding="utf-8")

    with pytest.raises(InputError, match=r"chat\.jsonl: no questions with evidence"):
        read_question_sets(file)
    with pytest.raises(InputError, match=r"no chat\.json in this folder"):
        read_question_sets(tmp_path)


def test_a_chat_without_its_questions_is_refused(tmp_path: Path) -> None:
    folder = beam_folder(tmp_path)
    (folder / "2" / "probing_questions" / "probing_questions.json").unlink()

    with pytest.raises(InputError, match="probing_questions"):
        read_question_sets(folder)
