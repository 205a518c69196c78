"""Shared by exports of chats: keys that may be odd, trees of messages, people, and HTML."""
