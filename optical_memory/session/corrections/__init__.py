"""Corrections: versions of a turn, turns that supersede others, and tombstones of turns."""
