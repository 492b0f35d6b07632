"""Inboxes, on this machine."""
