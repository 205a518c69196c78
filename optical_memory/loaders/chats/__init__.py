"""Exports of chat programs and of services for chats with a model."""
