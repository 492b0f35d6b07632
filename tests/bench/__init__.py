"""Benchmarks: side by side, in processes of their own, compared by content. Not tests: nothing here is timed in CI."""
