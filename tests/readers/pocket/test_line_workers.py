"""Groups of lines are read in several threads, with torch's own settings as they were."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch

from optical_memory.readers.pocket.line_workers import map_groups


@pytest.fixture
def two_threads() -> Iterator[None]:
    """torch may use two threads for an operation."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(n_threads)


def _threads_of_torch(_: object = None) -> tuple[str, int]:
    return threading.current_thread().name, torch.get_num_threads()


@pytest.mark.usefixtures("two_threads")
def test_answers_come_in_the_order_of_the_groups() -> None:
    assert map_groups(lambda i: i * i, range(20)) == [i * i for i in range(20)]


@pytest.mark.usefixtures("two_threads")
def test_two_groups_are_read_at_the_same_time() -> None:
    both_started = threading.Barrier(2)
    map_groups(lambda _: both_started.wait(timeout=10), range(2))


@pytest.mark.usefixtures("two_threads")
def test_workers_divide_the_threads_of_torch() -> None:
    answers = map_groups(_threads_of_torch, range(8))
    assert set(answers) == {("pocket-lines", 1)}


@pytest.mark.usefixtures("two_threads")
def test_other_threads_keep_their_share_of_torch() -> None:
    map_groups(_threads_of_torch, range(8))
    assert torch.get_num_threads() == 2
    answers: list[tuple[str, int]] = []
    thread = threading.Thread(target=lambda: answers.append(_threads_of_torch()), name="other")
    thread.start()
    thread.join()
    assert answers == [("other", 2)]


def test_with_one_thread_of_torch_the_caller_reads_all_groups() -> None:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        answers = map_groups(_threads_of_torch, range(8))
    finally:
        torch.set_num_threads(n_threads)
    assert set(answers) == {(threading.current_thread().name, 1)}


@pytest.mark.usefixtures("two_threads")
def test_the_error_of_a_group_is_raised_and_the_workers_go_on() -> None:
    with pytest.raises(ZeroDivisionError):
        map_groups(lambda i: 1 // i, range(4))
    assert map_groups(lambda i: i + 1, range(4)) == [1, 2, 3, 4]


PROGRAM_THAT_ENDS = """
import atexit, torch
from optical_memory.readers.pocket.line_workers import map_groups
torch.set_num_threads(2)
atexit.register(lambda: print(map_groups(lambda i: i + 1, range(4))))
map_groups(lambda i: i, range(4))
"""

PROGRAM_THAT_FORKS = """
import os, torch
from optical_memory.readers.pocket.line_workers import map_groups
torch.set_num_threads(2)
map_groups(lambda i: i, range(4))
pid = os.fork()
answers = map_groups(lambda i: i + 1, range(4))
if pid == 0:
    print(answers, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("program", [PROGRAM_THAT_ENDS, PROGRAM_THAT_FORKS])
def test_pages_can_be_read_while_a_program_ends_and_in_a_forked_child(program: str) -> None:
    process = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    assert process.stdout == "[1, 2, 3, 4]\n"
