"""A retriever of LangChain over a memory: passages as documents, each with where it comes from."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from optical_memory.agents.failures import OnError, or_else
from optical_memory.memory import OpticalMemory
from optical_memory.recall.recollection import Recollection

__all__ = [
    "OpticalRetriever",
]


class OpticalRetriever(BaseRetriever):
    """The `k` passages of a memory that say most about a query, the best first.

    Each is a `Document`: `page_content` is the passage with its marks of doubt. `metadata` has
    `session`, `turns` (their ids), `roles`, `names`, `times` (ISO 8601), `pages` (their ids),
    `rungs`, `score`, `provenance`, `certainty` and `n_tokens`, all as JSON takes them.

    If the memory fails there are no documents, and the log has the reason; with `on_error="raise"`
    the error is raised.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory: OpticalMemory
    k: int = Field(default=4, ge=1)
    on_error: OnError = "passthrough"

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        def documents() -> list[Document]:
            passages = self.memory.recall(query, self.k if k is None else k)
            return [_document(passage, self.memory.session) for passage in passages]

        return or_else("retrieval", documents, [], raises=self.on_error == "raise")


def _document(passage: Recollection, session: str) -> Document:
    return Document(page_content=passage.marked(), metadata=_metadata(passage, session))


def _metadata(passage: Recollection, session: str) -> dict[str, Any]:
    parts = passage.parts
    return {
        "session": session,
        "turns": list(passage.turns),
        "roles": [part.role for part in parts],
        "names": [part.name for part in parts],
        "times": [None if part.when is None else part.when.isoformat() for part in parts],
        "pages": list(passage.pages),
        "rungs": list(passage.rungs),
        "score": float(passage.score),
        "provenance": passage.provenance,
        "certainty": float(passage.certainty),
        "n_tokens": passage.n_tokens,
    }
