"""What people install: the wheel and the sdist, an editable checkout, and what importing the
package costs.

Everything is built from a copy of the checkout and installed into fresh environments, which see the
dependencies of the environment that runs the tests but not its own optical-memory.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", ".*_cache", "runs", "build", "dist", "__pycache__", "*.egg-info"
)

pytestmark = pytest.mark.slow

IMPORT_ALL = """
import importlib, pkgutil, sys
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


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """The output of a command that must succeed."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), "OMP_NUM_THREADS": "1", **env}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, its symlinks kept."""
    target = tmp_path_factory.mktemp("source") / "optical-memory"
    shutil.copytree(ROOT, target, symlinks=True, ignore=LEFT_OUT)
    return target


@pytest.fixture(scope="module")
def dist(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, copy, cwd=folder)
    return folder


def environment(folder: Path) -> Path:
    """The python of a new environment that borrows this one's libraries (its `.pth` files are not
    followed).
    """
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    python = folder / "bin" / "python"
    site = run(
        python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
    ).strip()
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(site) / "zz_borrowed.pth").write_text("\n".join(sorted(lent)) + "\n", encoding="utf-8")
    return python


def install(python: Path, *what: str | Path) -> None:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    run(*pip, "--force-reinstall", "--no-build-isolation", *what, cwd=python.parent)


@pytest.fixture(scope="module")
def installed(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment in which the wheel is installed."""
    python = environment(tmp_path_factory.mktemp("wheel") / "venv")
    install(python, next(dist.glob("*.whl")))
    return python


def test_every_module_of_the_installed_wheel_can_be_imported(installed: Path, tmp_path: Path):
    where, *_, names = run(installed, "-c", IMPORT_ALL, cwd=tmp_path).strip().splitlines()
    assert where.startswith(str(installed.parents[1]))
    expected = {
        "optical_memory.renderers.glyphs",
        "optical_memory.agents",
        "optical_memory.readers.base",
    }
    assert expected < set(names.split())


def test_the_wheel_carries_fonts_checkpoint_examples_and_the_typed_mark(dist: Path):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    for folder, at in [
        ("renderers/fonts", "optical_memory"),
        ("optical_memory/readers/checkpoints", ""),
    ]:
        files = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.is_file()]
        assert {(Path(at) / path).as_posix() for path in files} <= names
    assert {"optical_memory/py.typed", "optical_memory/examples/conversation.json"} <= names


def test_the_wheel_puts_nothing_but_optical_memory_on_the_path(dist: Path):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"optical_memory"}


def test_the_licence_and_the_notices_travel_with_both(dist: Path):
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        assert {"LICENSE", "NOTICE"} <= {
            Path(name).name for name in wheel.namelist() if "dist-info" in name
        }
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        assert {"LICENSE", "NOTICE", "CHANGELOG.md"} <= {
            Path(name).name for name in sdist.getnames()
        }


def test_the_fonts_of_the_wheel_are_those_of_the_checkout(installed: Path, tmp_path: Path):
    code = """
import hashlib
from importlib.resources import files
for font in sorted((files("optical_memory.renderers") / "fonts").iterdir(), key=lambda f: f.name):
    if font.is_file():
        print(font.name, hashlib.sha256(font.read_bytes()).hexdigest())
"""
    import hashlib

    there = run(installed, "-c", code, cwd=tmp_path).splitlines()
    here = sorted(path for path in (ROOT / "renderers" / "fonts").iterdir() if path.is_file())
    assert there == [
        f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in here
    ]


def test_the_example_conversation_comes_with_the_wheel(installed: Path, tmp_path: Path):
    code = "from optical_memory.loaders import example; print(len(example().turns))"
    assert int(run(installed, "-c", code, cwd=tmp_path)) > 300


def test_the_command_is_installed_and_tells_the_version(installed: Path, tmp_path: Path):
    shown = run(installed.parent / "optical-memory", "--version", cwd=tmp_path)
    assert PROJECT["version"] in shown


def test_an_editable_install_finds_both_mapped_packages(copy: Path, tmp_path: Path):
    python = environment(tmp_path / "venv")
    install(python, "--editable", copy)
    where = run(
        python,
        "-c",
        "import optical_memory.renderers as r, optical_memory.agents; print(r.__file__)",
        cwd=tmp_path,
    )
    assert where.startswith(str(copy / "optical_memory" / "renderers"))


@pytest.mark.parametrize("how", ["python -m pytest", "pytest"])
def test_tests_started_at_the_root_see_both_our_agents_and_those_of_openai_agents(
    copy: Path, tmp_path: Path, how: str
):
    python = environment(tmp_path / "venv")
    install(python, "--editable", copy)
    theirs = Path(
        run(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path
        ).strip()
    )
    (theirs / "agents").mkdir()
    (theirs / "agents" / "__init__.py").write_text(
        "class Agent:\n    maker = 'openai-agents'\n", encoding="utf-8"
    )
    claim = copy / "tests" / "test_both_agents.py"
    claim.write_text(
        "import optical_memory.agents\n"
        "from agents import Agent\n\n"
        "def test_both():\n"
        "    assert Agent.maker == 'openai-agents'\n"
        "    assert optical_memory.agents.__name__ == 'optical_memory.agents'\n",
        encoding="utf-8",
    )
    start = (
        ["-m", "pytest"] if how == "python -m pytest" else ["-P", "-m", "pytest"]
    )  # -P: as the script does it
    assert "1 passed" in run(
        python, *start, "-p", "no:cacheprovider", claim.relative_to(copy), cwd=copy
    )


def test_importing_the_package_loads_no_heavy_library(tmp_path: Path):
    heavy = ["torch", "redis", "langchain_core", "transformers"]
    code = f"import sys, optical_memory, optical_memory.loaders; print([m for m in {heavy!r} if m in sys.modules])"
    assert run(sys.executable, "-c", code, cwd=tmp_path).strip() == "[]"


def test_a_type_checker_sees_the_types_of_the_installed_package(installed: Path, tmp_path: Path):
    user = tmp_path / "user.py"
    user.write_text(
        "from optical_memory.loaders import load\n"
        "from optical_memory.renderers import glyphs\n"
        "import optical_memory.agents\n"
        "reveal_type(load('x'))\n"
        "reveal_type(glyphs.__name__)\n",
        encoding="utf-8",
    )
    shown = run(
        *(sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", tmp_path / "cache"),
        *("--follow-imports=silent", "--python-executable", installed, user),
        cwd=tmp_path,
    )
    assert "list[optical_memory.loaders.base.Conversation]" in shown
    assert "Success" in shown


def test_every_constraint_pins_one_version_and_torch_among_them():
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line[:1] != "#"
    ]
    assert all(line.count("==") == 1 for line in lines)
    assert any(line.startswith("torch==2.13.0") for line in lines)
