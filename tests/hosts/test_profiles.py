"""Profiles: which model is of which family, what a picture costs it, and what opens it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from optical_memory.errors import InputError
from optical_memory.hosts import (
    HOSTS,
    Density,
    Receipt,
    accept_images,
    find_host,
    host_named,
    image_refusal,
    read_receipts,
    refuse_images,
    write_receipts,
)
from optical_memory.hosts.receipts import RECEIPTS_VARIABLE
from optical_memory.hosts.resolve import resolve_host

FAMILIES = {
    "claude-opus-5-5": "claude-5",
    "claude-fable-5": "claude-5",
    "openrouter/anthropic/claude-opus-5.5": "claude-5",
    "us.anthropic.claude-opus-5-20261101-v1:0": "claude-5",
    "anthropic:claude-sonnet-5": "claude-4.7",
    "claude-opus-4-8": "claude-4.7",
    "claude-opus-4-20250514": "claude-4",
    "claude-sonnet-4-5-20250929": "claude-4",
    "claude-haiku-4-5": "claude-4",
    "claude-3-5-sonnet-latest": "claude-4",
    "gpt-5.6-sol": "gpt-6",
    "openai:gpt-6": "gpt-6",
    "gpt-5": "gpt-5",
    "gpt-5.1": "gpt-5",
    "gpt-4o": "gpt-4o",
    "gpt-4o-mini": "gpt-4o-mini",
    "gpt-4.1": "gpt-4o",
    "gpt-4.1-mini": "gpt-4.1-mini",
    "models/gemini-3.7-flash": "gemini-3.6-flash",
    "gemini-3-pro-preview": "gemini-3",
    "gemini-2.5-flash": "gemini-2",
    "grok-4.5": "grok",
    "qwen/qwen3-vl-8b-instruct": "qwen-vl",
    "deepseek-v4.1-flash": "deepseek-flash",
}

OPEN = {"claude-5", "gemini-3.6-flash"}


@pytest.fixture(autouse=True)
def own_receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of receipts of its own for each test."""
    path = tmp_path / "receipts.jsonl"
    monkeypatch.setenv(RECEIPTS_VARIABLE, str(path))
    return path


def receipt(model: str = "gpt-6", px2: float = 45.0, **fields: object) -> Receipt:
    values = {"n": 20, "exact": 20, "silent": 0, "source": "a test", "date": "2026-11-27"} | fields
    return Receipt.model_validate({"model": model, "face": "sans", "density_px2": px2} | values)


@pytest.mark.parametrize(("model", "name"), FAMILIES.items())
def test_a_model_is_known_by_its_id(model: str, name: str):
    host = find_host(model)
    assert host is not None
    assert host.name == name


@pytest.mark.parametrize("model", ["llama-4-maverick", "", "gpt-60", "claude-opus-50", object()])
def test_a_model_that_nobody_listed_has_no_profile(model: object):
    assert find_host(model) is None
    assert resolve_host(None, model) is None


def test_a_chat_model_is_known_by_the_id_that_it_holds():
    class Chat:
        model_name = "claude-opus-5-5"

    assert find_host(Chat()) == find_host("claude-opus-5-5")


def test_only_hosts_with_a_passing_receipt_are_open():
    assert {host.name for host in HOSTS if host.is_open} == OPEN


def test_every_profile_says_when_and_by_whom_its_facts_were_told():
    for host in HOSTS:
        assert host.sources
        assert host.date >= "2026-07"
        assert all(receipt.source and receipt.date for receipt in host.receipts)


def test_a_full_sheet_is_within_the_limits_and_wastes_no_patch():
    for host in HOSTS:
        size = host.sheet
        assert max(size.width_px, size.height_px) <= host.limits.max_side_px
        assert size.height_px % size.step_px == 0
        price = host.price.tokens(size.width_px, size.height_px)
        assert price <= host.price.tokens(size.width_px + 1, size.height_px + 1)


@pytest.mark.parametrize(
    ("name", "width", "height", "n_tokens"),
    [
        ("claude-4", 1568, 728, 56 * 26 + 4),
        ("claude-5", 1036, 1036, 37 * 37 + 3),
        ("gpt-6", 1024, 1024, 1229),
        ("gpt-5", 512, 2048, 630),
        ("gpt-4o", 1024, 1024, 765),
        ("gemini-3", 100, 100, 1120),
        ("gemini-2", 768, 1536, 516),
        ("deepseek-flash", 1024, 1024, 384),
    ],
)
def test_a_picture_costs_what_the_provider_bills(name: str, width: int, height: int, n_tokens: int):
    assert host_named(name).price.tokens(width, height) == n_tokens


def test_older_passages_are_drawn_denser_and_never_denser_than_a_receipt():
    for host in HOSTS:
        densities = [host.density(age) for age in range(0, 3000, 50)]
        assert densities == sorted(densities, reverse=True)
    claude = host_named("claude-5")
    assert (claude.density(0), claude.density(5000)) == (50.0, 35.0)
    coarse = replace(claude, receipts=(receipt(px2=42.0),))
    assert coarse.density(5000) == 50.0
    coarser = replace(claude, receipts=(receipt(px2=80.0),))
    assert coarser.open_densities == (Density(0, 80.0),)


@pytest.mark.parametrize(
    "fields", [{"n": 9, "exact": 9}, {"exact": 17}, {"exact": 18, "silent": 2}]
)
def test_a_receipt_of_few_facts_or_with_errors_opens_nothing(fields: dict[str, int]):
    assert not receipt(**fields).passes
    assert receipt(exact=18, silent=1).passes


def test_a_receipt_of_the_user_opens_exactly_its_model(own_receipts: Path):
    write_receipts([receipt("openai:gpt-6")], own_receipts)
    assert read_receipts(own_receipts) == [receipt("openai:gpt-6")]
    gpt = find_host("gpt-6")
    assert gpt is not None
    assert [step.px2 for step in gpt.open_densities] == [50.0, 45.0]
    other = find_host("gpt-6-mini")
    assert other is not None
    assert not other.is_open


def test_a_damaged_receipt_is_named_by_its_line_and_opens_nothing(
    own_receipts: Path, caplog: pytest.LogCaptureFixture
):
    own_receipts.write_text(f"{receipt().model_dump_json()}\n{{}}\n")
    with pytest.raises(InputError, match=r"receipts\.jsonl, line 2"):
        read_receipts(own_receipts)
    assert find_host("gpt-6") == host_named("gpt-6")
    assert "receipts.jsonl, line 2" in caplog.text
    own_receipts.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_receipts(own_receipts)
    with pytest.raises(ValidationError):
        receipt(n=0)


def test_a_model_that_refused_a_picture_gets_text_until_it_is_accepted_again():
    refuse_images("anthropic:claude-opus-5-5", "413: too large")
    try:
        assert image_refusal("claude-opus-5-5") == "413: too large"
        refused = resolve_host(None, "claude-opus-5-5")
        other = resolve_host(None, "claude-opus-5")
        assert refused is not None
        assert other is not None
        assert (refused.is_open, other.is_open) == (False, True)
    finally:
        accept_images("claude-opus-5-5")
    assert image_refusal("claude-opus-5-5") is None


def test_an_unknown_name_of_a_host_is_an_error():
    with pytest.raises(InputError, match="there are claude-5, "):
        host_named("claude-9")
    with pytest.raises(InputError, match="not int"):
        resolve_host(5, None)  # type: ignore[arg-type]
