"""Small files as coding agents and agent frameworks write them, a module for each program."""
