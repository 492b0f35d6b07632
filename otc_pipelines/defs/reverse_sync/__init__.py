"""Reverse sync: what leaves the house, an asset an object of a target."""

from otc_pipelines.defs.reverse_sync.targets import sync_assets

__all__ = ["sync_assets"]
