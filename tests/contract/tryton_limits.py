"""What the suite writes to a Tryton, a simulated one or a live one: credit limits of parties."""

from __future__ import annotations

from connectors.kit.contract import Intent

WRITE = "model.party.party.write"


class LimitsToWrite:
    """A part of a world that says what to write."""

    def parties(self) -> list[str]:
        """Ids of a few parties."""
        raise NotImplementedError

    def intents(self) -> tuple[str, list[Intent], list[Intent]]:
        return "credit_limit", self._limits(1, "1000.50"), self._limits(2, "0.00")

    def _limits(self, version: int, amount: str) -> list[Intent]:
        fields = {"credit_limit_amount": amount, "currency": "USD"}
        return [Intent(key, fields, f"{version}-{key}", version) for key in self.parties()]
