"""Tool calls stay with the results that answer them, in every format of messages."""

from __future__ import annotations

from optical_memory.recall.window.groups import group_calls
from optical_memory.turns import ToolCall, Turn


def call(*ids: str | None) -> Turn:
    return Turn("assistant", "", tool_calls=tuple(ToolCall("look", id=id) for id in ids))


def answer(id: str | None = None) -> Turn:
    return Turn("tool", "done", tool_call_id=id)


def groups(*turns: Turn) -> list[list[int]]:
    return group_calls([[turn] for turn in turns])


def test_nothing_gives_no_group() -> None:
    assert groups() == []


def test_a_call_stays_with_all_its_results_and_with_nothing_else() -> None:
    turns = [Turn("user", "do"), call("a", "b"), answer("a"), answer("b"), Turn("user", "and?")]
    assert groups(*turns) == [[0], [1, 2, 3], [4]]


def test_a_result_of_another_call_is_a_group_by_itself() -> None:
    assert groups(answer("a"), call("b"), answer("c")) == [[0], [1], [2]]


def test_without_an_id_a_result_belongs_to_the_calls_before_it() -> None:
    assert groups(call(None), answer(), call("a"), answer()) == [[0, 1], [2, 3]]
    assert groups(call(None), answer("a")) == [[0, 1]]
    assert groups(Turn("user", "do"), answer()) == [[0], [1]]


def test_results_do_not_reach_over_another_turn() -> None:
    assert groups(call("a"), Turn("user", "wait"), answer("a")) == [[0], [1], [2]]


def test_a_message_that_holds_results_and_words_stays_with_the_call() -> None:
    result_and_words = [answer("a"), Turn("user", "and now?")]
    assert group_calls([[Turn("user", "do")], [call("a")], result_and_words]) == [[0], [1, 2]]
