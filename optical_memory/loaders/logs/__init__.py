"""Text and Markdown in which lines name their speakers."""
