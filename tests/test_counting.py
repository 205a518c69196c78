"""Token counts are exact, and prices of pictures are those that providers publish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optical_memory.counting import (
    IMAGE_PRICES,
    LineCounter,
    count_batch,
    count_tokens,
    count_up_to,
    image_tokens,
)
from optical_memory.errors import InputError


def test_the_official_prompts_have_their_published_lengths() -> None:
    # ids published with DeepSeek-OCR: [201, 21431, 126041, 16] and [34030, 76466, 16]
    assert count_tokens("\nFree OCR.") == 4
    assert count_tokens("document parsing.") == 3


def test_spaces_and_newlines_are_not_lost() -> None:
    assert count_tokens("a b") < count_tokens("a  \n\n \t b")
    assert count_tokens("\n") == 1
    assert count_tokens("") == 0


def test_a_batch_counts_like_one_by_one() -> None:
    texts = ["hello world", "", "你好，世界", "x = {'a': 1}\n" * 50, "🦊"]
    assert count_batch(texts) == [count_tokens(text) for text in texts]


def test_english_prose_is_four_to_five_characters_a_token() -> None:
    sentence = "The old man went down to the harbour to see whether the boats had come back. "
    text = sentence * 20
    assert 3.8 < len(text) / count_tokens(text) < 5.5


def test_a_lone_surrogate_can_be_counted() -> None:
    assert count_tokens("a\ud800b") == count_tokens("a?b")


def test_openai_bills_the_example_of_its_guide() -> None:
    assert image_tokens(1024, "openai") == 765
    assert image_tokens(512, "openai") == 255


def test_a_smaller_picture_is_cheaper_at_claude_and_not_at_gemini() -> None:
    assert [image_tokens(side, "claude") for side in (512, 640, 1024, 1280)] == [
        361,
        529,
        1369,
        2116,
    ]
    assert len({image_tokens(side, "gemini") for side in (512, 640, 1024, 1280)}) == 1


@pytest.mark.parametrize("provider", sorted(IMAGE_PRICES))
def test_no_price_falls_as_a_picture_grows(provider: str) -> None:
    prices = [image_tokens(side, provider) for side in range(64, 2049, 64)]
    assert prices == sorted(prices)
    assert prices[0] > 0


def test_an_unknown_provider_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'acme'.*claude"):
        image_tokens(512, "acme")


def test_a_picture_without_a_side_has_no_price() -> None:
    with pytest.raises(InputError, match="positive side"):
        image_tokens(0, "claude")


SIGNS = st.sampled_from(
    [
        "\n",
        "\r",
        "\r\n",
        " ",
        "the ",
        "…",
        "[",
        ".",
        "4417",
        "你好",
        "é",
        "\t",
        "\u2028",
        "\x85",
        "<｜User｜>",
        ": ",
        "=> ",
        "\x1c",
        "-",
        "Ω",
        "\u3000",
        "か",
        "\ud800",
        "?!",
        "_x",
    ]
)
TEXTS = st.lists(SIGNS, max_size=20).map("".join)


@given(st.lists(TEXTS, max_size=4))
def test_the_cost_of_lines_is_the_cost_of_the_text(texts: list[str]) -> None:
    counter = LineCounter()
    assert counter.count(texts) == sum(count_batch(texts))
    assert counter.count(texts[::-1]) == sum(count_batch(texts))


@given(TEXTS, st.integers(0, 30), st.sampled_from([1, 40]))
def test_a_count_up_to_a_limit_is_exact_below_it(text: str, limit: int, n: int) -> None:
    n_tokens = count_tokens(text * n)
    up_to = count_up_to(text * n, limit)
    assert up_to == n_tokens if n_tokens <= limit else up_to > limit


@pytest.mark.parametrize("text", ["x", "ab ", "words of a line\n", "你好", "="])
def test_a_text_far_above_the_limit_is_not_read_to_its_end(text: str) -> None:
    assert 100 < count_up_to(text * 1_000_000, 100) < 1_000_000
