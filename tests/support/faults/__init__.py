"""Faults at every point of every operation, and a checker that shares no code with the product."""
