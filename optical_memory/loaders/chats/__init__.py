"""Exports of services and programs for chats with a model; tables and web pages of chats."""
