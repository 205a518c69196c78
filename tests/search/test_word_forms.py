"""Words are found in any script, and each is split into the forms that it is found by."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optical_memory.search import word_forms
from optical_memory.search.word_forms import fold, is_run, run_characters, split_word, word_pattern


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Use C++, C# or F#: not foo#.", ["Use", "C++", "C#", "or", "F#", "not", "foo"]),
        (".NET and ASP.NET. Done...then", [".NET", "and", "ASP.NET", "Done", "then"]),
        ("$1,299.00, 1,2 and 12,345,678", ["1,299.00", "1", "2", "and", "12,345,678"]),
        ("O'Brien’s 'quoted' l'été", ["O'Brien’s", "quoted", "l'été"]),
        ("src/a.py a_b-c me@x.org", ["src/a.py", "a_b-c", "me@x.org"]),
        ("用Python写 東京タワー", ["用", "Python", "写", "東京タワー"]),
        ("मुझे हिन्दी", ["मुझे", "हिन्दी"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("I ❤️ the 👩‍💻! 1️⃣ 中", ["I", "the", "1", "中"]),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert word_pattern(text).findall(text) == words


def test_the_fast_pattern_is_taken_for_no_character_that_it_takes_for_another() -> None:
    for char in map(chr, range(0x20000)):
        if word_pattern(char) is word_forms._SIMPLE_WORD:
            assert word_forms._ANY_WORD.findall(char) == word_forms._SIMPLE_WORD.findall(char), char


@settings(max_examples=500)
@given(st.text(st.characters(max_codepoint=0x2BFF), max_size=60))
def test_the_fast_pattern_finds_the_same_words(text: str) -> None:
    if word_pattern(text) is word_forms._SIMPLE_WORD:
        assert word_forms._ANY_WORD.findall(text) == word_forms._SIMPLE_WORD.findall(text)


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("Gate", ["gate"]),
        ("getUserById", ["getuserbyid", "get", "user", "by", "id"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("ORD-2024-881", ["ord-2024-881", "ord", "2024", "881"]),
        ("4K7Q2Z", ["4k7q2z"]),
        ("v2.10", ["v2.10", "v2", "2", "10"]),
        ("10km", ["10km", "10", "km"]),
        ("8th", ["8th", "8"]),
        ("C++17", ["c++17", "c++", "17"]),
        ("1,299.00", ["1,299.00", "1299.00", "1299", "00"]),
        ("p.m", ["p.m", "pm"]),
        ("John’s", ["john"]),
        ("won't", ["won't"]),
        ("ﬁle", ["file"]),
        ("北京大", ["北京", "京大"]),
    ],
)
def test_forms_of_a_word(word: str, forms: list[str]) -> None:
    assert list(split_word(word)) == forms


def test_accents_are_taken_off_letters_of_which_they_are_no_part() -> None:
    assert [fold(word) for word in ["zürich", "đà", "łódź", "αθήνα", "ёж"]] == [
        "zurich",
        "da",
        "lodz",
        "αθηνα",
        "еж",
    ]
    assert fold("مُحَمَّد") == "محمد"
    for word in ["हिन्दी", "ไทย", "が", "й", "plain"]:
        assert fold(word) == word


def test_runs_are_of_scripts_without_blanks() -> None:
    assert all(map(is_run, ["北京", "東京タワー", "책을", "ภาษา"]))
    assert not any(map(is_run, ["abc", "été", "हिन्दी", "мир"]))
    assert run_characters("書とペン") == ["書"]
    assert run_characters("书") == []
