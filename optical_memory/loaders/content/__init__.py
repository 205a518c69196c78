"""The content of a file: its bytes as UTF-8, and the JSON in them."""
