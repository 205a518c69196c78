"""A memory for LLM agents that keeps old conversation as pictures of text."""
