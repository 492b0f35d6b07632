"""Order-to-cash pipelines: what is pulled, landed, posted, matched, checked and written back."""

from otc_pipelines.telemetry import silence

silence()
