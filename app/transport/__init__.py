"""How bytes reach one client; nothing here knows a channel."""
