"""Names of readers: a reader of one's own by the name of a Python object."""

from __future__ import annotations

from pathlib import Path

import pytest

from optical_memory.errors import CheckpointError
from optical_memory.readers import open_reader
from optical_memory.testing import SMALL_LADDER, TemplateReader


def test_a_reader_of_ones_own_is_named_by_module_and_name():
    reader = open_reader("optical_memory.testing:TemplateReader", revision="7")
    assert isinstance(reader, TemplateReader)
    assert reader.profile.revision == "7"
    assert reader.profile.ladder == SMALL_LADDER


@pytest.mark.parametrize(
    "name", ["no_such_module:Reader", "optical_memory.testing:NoReader", "optical_memory..x:Reader"]
)
def test_an_object_that_is_not_there_is_named(name: str):
    with pytest.raises(CheckpointError, match=f"no reader '{name}'"):
        open_reader(name)


def test_a_folder_comes_before_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("optical_memory.testing:TemplateReader").mkdir()
    with pytest.raises(CheckpointError, match=r"neither cells.safetensors nor config.json"):
        open_reader("optical_memory.testing:TemplateReader")
