"""The threads of torch sleep while they wait, unless the user chose otherwise."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from optical_memory.readers.threads import SPIN_TIMES, WAIT_POLICY, wait_passively

PROGRAM = """
from optical_memory.readers.threads import wait_passively
wait_passively()
import torch
torch.get_num_threads()
"""


@pytest.fixture
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user set none of the variables."""
    for name in (WAIT_POLICY, *SPIN_TIMES):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_choice")
def test_waiting_is_passive_by_default() -> None:
    wait_passively()
    assert os.environ[WAIT_POLICY] == "PASSIVE"


@pytest.mark.usefixtures("no_choice")
def test_the_users_own_policy_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WAIT_POLICY, "ACTIVE")
    wait_passively()
    assert os.environ[WAIT_POLICY] == "ACTIVE"


@pytest.mark.usefixtures("no_choice")
@pytest.mark.parametrize("name", SPIN_TIMES)
def test_the_users_own_spin_time_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "100")
    wait_passively()
    assert os.environ[name] == "100"
    assert WAIT_POLICY not in os.environ


def _spins_of_torch(**environment: str) -> list[int]:
    """How often GNU's OpenMP looks before it sleeps, as it says itself when torch loads it."""
    inherited = {name: value for name, value in os.environ.items() if "OMP" not in name}
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=inherited | environment | {"OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(count) for count in re.findall(r"GOMP_SPINCOUNT = '(\d+)'", process.stderr)]


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings GNU's OpenMP on Linux only")
def test_the_openmp_of_torch_obeys() -> None:
    assert _spins_of_torch() == [0]
    assert _spins_of_torch(GOMP_SPINCOUNT="100") == [100]


def test_torch_is_not_loaded() -> None:
    program = "import sys, optical_memory.readers.threads; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
