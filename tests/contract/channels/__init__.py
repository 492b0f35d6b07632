"""The receiving side of each channel."""
