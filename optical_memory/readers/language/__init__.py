"""Parts that every reader of free text shares: tokenizer, loop guard, alignment with the layout."""
