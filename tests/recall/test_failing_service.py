"""A service of vectors that fails for a while: words find the turns, and nothing breaks."""

from __future__ import annotations

from support.memories import Open

from optical_memory import Turn


class Service:
    """LangChain's `Embeddings`, in two numbers a text; it may be down, or change its width."""

    def __init__(self) -> None:
        self.is_down = False
        self.width = 2

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.is_down:
            raise ConnectionError("down")
        return [[float(len(text)), *[1.0] * (self.width - 1)] for text in texts]


def test_turns_that_were_remembered_meanwhile_are_found_by_words(opened: Open) -> None:
    service = Service()
    memory = opened(semantic=service, background=False)
    memory.remember([Turn("user", f"apple {i}") for i in range(130)])
    service.is_down = True
    memory.remember(Turn("user", "The gate code is 4417."))
    assert memory.recall("gate code", 1)[0].text == "The gate code is 4417."
    service.is_down = False
    for semantic in (service, None):
        other = opened(semantic=semantic, background=False)
        assert other.recall("gate code", 1)[0].text == "The gate code is 4417."
        messages = other.context("gate code", 500).to_messages()
        assert any("The gate code is 4417." in message["content"] for message in messages)


def test_vectors_of_another_width_are_passed_over(opened: Open) -> None:
    service = Service()
    memory = opened(semantic=service, background=False)
    memory.remember([Turn("user", f"apple {i}") for i in range(130)])
    service.width = 3
    memory.remember([Turn("user", f"pear {i}") for i in range(130)])
    memory.remember(Turn("user", "The gate code is 4417."))
    assert memory.recall("gate code", 1)[0].text == "The gate code is 4417."
    assert memory.recall("apple 7", 1)[0].text == "apple 7"
