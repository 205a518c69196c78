"""LangChain's own tests of agents, with our middleware in every agent, and without it.

    python tests/agents/langchain/upstream.py FOLDER [--recall-tool]

fetches the sdist of the installed langchain into FOLDER, runs `tests/unit_tests/agents` twice, and
fails unless the same tests pass and fail. Tests that differ are run once more by themselves: some
measure seconds, on a machine that may be busy. The sdist of langchain-core comes too, for
`test_upstream_history.py`. `make test-upstream` calls both.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from pathlib import Path

SEE_THE_TOOL = {
    "test_async_middleware_with_can_jump_to_graph_snapshot",
    "test_create_agent_diagram",
    "test_jump_to_is_ephemeral",
    "test_model_request_tools_are_base_tools",
    "test_on_parsing_failure_all_ignores_max_tools",
    "test_tools_preserved_across_multiple_middleware",
}
"""Tests that draw the graph or count the tools: with `--recall-tool` there is a tool more."""

PLUGIN = "optical_upstream_plugin"

PLUGIN_SOURCE = '''
"""Puts an OpticalMemoryMiddleware into every agent that create_agent makes."""
import os, sys, tempfile
import langchain.agents, langchain.agents.factory as factory
from optical_memory import OpticalMemory
from optical_memory.agents.langchain import OpticalMemoryMiddleware
from optical_memory.testing import TemplateReader

original = factory.create_agent
count = [0]
HAS_TOOL = os.environ.get("OPTICAL_RECALL_TOOL") == "1"
folder = tempfile.mkdtemp()
memory = OpticalMemory(
    store=f"sqlite:///{folder}/memory.db", reader=TemplateReader(), budget=30_000, semantic=None
)

def create_agent(*args, middleware=(), **kwargs):
    count[0] += 1
    ours = OpticalMemoryMiddleware(memory=memory, recall_tool=HAS_TOOL)
    return original(*args, middleware=[*middleware, ours], **kwargs)

langchain.agents.create_agent = create_agent
factory.create_agent = create_agent
for name, module in list(sys.modules.items()):
    if name.startswith("langchain.agents") and getattr(module, "create_agent", None) is original:
        module.create_agent = create_agent

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"agents with our middleware: {count[0]}")
'''


def fetch(folder: Path, package: str) -> Path:
    """The folder of the unpacked sdist of an installed package."""
    version = importlib.metadata.version(package)
    name = f"{package.replace('-', '_')}-{version}"
    home = folder / name
    if not home.exists():
        download = ["pip", "download", "--quiet", "--no-deps", "--no-binary", package]
        requirement = f"{package}=={version}"
        command = [sys.executable, "-m", *download, "--dest", str(folder), requirement]
        subprocess.run(command, check=True)
        with tarfile.open(folder / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return home


def run(
    home: Path, name: str, has_plugin: bool, has_tool: bool, tests: Iterable[str] = ()
) -> dict[str, str]:
    """The outcome of each test, by its name; of these `tests` alone, if there are any."""
    report = home.parent / f"{name}.xml"
    paths = os.pathsep.join([str(home.parent), str(Path(__file__).parents[3])])
    environment = os.environ | {"PYTHONPATH": paths, "OPTICAL_RECALL_TOOL": str(int(has_tool))}
    options = ["-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    options += [
        "--ignore=tests/unit_tests/agents/middleware/implementations/test_model_fallback.py"
    ]
    if tests:
        options += ["-k", " or ".join(test.rpartition("::")[2].partition("[")[0] for test in tests)]
    if has_plugin:
        options += ["-p", PLUGIN]
    command = [sys.executable, "-m", "pytest", "tests/unit_tests/agents", *options]
    result = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    print(name, "\n".join(result.stdout.splitlines()[-3:]))
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        outcomes[f"{case.get('classname')}::{case.get('name')}"] = (kinds or ["passed"])[0]
    return outcomes


def differences(plain: Mapping[str, str], ours: Mapping[str, str]) -> set[str]:
    """The tests whose outcomes differ."""
    return {name for name in plain.keys() | ours.keys() if plain.get(name) != ours.get(name)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recall-tool", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    home = fetch(options.folder.resolve(), "langchain")
    fetch(options.folder.resolve(), "langchain-core")
    (home.parent / f"{PLUGIN}.py").write_text(PLUGIN_SOURCE)
    plain = run(home, "without", False, False)
    ours = run(home, "with", True, options.recall_tool)
    changes = differences(plain, ours)
    if changes:
        plain |= run(home, "without, again", False, False, changes)
        ours |= run(home, "with, again", True, options.recall_tool, changes)
        changes = differences(plain, ours)
    for name in sorted(changes):
        print(f"{name}: {plain.get(name)} without, {ours.get(name)} with")
    print(f"{len(plain)} tests, {len(changes)} differ")
    allowed = SEE_THE_TOOL if options.recall_tool else set()
    return int(any(name.rpartition("::")[2] not in allowed for name in changes))


if __name__ == "__main__":
    sys.exit(main())
