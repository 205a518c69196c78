"""Where a memory is kept: durable records and a token cache that may vanish, behind one contract."""
