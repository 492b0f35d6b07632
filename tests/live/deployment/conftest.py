"""What tests of a deployment share."""

from tests.live.postgres import postgres

__all__ = ["postgres"]
