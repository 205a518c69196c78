"""Protection of a session's records in any store: checksums, so that damage is told."""
