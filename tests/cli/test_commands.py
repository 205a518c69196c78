"""The command line on real stores: what it prints, for people and for machines, and how it fails."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.small_checkpoints import Stock

import optical_memory
from optical_memory.cli import main
from optical_memory.cli import measure as measuring
from optical_memory.cli import options as connection
from optical_memory.cli.output import printable
from optical_memory.stores import open_store
from optical_memory.stores.base import Delete
from optical_memory.testing import TemplateReader

HEAD = ["command", "version", "reader", "seed", "seconds"]
ROWS = ("recall", "context", "fade", "inspect")


class Shell:
    """Runs commands on one SQLite file with a reader that needs no model."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.store, self._capsys = f"sqlite:///{folder / 'memory.db'}", capsys

    def run(self, *words: str) -> tuple[int, str, str]:
        """(exit code, stdout, stderr)."""
        with pytest.raises(SystemExit) as exit:
            main(words)
        out, err = self._capsys.readouterr()
        return int(exit.value.code or 0), out, err

    def on_store(self, *words: str) -> tuple[int, str, str]:
        return self.run(*words, "--store", self.store)

    def json(self, *words: str) -> dict[str, Any]:
        """The one JSON object that a command prints; the command must not fail."""
        code, out, err = self.on_store(*words, "--json")
        assert (code, err) == (0, "")
        assert out.count("\n") == 1
        found: dict[str, Any] = json.loads(out)
        return found


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    reader = TemplateReader(misread={"tiny": 0.2})
    monkeypatch.setattr(connection, "open_reader", lambda name: reader)
    monkeypatch.setattr(measuring, "open_reader", lambda name: reader)
    for name in ("STORE", "SESSION", "READER"):
        monkeypatch.delenv(f"OPTICAL_MEMORY_{name}", raising=False)
    return Shell(tmp_path, capsys)


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A conversation file of 90 messages."""
    said = [
        {
            "role": "user" if i % 2 else "assistant",
            "id": f"m{i}",
            "content": f"Parcel PX-{700 + i} waits at gate {i}.",
        }
        for i in range(90)
    ]
    file = tmp_path / "log.json"
    file.write_text(json.dumps(said), encoding="utf-8")
    return str(file)


@pytest.fixture
def full(shell: Shell, log: str) -> Shell:
    shell.json("remember", log, "--keep-turns", "5")
    return shell


# ---- remembering ---------------------------------------------------------------------------------


def test_a_file_is_remembered_and_recalled(full: Shell) -> None:
    found = full.json("recall", "parcel PX-712", "-k", "2")

    assert found["query"] == "parcel PX-712"
    best = found["rows"][0]
    assert "PX-712" in best["text"]
    assert best["rung"] == "large"
    assert best["verified"] == 1.0
    assert len(found["rows"]) == 2


def test_recall_tells_people_where_it_comes_from_and_how_sure_it_is(full: Shell) -> None:
    code, out, _ = full.on_store("recall", "parcel PX-712", "-k", "1")

    assert code == 0
    assert "read from large" in out
    assert "PX-712" in out


def test_stdin_is_one_turn(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("the gate code is 4417#\n"))
    told = shell.json("remember", "--role", "assistant")

    assert len(told["turns"]) == 1
    assert shell.json("recall", "gate code")["rows"][0]["text"] == "the gate code is 4417#"


def test_empty_stdin_is_refused(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    assert shell.on_store("remember")[0] == 1


def test_of_several_conversations_one_must_be_chosen(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "share.json"
    chats = [
        {"id": f"c{i}", "conversations": [{"from": "human", "value": f"hello {i}"}]}
        for i in range(3)
    ]
    file.write_text(json.dumps(chats), encoding="utf-8")

    code, _, err = shell.on_store("remember", str(file))
    assert (code, "3 conversations" in err) == (1, True)
    shell.json("remember", str(file), "--conversation", "2")
    assert shell.json("recall", "hello")["rows"][0]["text"] == "hello 1"


def test_sessions_are_kept_apart(full: Shell, log: str) -> None:
    full.json("remember", log, "--session", "other", "--keep-turns", "5")
    full.json("forget", "--whole-session")

    assert full.json("stats", "--session", "other")["sessions"] == ["other"]


def test_a_context_keeps_its_budget(full: Shell) -> None:
    made = full.json("context", "parcel PX-712", "--budget", "600")

    assert 0 < made["tokens"] <= 600
    assert "PX-712" in json.dumps(made["messages"])
    assert sum(row["tokens"] for row in made["rows"]) <= made["tokens"]


def test_a_context_of_visual_tokens_has_no_messages(full: Shell) -> None:
    made = full.json("context", "parcel PX-712", "--mode", "tokens")

    assert made["messages"] is None
    assert any(row["kind"] == "page" and row["side_px"] == 512 for row in made["rows"])


def test_commands_that_read_change_nothing(full: Shell) -> None:
    store = open_store(full.store)
    before = store.version("default")
    for words in (
        ["recall", "parcel"],
        ["context"],
        ["inspect"],
        ["inspect", "1"],
        ["stats"],
        ["check"],
    ):
        full.json(*words)

    assert store.version("default") == before
    store.close()


# ---- tending -------------------------------------------------------------------------------------


def test_fading_tells_what_changed(full: Shell) -> None:
    before = full.json("stats")
    faded = full.json("fade", "--capacity", "150")
    after = full.json("stats")

    assert faded["rows"]
    assert faded["visual_tokens"] == after["visual_tokens"] <= 150 < before["visual_tokens"]


def test_every_page_is_listed_with_its_rung(full: Shell) -> None:
    rows = full.json("inspect")["rows"]

    assert [row["page"] for row in rows] == [f"{i:07d}" for i in range(len(rows))]
    assert {row["rung"] for row in rows} == {"large"}
    assert {row["visual_tokens"] for row in rows} == {73}


def test_a_page_shows_its_certificate_its_facts_and_its_text(full: Shell) -> None:
    page = full.json("inspect", "1")

    assert page["page"] == "0000000"
    assert {rung["rung"]: rung["agreement"] for rung in page["certificate"]}["large"] == 1.0
    assert {rung["rung"]: rung["agreement"] for rung in page["certificate"]}["tiny"] < 0.95
    assert page["ledger"]["identifier"] > 5
    assert "".join(page["text"][a:b] for a, b, *_ in page["spans"]) == page["text"]
    assert full.json("inspect", "0000000")["text"] == page["text"]


def test_a_page_is_shown_to_people(full: Shell) -> None:
    code, out, _ = full.on_store("inspect", "1")

    assert code == 0
    assert "certificate" in out
    assert "PX-700" in out


def test_a_whole_store_checks_out(full: Shell) -> None:
    assert full.json("check") | {"seconds": 0} == full.json("check", "--repair") | {"seconds": 0}
    assert full.json("check")["ok"]


def test_a_problem_is_told_with_exit_code_1_until_it_is_mended(full: Shell) -> None:
    store = open_store(full.store)
    store.commit("default", [Delete("picture", "0000000/large")])
    store.close()

    code, out, _ = full.on_store("check", "--json")
    assert code == 1
    assert "0000000" in json.loads(out)["rows"][0]["problem"]
    code, out, _ = full.on_store("check", "--repair", "--json")
    assert (code, json.loads(out)["rows"][0]["mended"]) == (0, True)
    assert full.json("check")["ok"]


def test_a_forgotten_page_is_gone(full: Shell) -> None:
    full.json("forget", "--page", "1")

    assert full.json("stats")["forgotten"][0]["page"] == "0000000"
    code, _, err = full.on_store("forget", "--page", "1")
    assert (code, err.count("\n")) == (1, 1)
    assert full.json("inspect", "1")["state"] == "forgotten"


def test_a_forgotten_turn_is_nowhere(full: Shell) -> None:
    full.json("forget", "--turn", "m12")

    assert all("PX-712" not in row["text"] for row in full.json("recall", "parcel PX-712")["rows"])


def test_forgetting_wants_one_thing_named(full: Shell) -> None:
    assert full.on_store("forget")[0] == 2
    assert full.on_store("forget", "--page", "1", "--whole-session")[0] == 2
    assert full.json("stats")["forgotten"] == []


# ---- measuring -----------------------------------------------------------------------------------


def test_fidelity_prints_its_rows(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "pages.jsonl"
    line = json.dumps(
        {"text": "The tide table says seven, and the harbour master says eight. " * 9}
    )
    file.write_text("\n".join([line] * 4), encoding="utf-8")
    words = ("eval", "fidelity", "--pages", str(file), "--limit", "1", "--seed", "7")

    code, out, _ = shell.run(*words, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["seed"] == 7
    assert [row["rung"] for row in found["rows"]] == ["large", "base", "small", "tiny"]
    fields = {
        "rung",
        "side_px",
        "density_px2_per_char",
        "fill",
        "visual_tokens",
        "text_tokens",
        "compression",
    }
    fields |= {
        "n_pages",
        "accuracy",
        "p5",
        "worst",
        "ids_exact",
        "certificate_error",
        "verified_share",
    }
    assert fields <= set(found["rows"][0])
    code, out, _ = shell.run(*words)
    assert (code, "tiny" in out, "cert. error" in out) == (0, True, True)


@pytest.mark.parametrize("ratios", ["five", "0", "5,-1"])
def test_a_compression_that_is_none_is_refused(shell: Shell, ratios: str) -> None:
    assert shell.run("eval", "fidelity", "--pages", "pages.jsonl", "--compression", ratios)[0] == 2


def test_the_demo_prints_its_table_and_writes_its_report(
    shell: Shell, log: str, tmp_path: Path
) -> None:
    words = (
        "demo",
        "--input",
        log,
        "--store",
        shell.store,
        "--out",
        str(tmp_path / "out"),
        "--questions",
        "3",
    )
    code, out, err = shell.run(*words, "--json")
    found = json.loads(out)

    assert (code, err) == (0, "")
    assert {row["conversation"] for row in found["rows"]} == {"log"}
    assert found["conversations"][0]["restart"]["equal"] == found["conversations"][0]["pages"]
    assert (tmp_path / "out" / "report.html").exists()
    code, out, _ = shell.run(*words)
    assert (code, "tiny" in out, "vision tower calls" in out) == (0, True, True)


def test_an_unknown_bench_is_refused(shell: Shell) -> None:
    code, _, err = shell.run("bench", "--only", "everything")

    assert (code, "draw" in err) == (2, True)


def test_the_ladder_of_pocket_is_told_without_loading_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["readers", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["rows"]

    assert [(rung["side_px"], rung["tokens"]) for rung in row["ladder"]] == [
        (1024, 273),
        (640, 111),
        (512, 73),
    ]
    assert 0 < row["checkpoint_bytes"] <= 25_000_000


def test_a_reader_is_checked_without_weights(
    capsys: pytest.CaptureFixture[str], stock: dict[str, Stock]
) -> None:
    for name in ("pocket", str(stock["deepseek-ocr"][0])):
        with pytest.raises(SystemExit) as left:
            main(["readers", "check", "--reader", name, "--device", "cpu", "--json"])
        found = json.loads(capsys.readouterr().out)
        assert left.value.code == 0
        assert (found["missing"], found["unexpected"], found["mismatched"], found["problems"]) == (
            0,
            0,
            0,
            [],
        )
    assert [half["half"] for half in found["halves"]] == ["encoder", "decoder"]


def test_a_reader_that_lacks_its_tokenizer_fails_the_check(
    capsys: pytest.CaptureFixture[str], stock: dict[str, Stock], tmp_path: Path
) -> None:
    for file in stock["deepseek-ocr"][0].iterdir():
        if file.name != "tokenizer.json":
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(SystemExit) as left:
        main(["readers", "check", "--reader", str(tmp_path), "--device", "cpu"])
    assert left.value.code == 1
    assert "no tokenizer.json" in capsys.readouterr().out.replace("\n", " ")


# ---- how it fails --------------------------------------------------------------------------------


def test_every_answer_has_the_same_head(full: Shell) -> None:
    for words in (["recall", "x"], ["context"], ["stats"], ["check"], ["inspect"], ["fade"]):
        found = full.json(*words)
        assert list(found)[:5] == HEAD
        assert found["command"] == words[0]
        assert found["version"] == optical_memory.__version__
        assert found["reader"] == "template@1"
        assert ("rows" in found) == (words[0] in (*ROWS, "check"))


@pytest.mark.parametrize(
    "command", [["recall", "x"], ["context"], ["fade"], ["inspect"], ["stats"], ["check"]]
)
def test_an_unknown_session_is_one_line_and_exit_code_1(full: Shell, command: list[str]) -> None:
    code, out, err = full.on_store(*command, "--session", "nobody", "--json")

    assert (code, out) == (1, "")
    assert err == "optical-memory: no session 'nobody' in this store; it has 'default'\n"


def test_a_store_that_is_none_is_a_usage_error(shell: Shell) -> None:
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


def test_what_a_page_holds_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[31mb\x07\n\tc\udc80") == "a\ufffd[31mb\ufffd\n\tc\ufffd"


@pytest.mark.slow
def test_help_loads_no_model(tmp_path: Path) -> None:
    code = (
        "import sys; from optical_memory.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'redis', 'langchain_core') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert done.stdout.splitlines()[-1] == "[]"
