"""The command line as a whole: one head of all answers, errors in a line, choices, progress."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

import pytest
from support.shell import Shell

import optical_memory
from optical_memory.cli.options import CodecName, Provider
from optical_memory.cli.output import printable
from optical_memory.cli.progress import progress_bars
from optical_memory.counting import IMAGE_PRICES
from optical_memory.measure.bench.benches import BENCHES, BenchName
from optical_memory.tokens import CODECS

HEAD = ["command", "version", "reader", "seed", "seconds"]
WITH_ROWS = ("recall", "context", "fade", "inspect", "check")


def test_every_answer_has_the_same_head(full: Shell) -> None:
    for words in (["recall", "x"], ["context"], ["stats"], ["check"], ["inspect"], ["fade"]):
        answer = full.json(*words)
        assert list(answer)[:5] == HEAD
        assert answer["command"] == words[0]
        assert answer["version"] == optical_memory.__version__
        assert answer["reader"] == "template@1"
        assert ("rows" in answer) == (words[0] in WITH_ROWS)


# ---- how it fails --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command", [["recall", "x"], ["context"], ["fade"], ["inspect"], ["stats"], ["check"]]
)
def test_an_unknown_session_is_one_line_and_exit_code_1(full: Shell, command: list[str]) -> None:
    code, out, err = full.on_store(*command, "--session", "nobody", "--json")

    assert (code, out) == (1, "")
    assert err == "optical-memory: no session 'nobody' in this store; it has 'default'\n"


def test_a_store_of_an_unknown_kind_is_a_usage_error(shell: Shell) -> None:
    code, _, err = shell.run("stats", "--store", "mongodb://localhost")

    assert code == 2
    assert "mongodb" in err


def test_a_file_that_cannot_be_read_is_one_line(shell: Shell) -> None:
    code, out, err = shell.on_store("remember", "nowhere.json")

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "nowhere.json" in err


def test_an_unreachable_server_is_one_line(shell: Shell) -> None:
    code, _, err = shell.run("stats", "--store", "redis://127.0.0.1:1")

    assert (code, err.count("\n")) == (1, 1)
    assert "Traceback" not in err


# ---- choices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        (["remember", "--role", "robot"], "assistant"),
        (["remember", "--retain", "nothing"], "pages"),
        (["context", "--mode", "pixels"], "image"),
        (["context", "--provider", "nobody"], "gemini"),
        (["eval", "fidelity", "--pages", "x.jsonl", "--codec", "int3"], "int8"),
        (["bench", "--only", "everything"], "draw"),
        (["bulk", "certify", "--retain", "nothing"], "pages"),
        (["bulk", "fade", "--retain", "nothing"], "pages"),
        (["bulk", "encode", "--engine", "spark"], "local"),
    ],
)
def test_an_unknown_word_is_a_usage_error_that_tells_the_choices(
    shell: Shell, words: list[str], choice: str
) -> None:
    code, out, err = shell.run(*words)

    assert (code, out) == (2, "")
    assert f"'{choice}'" in err


@pytest.mark.parametrize(
    ("words", "names"),
    [(CodecName, CODECS), (Provider, IMAGE_PRICES), (BenchName, BENCHES)],
    ids=["codec", "provider", "only"],
)
def test_the_choices_are_the_names_that_there_are(words: object, names: Iterable[str]) -> None:
    assert sorted(get_args(words)) == sorted(names)


# ---- terminals and models ------------------------------------------------------------------------


def test_text_of_a_page_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[31mb\x07\n\tc\udc80") == "a\ufffd[31mb\ufffd\n\tc\ufffd"


def test_progress_is_a_bar_for_each_step_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # to rich, this stderr is a terminal
    with progress_bars() as progress:
        progress("Reading pages", 1, 2)
        progress("Asking", 0, 3)
        progress("Reading pages", 2, 2)
    out, err = capsys.readouterr()

    assert out == ""
    assert "Reading pages" in err
    assert "Asking" in err
    assert "2/2" in err


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_silent_if_it_shall_be_or_if_stderr_is_no_terminal(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    with progress_bars(quiet=terminal) as progress:
        progress("Reading pages", 1, 2)

    assert capsys.readouterr() == ("", "")


@pytest.mark.slow
def test_help_loads_no_model(tmp_path: Path) -> None:
    code = (
        "import sys; from optical_memory.cli import main\n"
        "heavy = ('torch', 'redis', 'langchain_core', 'ray')\n"
        "try: main(['--help'])\n"
        "except SystemExit: print([name for name in heavy if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert process.stdout.splitlines()[-1] == "[]"


def test_threads_wait_passively_from_the_start_of_a_command(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    shell.run("--version")

    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
