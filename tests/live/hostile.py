"""Rows of books that two databases could well see differently: case, blanks, ties, nulls, large numbers, odd days.

Belongs here: what is in such books, for tables with the file drop's columns. Not here: what is to come of it. Every
document begins with ``H``, so that a test can ask whether its rows arrived.
"""

from __future__ import annotations

from collections.abc import Iterator

Row = dict[str, str | None]
NOON = "2025-12-01T12:00:00+00:00"
LARGEST = "99999999999999.9900"
NAMES = (
    "Ärger & Söhne gmbh",
    "ärger & söhne GmbH",
    "STRASSE straße ẞ",
    "İstanbul ıspanak A.Ş.",
    "\u00a0Nobreak\u2007Blank\u202fLtd\u00a0",
    "e\u0301tude \ufb01nance ǆ ŉ",
    "Ελλάς Σίσυφος ς",
    "株式会社　テスト",
    "Robert'); drop table parties;--",
    "50% _off_ \\ back :name {{ jinja }}",
    "👩‍👩‍👧 \u200bzero\u200bwidth",
    "\ttab\nnew line ",
    "-",
)
KEYS = ("hc", "HC", "Hc", "HC ", "HC-1", "HC_1", "HC%", "HC'", 'HC"', "HÇ", "HÄ", "HZ", "H\u00a0C")


def _row(**values: str | None) -> Row:
    return values


def rows(later: bool = False) -> Iterator[tuple[str, Row]]:
    """Tables and rows; ``later``: what the books have to say of the same things some days after."""
    yield from _parties(later)
    yield from _documents(later)
    yield from _money(later)


def _parties(later: bool) -> Iterator[tuple[str, Row]]:
    for nth, (key, name) in enumerate(zip(KEYS, NAMES, strict=True)):
        yield (
            "parties",
            {
                "party_id": key,
                "name": name.swapcase() if later else name,
                "parent_party_id": KEYS[nth - 1] if nth % 4 == 2 else (key if nth == 9 else None),
                "tax_id": f" de{nth}ß ",
                "country": "DE" if nth % 2 else None,
                "currency": "EUR",
                "payment_terms": "net30" if nth % 3 else None,
                "credit_limit": (None, "0", LARGEST, "0.0001")[nth % 4],
                "customer_since": "2024-02-29" if nth % 2 else "1900-01-01",
                "legal_entity": "DE",
                "recorded_at": "2026-02-18T23:59:59.999999+14:00" if later else NOON,
            },
        )
        account = f"de{nth:02d} 5005 ßø{nth} x"
        yield (
            "party_bank_accounts",
            {"party_id": key, "iban_or_account": account, "bic_or_routing": None, "recorded_at": NOON},
        )


def document(key: str, amount: str, **more: str | None) -> tuple[str, Row]:
    """An invoice that says what most of them say, but for ``more``."""
    row: Row = {
        **_row(document_id=key, document_type="invoice", party_id=KEYS[len(key) % 3], legal_entity="DE", amount=amount),
        **_row(document_date="2025-12-01", posting_date="2025-12-01", due_date="2025-12-31", currency="EUR"),
        **_row(status="posted", gl_account="1400", fx_rate="1", base_amount=amount, recorded_at=NOON),
    }
    return "documents", row | more


def _documents(later: bool) -> Iterator[tuple[str, Row]]:
    when = {"recorded_at": "2026-02-18T10:00:00.000001Z"} if later else {}
    yield document("H-largest", LARGEST, reference="re 0001", **when)
    yield document("h-largest", "0.01", reference="RE 0001")
    yield document("H-cents", "100.00", due_date="2025-11-30")
    yield document("H-no-due", "33.33", due_date=None, payment_terms=None)
    yield document("H-leap", "12.34", document_date="2024-02-29", posting_date="2024-02-29", due_date="2024-02-29")
    yield document("H-old", "1.00", document_date="1900-01-01", posting_date="1900-01-01", due_date="1900-01-01")
    yield document("H-far", "5.00", due_date="9999-12-31")
    yield document("H-to-come", "6.00", posting_date="2027-01-01", document_date="2027-01-01", due_date="2027-02-01")
    yield document("H-yen", "450309", currency="JPY", fx_rate="0.0061728395", base_amount="2779.69")
    yield document("H-dinar", "1.001", currency="KWD", fx_rate="3.0123456789", base_amount=None)
    yield document("H-no-rate", "77.77", currency="CHF", fx_rate=None, base_amount=None)
    yield document("H-memo", "40.00", document_type="credit_memo", reference="\u00a0memo\u2003")
    yield document("H-draft", "8.00", status="draft" if not later else "posted", **when)
    yield document("H-void", "9.00", status="void", voided_on="2026-01-15")
    yield document("H-blank", "10.00", reference="   ", order_id="")
    yield document("H-nobody", "11.00", party_id="HC-nobody")
    yield document("H-zone", "13.00", recorded_at="2025-12-31T23:30:00-11:00")
    for reference in ("b", "B", "ä", "a ", "a"):  # versions of one moment: their content decides
        yield document("H-tie", "14.00", reference=reference)
    for nth, day in enumerate(("2026-01-31", "2026-01-31", "2026-03-02"), start=1):
        part = {"document_id": "H-cents", "installment_no": str(nth), "due_date": day, "recorded_at": NOON}
        yield "installments", {**part, "amount": ("33.33", "33.33", "33.34")[nth - 1]}


def _money(later: bool) -> Iterator[tuple[str, Row]]:
    for nth, (amount, currency, rate) in enumerate(
        [("66.67", "EUR", "1"), ("200.00", "USD", "0.9123456789"), ("0.01", "EUR", None), (LARGEST, "EUR", "1")]
    ):
        yield (
            "receipts",
            {
                **_row(receipt_id=f"HR{nth}", legal_entity="DE", receipt_date="2025-12-15", posting_date="2025-12-15"),
                **_row(currency=currency, amount=amount, fx_rate=rate, party_id=KEYS[nth] if nth != 2 else None),
                **_row(method="Überweisung", reference=f" hr{nth}ß\u00a0", recorded_at="2025-12-15T06:30:00+05:30"),
            },
        )
    taken = [
        ("HA1", "receipt", "HR0", "H-cents", "66.67", None),
        ("ha1", "receipt", "HR1", "H-yen", "12345", "83.33"),
        ("HA2", "credit_memo", "H-memo", "H-no-due", "33.33", None),
        ("HA3", "receipt", "HR1", "H-dinar", "0.333", "1.21"),
        ("HA4", "receipt", "HR3", "H-largest", LARGEST, None),
        ("HA5", "receipt", "HR2", "H-nowhere", "0.01", None),
    ]
    for key, kind, source, target, amount, in_source in taken:
        yield (
            "allocations",
            {
                **_row(allocation_id=key, source_type=kind, source_id=source, document_id=target, amount=amount),
                **_row(source_amount=in_source, allocation_date="2025-12-20", recorded_at="2025-12-20T00:00:00+13:45"),
            },
        )
    if later:
        undo = _row(allocation_id="HA1-", source_type="receipt", source_id="HR0", document_id="H-cents")
        times = _row(allocation_date="2026-02-17", recorded_at="2026-02-17T00:00:00-09:30")
        yield "allocations", {**undo, **times, "amount": "66.67", "reverses_id": "HA1"}
    for nth, amount in enumerate(("0.005", "7.77")):
        dispute = {"dispute_id": f"HD{nth}", "document_id": "H-cents", "opened_on": "2026-01-01", "amount": amount}
        yield "disputes", {**dispute, "reason": "Größe\u00a0falsch", "recorded_at": NOON}
