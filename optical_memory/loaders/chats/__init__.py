"""Exports of services and programs for chats with a model."""
