"""The retriever beyond LangChain's suite: metadata, failures, sync and async."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.langchain import OpticalRetriever
from optical_memory.errors import StoreError
from optical_memory.testing import TemplateReader

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def memory(store: Any) -> OpticalMemory:
    memory = OpticalMemory("alice", store=store, reader=TemplateReader(), background=False)
    memory.remember(Turn("user", "The gate code is 4417#.", name="Ann", when=NOON, id="m1"))
    return memory


def test_a_document_says_who_when_and_how_sure(memory: OpticalMemory):
    (document,) = OpticalRetriever(memory=memory).invoke("gate code")
    assert document.page_content == "The gate code is 4417#."
    metadata = document.metadata
    assert (metadata["turns"], metadata["names"], metadata["roles"]) == (["m1"], ["Ann"], ["user"])
    assert metadata["times"] == ["2026-03-01T12:00:00+00:00"]
    assert metadata["certainty"] == 1.0
    assert json.loads(json.dumps(metadata)) == metadata


def test_async_gives_the_same_documents(memory: OpticalMemory):
    retriever = OpticalRetriever(memory=memory, k=2)
    assert asyncio.run(retriever.ainvoke("gate code")) == retriever.invoke("gate code")


def test_a_failure_is_no_documents(memory: OpticalMemory, store: Any):
    store.error = StoreError("no")
    assert OpticalRetriever(memory=memory).invoke("gate code") == []
    with pytest.raises(StoreError):
        OpticalRetriever(memory=memory, on_error="raise").invoke("gate code")


def test_settings_out_of_range_are_refused(memory: OpticalMemory):
    with pytest.raises(ValueError, match="k"):
        OpticalRetriever(memory=memory, k=0)
    with pytest.raises(ValueError, match="on_error"):
        OpticalRetriever(memory=memory, on_error="ignore")
