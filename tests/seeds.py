"""Which simulated companies the tests are of.

The same ones each day, so that what is red is red again tomorrow; ``OTC_WORLD_SEED`` tries others.
"""

from __future__ import annotations

import os

WORLD_SEED = int(os.environ.get("OTC_WORLD_SEED", "2219853"))
