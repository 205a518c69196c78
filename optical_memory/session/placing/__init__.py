"""Where the text of each turn stands."""
