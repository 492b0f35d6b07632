"""The commands, a module per thing a user wants; each parses, calls a room, prints."""
