"""Parts that readers of free text share: families, tokenizer, guard against loops, alignment."""
