"""The wheel that people install, and an editable checkout.

Both are built from a copy of the checkout and installed into fresh environments, which see the
dependencies of the environment that runs the tests but not its own optical-memory.
"""

from __future__ import annotations

import hashlib
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from support.fresh_environments import install, new_environment, run, site_packages

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGE_DATA = [
    "optical_memory/measure/finding/questions",
    "optical_memory/measure/templates",
    "optical_memory/readers/pocket/checkpoint",
    "optical_memory/renderers/fonts",
]

pytestmark = pytest.mark.slow

IMPORT_ALL = """
import importlib, pkgutil
import optical_memory
from optical_memory.errors import MissingExtra

print(optical_memory.__file__)
names = [m.name for m in pkgutil.walk_packages(optical_memory.__path__, "optical_memory.")]
for name in names:
    try:
        importlib.import_module(name)
    except MissingExtra as missing:
        print(name, "wants an extra:", missing)
print(" ".join(names))
"""

HASH_FONTS = """
import hashlib
from importlib.resources import files
for font in sorted((files("optical_memory.renderers") / "fonts").iterdir(), key=lambda f: f.name):
    if font.is_file():
        print(font.name, hashlib.sha256(font.read_bytes()).hexdigest())
"""

MYPY_CONFIG = """
[mypy]
follow_imports = silent
[mypy-accelerate.*,langchain.*,langchain_core.*,langgraph.*,numpy.*,pydantic.*,redis.*,torch.*,transformers.*]
follow_imports = skip
"""  # large libraries, which say nothing about ours


def names_in(dist: Path) -> set[str]:
    """The paths in the wheel."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        return set(wheel.namelist())


def metadata(dist: Path) -> Message:
    """The metadata of the wheel."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(wheel.read(name).decode("utf-8"))


# ---- the wheel ---------------------------------------------------------------------------------


def test_every_module_of_the_installed_wheel_can_be_imported(wheel_python: Path, tmp_path: Path):
    path, *_, names = run(wheel_python, "-c", IMPORT_ALL, cwd=tmp_path).strip().splitlines()
    assert path.startswith(str(wheel_python.parents[1]))
    rooms = {"agents", "readers.base", "readers.pocket", "renderers.glyphs"}
    assert {f"optical_memory.{room}" for room in rooms} < set(names.split())


@pytest.mark.parametrize("folder", PACKAGE_DATA)
def test_the_wheel_carries_fonts_the_checkpoint_templates_and_labels(dist: Path, folder: str):
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    paths = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    assert paths
    assert paths <= names_in(dist)


def test_the_wheel_carries_the_examples_and_the_typed_mark(dist: Path):
    files = ["py.typed", "examples/conversation.json", "examples/questions.json"]
    assert {f"optical_memory/{name}" for name in files} <= names_in(dist)


def test_the_wheel_puts_nothing_but_optical_memory_on_the_path(dist: Path):
    tops = {name.split("/")[0] for name in names_in(dist)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"optical_memory"}


def test_the_licence_and_the_notices_travel_with_the_wheel(dist: Path):
    names = {Path(name).name for name in names_in(dist) if "dist-info" in name}
    assert {"LICENSE", "NOTICE"} <= names


def test_a_package_index_can_show_what_this_is(dist: Path):
    fields = metadata(dist)
    assert fields["Summary"] == PROJECT["description"]
    assert fields["Description-Content-Type"] == "text/markdown"
    assert fields.get_payload().startswith("# optical-memory")
    assert fields["License-Expression"] == "Apache-2.0"
    assert len(fields.get_all("Classifier")) == len(PROJECT["classifiers"])


def test_the_fonts_of_the_wheel_are_those_of_the_checkout(wheel_python: Path, tmp_path: Path):
    fonts = sorted(path for path in (ROOT / "renderers" / "fonts").iterdir() if path.is_file())
    digests = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in fonts]
    assert run(wheel_python, "-c", HASH_FONTS, cwd=tmp_path).splitlines() == digests


def test_the_example_conversation_comes_with_the_wheel(wheel_python: Path, tmp_path: Path):
    code = "from optical_memory.loaders import example; print(len(example().turns))"
    assert int(run(wheel_python, "-c", code, cwd=tmp_path)) > 300


def test_the_command_is_installed_and_tells_the_version(wheel_python: Path, tmp_path: Path):
    output = run(wheel_python.parent / "optical-memory", "--version", cwd=tmp_path)
    assert PROJECT["version"] in output


def test_a_type_checker_sees_the_types_of_the_installed_package(wheel_python: Path, tmp_path: Path):
    user = tmp_path / "user.py"
    user.write_text(
        "from optical_memory.loaders import load\n"
        "from optical_memory.renderers import glyphs\n"
        "import optical_memory.agents\n"
        "reveal_type(load('x'))\n"
        "reveal_type(glyphs.__name__)\n",
        encoding="utf-8",
    )
    config = tmp_path / "mypy.ini"
    config.write_text(MYPY_CONFIG, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--config-file", config]
    output = run(*mypy, "--python-executable", wheel_python, user, cwd=tmp_path)
    assert "list[optical_memory.loaders.conversation.Conversation]" in output
    assert "Success" in output


# ---- an editable checkout ----------------------------------------------------------------------


def test_an_editable_install_finds_both_packages_behind_symlinks(checkout: Path, tmp_path: Path):
    python = new_environment(tmp_path / "venv")
    install(python, "--editable", checkout)
    code = "import optical_memory.renderers as r, optical_memory.agents; print(r.__file__)"
    path = run(python, "-c", code, cwd=tmp_path)
    assert path.startswith(str(checkout / "optical_memory" / "renderers"))


@pytest.mark.parametrize("start", [["-m", "pytest"], ["-P", "-m", "pytest"]], ids=" ".join)
def test_tests_started_at_the_root_see_both_our_agents_and_those_of_openai_agents(
    checkout: Path, tmp_path: Path, start: list[str]
):
    """With -P, as the script `pytest` starts, the working directory is not on the path."""
    python = new_environment(tmp_path / "venv")
    install(python, "--editable", checkout)
    openai_agents = site_packages(python) / "agents"
    openai_agents.mkdir()
    (openai_agents / "__init__.py").write_text("class Agent:\n    maker = 'openai-agents'\n")
    claim = checkout / "tests" / "test_both_agents.py"
    claim.write_text(
        "import optical_memory.agents\n"
        "from agents import Agent\n\n"
        "def test_both():\n"
        "    assert Agent.maker == 'openai-agents'\n"
        "    assert optical_memory.agents.__name__ == 'optical_memory.agents'\n",
        encoding="utf-8",
    )
    path = claim.relative_to(checkout)
    output = run(python, *start, "-p", "no:cacheprovider", path, cwd=checkout)
    claim.unlink()
    assert "1 passed" in output


# ---- pins --------------------------------------------------------------------------------------


def test_every_constraint_pins_one_version_and_torch_among_them():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line[:1] != "#"]
    assert all(line.count("==") == 1 for line in lines)
    assert any(line.startswith("torch==2.13.0") for line in lines)


def test_everything_that_the_checks_need_is_pinned():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = {line.split("==")[0].lower().replace("_", "-") for line in text.splitlines()}
    needs = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    names = {need.split(">")[0].split("[")[0].lower().replace("_", "-") for need in needs}
    assert names - pins == set()
