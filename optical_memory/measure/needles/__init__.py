"""Needles: facts that are planted in real text, asked for in two ways, and looked for."""
