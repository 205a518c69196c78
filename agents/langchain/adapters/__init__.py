"""LangChain's own interfaces over a memory: retriever, byte store, history, summarizer, node."""
