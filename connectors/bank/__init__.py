"""Banks: what was really paid."""
