"""Exports of messengers: chats among people."""
