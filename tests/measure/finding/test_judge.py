"""Whether a turn stands in a window: word for word, misread in places, in pieces, or not at all."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from optical_memory.measure.finding.judge import Presence, WindowText

TURN = (
    "We met at the old harbour office at seven o'clock, and the pilot said that the gate code had "
    "changed to 4417 since the storm took the old keypad off the wall."
)
OTHER = "The bakery on the corner sells rye bread on Tuesdays and nothing else all week long."
WHOLE = Presence(is_handed_over=True, is_legible=True, is_touched=True)
ABSENT = Presence(is_handed_over=False, is_legible=False, is_touched=False)


def test_a_turn_that_stands_word_for_word_is_there() -> None:
    assert WindowText([f"Ann: {OTHER}\nBen: {TURN}\n"]).presence(TURN) == WHOLE


def test_line_ends_and_blanks_do_not_matter() -> None:
    broken = TURN.replace(" ", "\n    ", 5)
    assert WindowText([f"Ben: {broken}"]).presence(TURN) == WHOLE


def test_a_turn_that_is_not_there_is_not() -> None:
    assert WindowText([OTHER, "Hello."]).presence(TURN) == ABSENT
    assert WindowText([]).presence(TURN) == ABSENT


def test_a_turn_without_words_is_nowhere() -> None:
    assert WindowText([TURN]).presence(" \n") == ABSENT


def test_a_misread_word_in_twenty_is_allowed() -> None:
    text = WindowText([OTHER, TURN.replace("harbour", "harb0ur"), OTHER])
    assert text.presence(TURN) == WHOLE


def test_misread_characters_count_by_word_and_by_character() -> None:
    misread = TURN.replace("a", "e")  # 15 words, yet few characters
    presence = WindowText([OTHER, misread]).presence(TURN)
    assert (presence.is_handed_over, presence.is_legible) == (False, False)

    one_letter_of_a_few_words = TURN.replace("storm", "sterm").replace("wall", "well")
    presence = WindowText([one_letter_of_a_few_words.replace("pilot", "pilat")]).presence(TURN)
    assert (presence.is_handed_over, presence.is_legible) == (False, True)


def test_half_a_turn_is_only_touched() -> None:
    half = TURN[: TURN.index(" and the pilot")]
    assert WindowText([half]).presence(TURN) == Presence(
        is_handed_over=False, is_legible=False, is_touched=True
    )


def test_pieces_in_different_texts_do_not_make_a_turn() -> None:
    middle = TURN.index(" and the pilot")
    presence = WindowText([TURN[:middle], TURN[middle:]]).presence(TURN)
    assert not presence.is_handed_over or presence.is_touched  # one word between them is allowed
    far = WindowText([TURN[:middle], *[OTHER] * 4, TURN[middle:]]).presence(TURN)
    assert (far.is_handed_over, far.is_touched) == (False, True)


def test_the_words_in_another_order_are_another_text() -> None:
    words = TURN.split()
    random.Random(0).shuffle(words)
    assert not WindowText([" ".join(words)]).presence(TURN).is_handed_over


def test_the_mark_of_a_doubtful_word_is_not_part_of_it() -> None:
    marked = TURN.replace("4417", "[4417?]").replace("pilot", "[pilot?]")
    assert WindowText([marked]).presence(TURN) == WHOLE


def test_chinese_is_compared_by_characters() -> None:
    turn = "我上个月在图书馆借了一本关于鲸鱼的书,还没有看完,下周要还给他们。"
    assert WindowText([f"用户: {turn} 好的"]).presence(turn) == WHOLE
    misread = turn.replace("鲸", "鲤")
    assert WindowText([misread]).presence(turn).is_handed_over
    assert not WindowText([turn[: len(turn) // 2]]).presence(turn).is_handed_over


def test_a_short_turn_must_be_there_as_a_whole() -> None:
    assert WindowText(["Ben: Yes, I do!"]).presence("Yes, I do!") == WHOLE
    assert WindowText(["Ben: Yes, I can!"]).presence("Yes, I do!") == ABSENT


WORDS = st.lists(st.sampled_from(["the", "a", "code", "of", "gate", "is", "seven", "4417"]))


@given(words=WORDS.filter(bool), before=WORDS)
def test_what_was_handed_over_is_always_found(words: list[str], before: list[str]) -> None:
    turn = " ".join(words)
    assert WindowText([" ".join([*before, *words])]).presence(turn) == WHOLE


def test_a_long_turn_with_misread_words_is_found_in_a_long_window() -> None:
    words = [f"word{i % 700}" for i in range(2_000)]
    misread = [f"{word}x" if i % 40 == 0 else word for i, word in enumerate(words)]
    window = WindowText([" ".join(words[1::2]), " ".join(["Ben:", *misread]), OTHER])

    assert window.presence(" ".join(words)) == WHOLE
