"""Pages decoded by stock vLLM servers."""
