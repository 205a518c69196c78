"""Sessions of coding agents and runs of agents, as their programs write them."""
