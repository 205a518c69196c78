"""Token counts are exact, and prices of pictures are those that providers publish."""

import pytest

from optical_memory.counting import IMAGE_PRICES, count_batch, count_tokens, image_tokens
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
