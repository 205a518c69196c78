"""Tables and web pages with chats in them."""
