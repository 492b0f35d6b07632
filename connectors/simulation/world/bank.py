"""What the company's banks saw: customers' payments, what came back, and everything that is no customer's.

Belongs here: lines of bank accounts. Not here: statement formats (the bank connector's simulator), the ERP's receipts.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

from connectors.simulation.world.company import BANK_ACCOUNTS, bank_account, money
from connectors.simulation.world.days import business_days
from connectors.simulation.world.engine import Engine
from connectors.simulation.world.model import BankAccount, BankLine

HISTORY = 60  #: days of statements before ``as_of``
_SUPPLIERS = ("STADTWERKE KOELN", "NORTHERN FREIGHT LLC", "OFFICE DIRECT", "KANZLEI DR. BRANDT", "CLOUD HOSTING CO")
_OTHER_CREDITS = (
    ("FINANZAMT KOELN-MITTE", "USt-Erstattung"),
    ("HARTFORD INSURANCE", "CLAIM SETTLEMENT 88123"),
    ("NORTHERN FREIGHT LLC", "CREDIT NOTE REFUND INV-00417"),
)


class Bank:
    """Lines of all accounts, in the order in which they were booked."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._dice = engine.dice("bank")
        self._numbers: Counter[tuple[str, date]] = Counter()
        self._seen: Counter[tuple[str, str]] = Counter()
        self.first_day = engine.as_of - timedelta(days=HISTORY)
        self.lines: list[BankLine] = []
        millions = (Decimal(self._dice.randrange(10**6, 5 * 10**6)) for _ in BANK_ACCOUNTS)
        self.opening = {a.account: money(m, a.currency) for a, m in zip(BANK_ACCOUNTS, millions, strict=True)}

    def new_reference(self, account: BankAccount, day: date) -> str:
        """Return the bank's own reference of a line, at most 16 characters."""
        self._numbers[account.account, day] += 1
        return f"{day:%y%m%d}{account.account[-4:]}{self._numbers[account.account, day]:05d}"

    def book(
        self,
        account: BankAccount,
        day: date,
        amount: Decimal,
        kind: str,
        *,
        reference: str = "",
        remittance: str = "",
        structured: str | None = None,
        end_to_end: str | None = None,
        name: str | None = None,
        counterparty: str | None = None,
        return_reason: str | None = None,
        original: str | None = None,
        hint: str | None = None,
        receipt_id: str | None = None,
    ) -> BankLine | None:
        """Book a line; before the history that statements cover there is none."""
        if day < self.first_day:
            return None
        reference = reference or self.new_reference(account, day)
        self._seen[account.account, reference] += 1
        line = BankLine(
            account=account.account,
            booking_date=day,
            value_date=day,
            amount=amount,
            currency=account.currency,
            bank_reference=reference,
            occurrence=self._seen[account.account, reference],
            remittance=remittance,
            structured_reference=structured,
            end_to_end_id=end_to_end,
            counterparty_name=name,
            counterparty_account=counterparty,
            return_reason=return_reason,
            original_reference=original,
            kind=kind,
            hint=hint,
            receipt_id=receipt_id,
        )
        self.lines.append(line)
        return line

    def everything_else(self) -> None:
        """Book fees, interest, sweeps, suppliers and money that no customer sent."""
        rng = self._dice
        for day in business_days(self.first_day, self._engine.last):
            for account in BANK_ACCOUNTS:
                unit = 150 if account.currency == "JPY" else 1
                if day.day <= 3 and day.weekday() == 0:
                    fee = money(Decimal(rng.randrange(900, 4900)) / 100 * unit, account.currency)
                    words = "Kontofuehrung" if account.legal_entity == "DE" else "FEES"
                    self.book(account, day, -fee, "fee", remittance=words)
                    interest = money(Decimal(rng.randrange(50, 900)) / 100 * unit, account.currency)
                    self.book(account, day, interest, "interest", remittance="INTEREST CREDIT")
                if day.weekday() == 4:
                    swept = money(Decimal(rng.randrange(50_000, 250_000)) * unit, account.currency)
                    self.book(account, day, -swept, "transfer", remittance="CASH POOLING", name="ACME HOLDING")
                if rng.random() < 0.35:
                    paid = money(Decimal(rng.randrange(5_000, 900_000)) / 100 * unit, account.currency)
                    self.book(account, day, -paid, "other", remittance="Rechnung 2231", name=rng.choice(_SUPPLIERS))
                if rng.random() < 0.04:
                    name, words = rng.choice(_OTHER_CREDITS)
                    came = money(Decimal(rng.randrange(5_000, 400_000)) / 100 * unit, account.currency)
                    self.book(account, day, came, "other", remittance=words, name=name)

    @staticmethod
    def account(entity: str, currency: str) -> BankAccount:
        """Return the account that takes a legal entity's money in a currency."""
        return bank_account(entity, currency)

    @staticmethod
    def account_of(line: BankLine) -> BankAccount:
        """Return the account that a line stands on."""
        return next(a for a in BANK_ACCOUNTS if a.account == line.account)
