"""The command doctor: what it tells, its exit code, and that it changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.shell import Shell

from optical_memory.cli.doctor.reading import reader_findings
from optical_memory.cli.doctor.versions import version_findings
from optical_memory.testing import TemplateReader
from optical_memory.tokens import VisualTokens


def told(shell: Shell, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the object that doctor prints."""
    code, out, err = shell.on_store("doctor", "--json", *words)
    assert err == ""
    answer: dict[str, Any] = json.loads(out)
    return code, answer


def test_all_is_well_with_a_usual_store(full: Shell):
    code, answer = told(full)
    assert (code, answer["ok"], answer["problems"]) == (0, True, [])
    areas = {row["area"] for row in answer["rows"]}
    assert areas == {"store", "reader", "versions"}
    held = {promise["name"]: promise["answer"] for promise in answer["promises"]}
    assert held["durable before it returns"] == "yes"
    assert held["encrypted at rest"] == "no"


def test_people_get_tables_and_the_way_to_improve(full: Shell):
    code, out, _ = full.on_store("doctor", "--no-read")
    assert code == 0
    assert "all is well" in out
    assert "what is promised with these" in out
    assert "--key-file" in out


def test_a_problem_is_told_and_the_exit_code_is_1(full: Shell):
    Path(full.store.removeprefix("sqlite:///")).chmod(0o644)
    code, answer = told(full, "--no-read")
    assert (code, answer["ok"]) == (1, False)
    assert "chmod 600" in answer["problems"][0]
    assert "to mend: " in full.on_store("doctor", "--no-read")[1]


def test_a_session_is_looked_at_if_it_is_named(full: Shell):
    code, answer = told(full, "--no-read", "--session", "default")
    rows = {row["name"]: row["value"] for row in answer["rows"] if row["area"] == "session"}
    assert (code, rows["turns"], rows["lost turns"]) == (0, "90", "0")
    code, answer = told(full, "--no-read", "--session", "[/x]")
    assert code == 1
    assert "no session '[/x]'" in answer["problems"][0]


def test_a_store_that_somebody_named_and_that_is_not_there_is_a_problem_and_stays_away(
    shell: Shell,
):
    code, answer = told(shell, "--no-read", "--session", "alice")
    assert code == 1
    assert "no such file" in answer["problems"][0]
    assert answer["promises"] == []
    assert not Path(shell.store.removeprefix("sqlite:///")).exists()


def test_without_a_store_in_the_home_nothing_is_wrong_and_nothing_is_created(
    shell: Shell, empty_home: Path
):
    files = set(empty_home.rglob("*"))
    code, out, _ = shell.run("doctor", "--no-read", "--json")
    assert code == 0
    assert json.loads(out)["rows"][0]["value"].endswith("memory.db: none yet")
    assert set(empty_home.rglob("*")) == files


def test_a_key_changes_what_is_promised(full: Shell, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPTICAL_MEMORY_KEY", "a key of these tests, which is long enough")
    _, answer = told(full, "--no-read")
    held = {promise["name"]: promise["answer"] for promise in answer["promises"]}
    assert held["encrypted at rest"] == "yes"


def test_the_url_of_no_store_is_a_wrong_call(shell: Shell):
    assert shell.run("doctor", "--store", "ftp://example")[0] == 2


# ---- versions and the reader ---------------------------------------------------------------------


def test_versions_name_python_the_libraries_and_the_extras():
    names = [finding.name for finding in version_findings()]
    assert names[:3] == ["optical-memory", "Python", "torch"]
    assert {"extra mcp", "extra server"} <= set(names)
    assert not any("dev" in name for name in names)


class BlindReader(TemplateReader):
    """Sees nothing."""

    def encode(self, images: Any, rung: Any) -> list[VisualTokens]:
        raise RuntimeError("no weights")


def test_a_reader_that_does_not_open_is_a_problem():
    (finding,) = reader_findings("no-such-reader")
    assert "does not open" in str(finding.problem)


def test_a_reader_that_reads_has_no_problem():
    findings = reader_findings("optical_memory.testing:TemplateReader")
    assert [finding.problem for finding in findings] == [None, None]
    assert findings[1].value.startswith("100.0% of its characters right")


def test_a_reader_that_opens_and_does_not_read_is_a_problem(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(TemplateReader, "encode", BlindReader.encode)
    findings = reader_findings("optical_memory.testing:TemplateReader")
    assert "cannot read" in str(findings[1].problem)
