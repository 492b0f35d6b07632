"""Readers of the drop's formats: each turns one file into chunks of text rows with the place of each row."""
