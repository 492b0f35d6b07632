"""Publish: the copy of the marts that people read, with its two pictures, and the close of a day."""

from otc_pipelines.defs.publish.close import CLOSE, close_asset
from otc_pipelines.defs.publish.marts import PUBLISHED, published_asset

__all__ = ["CLOSE", "PUBLISHED", "close_asset", "published_asset"]
