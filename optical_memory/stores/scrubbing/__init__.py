"""Deleted bytes leave the files of a Redis server."""
