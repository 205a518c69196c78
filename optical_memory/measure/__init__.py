"""Measurements: how well a reader reads, how fast the road is, and the demo."""
