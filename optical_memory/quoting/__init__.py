"""Words of others, made safe to quote: look-alikes, special tokens, characters without a look."""
