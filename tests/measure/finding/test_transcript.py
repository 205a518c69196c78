"""A conversation as the baselines write it, and what it costs."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from optical_memory import Turn
from optical_memory.counting import count_tokens
from optical_memory.measure.finding.transcript import Transcript, plain_text
from optical_memory.turns import Attachment, ToolCall

DAYS = [datetime(2023, 5, day, 13, 56, tzinfo=UTC) for day in (8, 8, 9)]
TURNS = [
    Turn("user", "Where is the key?", name="Ann", when=DAYS[0], id="a"),
    Turn("assistant", "Under the mat.", name="Ben", when=DAYS[1], id="b"),
    Turn("user", "Thank you.", when=DAYS[2], id="c"),
]


def test_it_says_who_spoke_and_on_which_day() -> None:
    window = Transcript(TURNS).fill([2, 0, 1], 1_000)

    first_day = "[8 May 2023]\nAnn: Where is the key?\nBen: Under the mat.\n"
    assert window.texts == (f"{first_day}[9 May 2023]\nuser: Thank you.\n",)
    assert window.n_tokens == count_tokens(window.texts[0])


def test_the_first_numbers_come_first_and_what_does_not_fit_is_left_out() -> None:
    transcript = Transcript(TURNS)
    cost_of_two = transcript.fill([2, 1], 1_000).n_tokens

    window = transcript.fill([2, 0, 1], cost_of_two)
    assert window.n_tokens <= cost_of_two
    assert "Thank you" in window.texts[0]
    assert transcript.fill([0, 1, 2], 0).texts == ()


def test_without_times_there_are_no_days() -> None:
    window = Transcript([Turn("user", "hello")]).fill([0], 100)
    assert window.texts == ("user: hello\n",)


def test_a_budget_is_a_share_of_the_words_alone() -> None:
    assert Transcript(TURNS).n_tokens == sum(count_tokens(turn.text) for turn in TURNS)


def test_pictures_are_their_captions_and_calls_are_text() -> None:
    picture = Attachment("image", "https://example.org/a-very-long-address.png", "two cats")
    file = Attachment("file", "plan.pdf")
    turn = Turn("user", "look", tool_calls=(ToolCall("find"),), attachments=(picture, file))
    assert plain_text(turn) == "look\n=> find({})\n[image: two cats]"


@given(
    texts=st.lists(st.text(max_size=40), min_size=1, max_size=12),
    order=st.permutations(range(12)),
    budget=st.integers(0, 120),
)
def test_a_window_is_never_above_its_budget(
    texts: list[str], order: list[int], budget: int
) -> None:
    turns = [Turn("user", text, when=DAYS[i % 3]) for i, text in enumerate(texts)]
    window = Transcript(turns).fill([i for i in order if i < len(turns)], budget)

    assert window.n_tokens <= budget
    assert sum(map(count_tokens, window.texts)) <= window.n_tokens
