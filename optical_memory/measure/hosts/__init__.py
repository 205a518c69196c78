"""Receipts: what a chat model reads on our sheets, measured with a user's own key."""
