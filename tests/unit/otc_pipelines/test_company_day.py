"""The day of the books is the company's, not the server's."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from otc_pipelines import settings
from otc_pipelines.settings import Company


class _Late(datetime):
    """A clock that shows the last minutes of 30 June, UTC."""

    @classmethod
    def now(cls, tz=None):
        return datetime(2026, 6, 30, 23, 30, tzinfo=UTC).astimezone(tz)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", date(2026, 6, 30)), ("Asia/Tokyo", date(2026, 7, 1)), ("America/Mexico_City", date(2026, 6, 30))],
)
def test_the_books_are_on_the_day_of_the_companys_zone(monkeypatch, zone, day):
    monkeypatch.setattr(settings, "datetime", _Late)

    assert Company(name="Acme", base_currency="USD", timezone=zone).today() == day
