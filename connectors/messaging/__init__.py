"""Messaging systems: how people and programs are told that something happened."""
