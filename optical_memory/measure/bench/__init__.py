"""How fast each step is, beside a plain program that does the same: `optical-memory bench`."""
