"""LangChain's own suites, inherited: byte store, tool and retriever."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_tests", reason="needs langchain-tests, of the extra dev")

from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import (
    BaseStoreAsyncTests,
    BaseStoreSyncTests,
    RetrieversIntegrationTests,
    ToolsIntegrationTests,
)
from langchain_tests.unit_tests import ToolsUnitTests

from optical_memory import OpticalMemory, Turn
from optical_memory.agents.langchain import OpticalByteStore, OpticalRetriever, recall_tool
from optical_memory.testing import TemplateReader

VALUES = (b"first", b"\x00\xff\x80", b"")


@pytest.fixture(params=["sqlite", "redis"])
def byte_store(request: pytest.FixtureRequest, file_url: str) -> Iterator[OpticalByteStore]:
    """An empty byte store in a real file, and on a real server."""
    is_file = request.param == "sqlite"
    url = file_url if is_file else request.getfixturevalue("redis_url")
    store = OpticalByteStore(url, namespace=uuid.uuid4().hex)
    yield store
    store.mdelete(list(store.yield_keys()))
    store.close()


class TestByteStore(BaseStoreSyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, byte_store: OpticalByteStore) -> OpticalByteStore:
        return byte_store

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return VALUES


class TestByteStoreAsync(BaseStoreAsyncTests[bytes]):
    @pytest.fixture
    def kv_store(self, byte_store: OpticalByteStore) -> OpticalByteStore:
        return byte_store

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        return VALUES


# ---- tool and retriever --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpticalMemory]:
    """A memory of some turns, shared by the tests of this module."""
    folder: Path = tmp_path_factory.mktemp("suite")
    url = f"sqlite:///{folder}/memory.db"
    with OpticalMemory("alice", store=url, reader=TemplateReader(), background=False) as memory:
        memory.remember([Turn("user", f"The gate code of house {i} is {i}417#.") for i in range(6)])
        yield memory


class _ToolOfTheMemory:
    """What both suites of the tool ask for."""

    @pytest.fixture(autouse=True)
    def use(self, memory: OpticalMemory) -> None:
        self.memory = memory

    @property
    def tool_constructor(self) -> BaseTool:
        return recall_tool(self.memory)

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "gate code of house 3", "detail": "lines"}


class TestToolUnit(_ToolOfTheMemory, ToolsUnitTests):
    pass


class TestToolIntegration(_ToolOfTheMemory, ToolsIntegrationTests):
    pass


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def use(self, memory: OpticalMemory) -> None:
        self.memory = memory

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return OpticalRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory}

    @property
    def retriever_query_example(self) -> str:
        return "gate code of a house"
