"""What a file holds decides how it is read: encodings, JSON in all its forms, and other kinds."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.load_files import single

from optical_memory.errors import InputError
from optical_memory.loaders import LoadedFile, load, load_file
from optical_memory.loaders.content.json_values import decode

MESSAGES = [
    {"role": "user", "content": "Who waters the ferns?"},
    {"role": "assistant", "content": "Mira does, on Fridays."},
]
TEXTS = [message["content"] for message in MESSAGES]
ROWS = [json.dumps(message) for message in MESSAGES]
LINES = "\n".join(ROWS) + "\n"


def texts_of(path: Path, content: bytes | str) -> list[str]:
    return [turn.text for turn in single(list(loaded(path, content).conversations)).turns]


def loaded(path: Path, content: bytes | str) -> LoadedFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_file(path)


# ---- JSON in any form, under any name ------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a.json", "a.jsonl", "a.JSONL", "a.ndjson", "a.log", "a.txt", "a.traj", "a.md", "a"]
)
@pytest.mark.parametrize(
    "content",
    [
        json.dumps(MESSAGES),
        json.dumps(MESSAGES, indent=2),
        LINES,
        LINES.replace("\n", "\r\n"),
        "\n".join(["", *ROWS, "", ""]),
        "".join(ROWS),
        " ".join(ROWS),
        "\n".join(json.dumps(message, indent=2) for message in MESSAGES),
        ",\n".join(json.dumps(message, indent=2) for message in MESSAGES),
        "[\n" + ",\n".join(ROWS) + "\n]\n",
        LINES + "\0" * 100,
    ],
    ids=[
        *("array", "pretty array", "lines", "CRLF", "blank lines", "no space between"),
        *("spaces between", "pretty documents", "commas between", "item a line", "NULs at the end"),
    ],
)
def test_json_is_json_in_any_form_and_under_any_name(name: str, content: str, tmp_path: Path):
    file = loaded(tmp_path / name, content)
    assert [turn.text for turn in file.conversations[0].turns] == TEXTS
    assert file.format == "OpenAI messages"
    assert [item for item in file.left_out if item.reason.startswith("not")] == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
def test_an_encoding_is_known_by_its_mark(name: str, encoding: str, tmp_path: Path):
    messages = [{"role": "user", "content": "Où sont les fougères? 🌿"}]
    content = json.dumps(messages, ensure_ascii=False).encode(encoding)
    assert texts_of(tmp_path / name, content) == ["Où sont les fougères? 🌿"]


def test_a_text_of_windows_has_neither_its_mark_nor_its_line_ends(tmp_path: Path):
    content = "User: the ferns?\r\nAssistant: watered\r\n"
    assert texts_of(tmp_path / "a.txt", content.encode("utf-16")) == ["the ferns?", "watered"]
    assert texts_of(tmp_path / "b.txt", content.encode("utf-8-sig")) == ["the ferns?", "watered"]


def test_a_text_that_begins_with_a_bracket_is_a_text(tmp_path: Path):
    log = "[12:01] <mira> the ferns\n[12:02] <jon> are dry"
    assert loaded(tmp_path / "a.log", log).format == "IRC log"
    assert loaded(tmp_path / "b.txt", "[[Ferns]] are old plants.").format == "text log"
    assert loaded(tmp_path / "c.md", "{not JSON, but a remark}").format == "text log"


def test_json_lines_after_some_lines_of_text_are_json(tmp_path: Path):
    file = loaded(tmp_path / "a.log", "the run begins\n" + LINES * 3)
    assert [turn.text for turn in file.conversations[0].turns] == TEXTS * 3
    assert [(item.place, item.text) for item in file.left_out] == [("line 1", "the run begins")]


def test_a_single_message_is_a_conversation(tmp_path: Path):
    assert texts_of(tmp_path / "a.jsonl", ROWS[0]) == TEXTS[:1]
    assert texts_of(tmp_path / "a.json", ROWS[0]) == TEXTS[:1]


def test_gzip_is_unpacked(tmp_path: Path):
    path = tmp_path / "ferns.json.gz"
    assert texts_of(path, gzip.compress(json.dumps(MESSAGES).encode())) == TEXTS
    assert load(path)[0].id == "ferns"


def test_lone_surrogates_and_nul_characters_are_kept(tmp_path: Path):
    content = '[{"role": "user", "content": "a\\ud800b\\u0000c"}]'
    assert texts_of(tmp_path / "a.json", content) == ["a\ud800b\0c"]
    raw = b'[{"role": "user", "content": "a\xed\xa0\x80b"}]'
    assert texts_of(tmp_path / "b.json", raw) == ["a\ud800b"]
    assert texts_of(tmp_path / "c.txt", "User: a\0b\nAssistant: c") == ["a\0b", "c"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
)


@given(JSON)
def test_data_is_as_pythons_own_reader_has_it(data: Any):
    text = json.dumps(data)
    assert repr(decode(text.encode())) == repr(json.loads(text))


@given(st.binary(max_size=20) | st.text('[]{}",:0123eE.-+ \\ntrufalsx\0\t', max_size=20))
def test_the_same_is_refused_as_by_pythons_own_reader(content: bytes | str):
    raw = content.encode() if isinstance(content, str) else content
    try:
        expected = repr(json.loads(str(raw, "utf-8", "surrogatepass")))
    except ValueError:
        with pytest.raises(ValueError):
            decode(raw)
    else:
        assert repr(decode(raw)) == expected


# ---- rows that are passed over -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{'role': 'user'}", "not JSON: Expecting property name"),
        ('{"role": "user", "content": "half', "not JSON: Unterminated string"),
        ("17", "neither an object nor an array"),
        ("plain words", "not JSON"),
        ("[" * 50_000 + "]" * 50_000, "nested too deeply"),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, "nested too deeply"),
    ],
)
def test_a_bad_row_among_many_is_passed_over_and_told(row: str, reason: str, tmp_path: Path):
    file = loaded(tmp_path / "a.jsonl", "\n".join([ROWS[0], row, "", ROWS[1]]))
    assert [turn.text for turn in file.conversations[0].turns] == TEXTS
    (item,) = file.left_out
    assert item.place == "line 2"
    assert reason in item.reason
    assert item.text == row


def test_rows_of_load_are_told_by_its_first_conversation(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([ROWS[0], "oops", ROWS[1]]), encoding="utf-8")
    assert [item.place for item in load(path)[0].left_out] == ["line 2"]


def test_a_bad_first_row_is_passed_over(tmp_path: Path):
    file = loaded(tmp_path / "a.jsonl", "\n".join(['{"role": "us', *ROWS]))
    assert [item.place for item in file.left_out] == ["line 1"]


def test_bytes_that_are_no_characters_spoil_their_row_only(tmp_path: Path):
    raw = "\n".join([ROWS[0], '{"role": "user", "content": "?"}', ROWS[1]]).encode()
    file = loaded(tmp_path / "a.jsonl", raw.replace(b'"?"', b'"\xff"'))
    assert [item.place for item in file.left_out] == ["line 2"]
    assert "not UTF-8" in file.left_out[0].reason


def test_if_all_rows_are_bad_the_file_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"a\.jsonl: not JSON at line 1, column 9"):
        loaded(tmp_path / "a.jsonl", '{"role" user}\n{"role" user}\n')


@pytest.mark.parametrize(
    "content", [LINES, "[\n" + ",\n".join(ROWS) + "\n]", json.dumps(MESSAGES), "".join(ROWS)]
)
def test_an_end_that_is_cut_off_is_told(content: str, tmp_path: Path):
    file = loaded(tmp_path / "a.jsonl", content.rstrip("\n]")[:-9])
    assert [turn.text for turn in file.conversations[0].turns] == TEXTS[:1]
    cut = file.left_out[0]
    assert "the file ends in the middle" in cut.reason
    assert "Mira does" in cut.text


def test_a_conversation_without_messages_among_others_is_told(tmp_path: Path):
    rows = [json.dumps({"messages": messages}) for messages in (MESSAGES[:1], [], MESSAGES[1:])]
    file = loaded(tmp_path / "a.jsonl", "\n".join(rows))
    assert [item.id for item in file.conversations] == ["a[0]", "a[2]"]
    (item,) = file.left_out
    assert (item.place, item.text) == ("a[1]", '{"messages": []}')
    assert "no turns" in item.reason


def test_a_bad_character_of_a_long_text_is_kept_as_an_escape_and_told(tmp_path: Path):
    lines = [f"{('User', 'Assistant')[n % 2]}: fern {n}" for n in range(40)]
    raw = "\n".join(lines).encode().replace(b"fern 7", b"f\xe9rn 7")
    file = loaded(tmp_path / "a.txt", raw)
    assert file.conversations[0].turns[7].text == "f\\xe9rn 7"
    assert [item.place for item in file.left_out if "UTF-8" in item.reason] == ["line 8"]


def test_a_character_that_is_cut_off_at_the_end_is_told(tmp_path: Path):
    file = loaded(tmp_path / "a.txt", "User: où?\nAssistant: là".encode()[:-1])
    assert [turn.text for turn in file.conversations[0].turns] == ["où?", "l"]
    assert file.left_out[0].reason == "the file ends within a character"


@pytest.mark.parametrize("document", ['{\n"a" b\n}\n', '{"a": "\n', '{"a": b\n', "[\n"])
def test_a_file_of_mistakes_does_not_take_minutes(document: str, tmp_path: Path):
    with pytest.raises(InputError):
        loaded(tmp_path / "a.json", document * 20_000)


# ---- bounds --------------------------------------------------------------------------------------


def test_memory_is_at_most_four_times_the_file(tmp_path: Path):
    text = "The ferns by the window are dry again, and the moss is not. "
    for name, separator in (("a.json", ", "), ("a.jsonl", "\n")):
        rows = (
            json.dumps({"role": ("user", "assistant")[n % 2], "content": f"{n} {text * 4}"})
            for n in range(75_000)
        )
        content = separator.join(rows)
        path = tmp_path / name
        path.write_text(f"[{content}]" if name == "a.json" else content, encoding="utf-8")
        assert peak_growth(path) <= 4 * path.stat().st_size


def peak_growth(path: Path) -> int:
    """Bytes by which the peak of a process's memory grows while it loads the file."""
    program = """
    import sys
    from pathlib import Path
    from optical_memory.loaders import example, load_file

    def peak():
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    example()
    before = peak()
    file = load_file(sys.argv[1])
    print(peak() - before)
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process's memory is read from /proc")
    command = [sys.executable, "-c", textwrap.dedent(program), str(path)]
    return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
