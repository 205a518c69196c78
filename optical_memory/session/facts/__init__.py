"""The exact facts of a page: those that its ledger keeps, and those that are left in a stub."""
