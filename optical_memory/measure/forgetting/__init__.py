"""How much a memory forgets that it should know, and what it knows that is no longer so."""
