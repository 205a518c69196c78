"""Messages as providers and frameworks write them."""
