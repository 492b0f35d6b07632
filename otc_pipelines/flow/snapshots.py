"""Aging of past days, kept: as each day was first taken, and each time that late rows made it another.

Belongs here: which days are kept, which (customer, day) a load changed, writing those alone. Not here: the rules of the
ledger; today's aging (``macros/aging.sql``). Done in the transaction that posts, so that ledger and snapshots are one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from otc_pipelines.settings import Aging, Instance
from otc_pipelines.warehouse import Tx

_KEY = """coalesce(legal_entity, '') || chr(31) || source_system || chr(31) || coalesce('=' || party_id, '') || chr(31)
    || currency || chr(31) || coalesce(base_currency, '')"""
_ROW = "as_of, row_key, source_system, legal_entity, party_id, currency, base_currency, bucket, amount, base_amount"


def keep_snapshots(tx: Tx, instance: Instance, today: date, run_id: str) -> str:
    """Take the days that ended, and those again that late rows changed; return what was done, '' where nothing was.

    A day is first taken once it is over, in the company's time zone; it counts what was posted until then. A later row
    with an earlier day changes its customer from that day on: these alone are computed, and written where they differ.
    """
    series = buckets_of(instance.aging)
    newest = tx.scalar("select max(posted_to) from ops.posting_run")
    if newest is None:
        return ""
    through = today - timedelta(days=1)
    before = tx.rows(
        "select max(taken_at) as taken_at, max(through) as through from ops.aging_snapshot_run where buckets = :series",
        series=series,
    )[0]
    if before["taken_at"] == newest and before["through"] >= through:
        return ""
    first = tx.scalar("select min(effective_date) from ops.ar_movement")
    wanted = kept_days(instance.aging, first, today) if first is not None else []
    taken = {
        r["as_of"] for r in tx.rows("select as_of from ops.aging_snapshot_day where buckets = :series", series=series)
    }
    _forget(tx, wanted, today - timedelta(days=instance.aging.snapshot_days))
    fresh, stood = [d for d in wanted if d not in taken], [d for d in wanted if d in taken]
    written = 0
    if fresh:
        written += _take(tx, instance.aging, series, fresh, newest, run_id)
    if stood and before["taken_at"] is not None and before["taken_at"] < newest:
        written += _restate(tx, instance.aging, series, stood, before["taken_at"], newest, run_id)
    tx.insert(
        "ops.aging_snapshot_run",
        [{"buckets": series, "taken_at": newest, "through": through, "rows_new": written, "run_id": run_id}],
    )
    return f"aging of {len(fresh)} days taken" if fresh else f"{written} rows of past aging restated" if written else ""


def buckets_of(aging: Aging) -> str:
    """Name of a series of snapshots: other edges begin another one."""
    return f"{aging.by} {','.join(map(str, aging.edges))}"


def kept_days(aging: Aging, first: date, today: date) -> list[date]:
    """The days whose aging is kept: each of the last ones that are over, and month-ends since the first movement."""
    daily = [today - timedelta(days=n) for n in range(1, aging.snapshot_days + 1)]
    month_ends: list[date] = []
    end = today.replace(day=1) - timedelta(days=1)
    while end >= first and len(month_ends) < aging.snapshot_months:
        month_ends.append(end)
        end = end.replace(day=1) - timedelta(days=1)
    return sorted({d for d in daily if d >= first} | set(month_ends))


def _forget(tx: Tx, wanted: Sequence[date], earliest: date) -> None:
    """Let go of days that are neither recent nor a month-end that is kept."""
    old = tx.rows("select distinct as_of from ops.aging_snapshot_day where as_of < :earliest", earliest=earliest)
    for day in {r["as_of"] for r in old} - set(wanted):
        tx.execute("delete from ops.aging_snapshot where as_of = :day", day=day)
        tx.execute("delete from ops.aging_snapshot_day where as_of = :day", day=day)


def _take(tx: Tx, aging: Aging, series: str, days: Sequence[date], newest: datetime, run_id: str) -> int:
    """Take days for the first time, all customers."""
    tx.temp("otc_asked", _days(days))
    _compute(tx, "otc_aged", aging, f"select *, {_KEY} as row_key from ops.ar_movement", days)  # noqa: S608
    tx.execute(
        "insert into ops.aging_snapshot_day (buckets, as_of, first_taken_at, run_id)"
        " select :series, as_of, :newest, :run_id from otc_asked",
        series=series,
        newest=newest,
        run_id=run_id,
    )
    return _write(tx, "otc_aged", series, newest, run_id)


def _restate(
    tx: Tx, aging: Aging, series: str, days: Sequence[date], since: datetime, newest: datetime, run_id: str
) -> int:
    """Take days again for the customers that rows loaded after ``since`` touch, from the first day that they touch."""
    tx.temp(
        "otc_late",
        f"""select row_key, min(effective_date) as since_day
        from (select {_KEY} as row_key, effective_date from ops.ar_movement where loaded_at > :since) as later
        where effective_date <= :last group by row_key""",  # noqa: S608
        since=since,
        last=days[-1],
    )
    first = tx.scalar("select min(since_day) from otc_late")
    if first is None:
        return 0
    reached = [d for d in days if d >= first]
    tx.temp("otc_asked", _days(reached))
    moved = f"""select m.*, late.since_day from (select *, {_KEY} as row_key from ops.ar_movement) as m
        inner join otc_late as late on m.row_key = late.row_key"""  # noqa: S608
    _compute(tx, "otc_aged", aging, moved, reached, "and asked.as_of >= open_items.since_day", "since_day,")
    tx.temp(
        "otc_stood",
        f"""select {_ROW} from (
            select s.*, rank() over (partition by s.row_key, s.as_of order by s.taken_at desc) as nth
            from ops.aging_snapshot as s
            inner join otc_late as late on s.row_key = late.row_key
            where s.buckets = :series and s.as_of >= late.since_day and s.as_of >= :first
        ) as versions where nth = 1""",  # noqa: S608
        series=series,
        first=reached[0],
    )
    compared = "as_of, row_key, bucket, amount, base_amount"
    tx.temp(
        "otc_changed",
        f"""select distinct as_of, row_key from (
            (select {compared} from otc_aged except select {compared} from otc_stood where bucket is not null)
            union all
            (select {compared} from otc_stood where bucket is not null except select {compared} from otc_aged)
        ) as differing""",  # noqa: S608
    )
    listed = ", ".join(f"aged.{c}" for c in _ROW.split(", "))
    nothing = ", ".join(f"stood.{c}" for c in _ROW.split(", ")[:7])
    tx.temp(
        "otc_restated",
        f"""select {listed} from otc_aged as aged
        inner join otc_changed as c on aged.as_of = c.as_of and aged.row_key = c.row_key
        union all
        select distinct {nothing}, cast(null as text), cast(0 as decimal(38, 4)), cast(0 as decimal(38, 4))
        from otc_stood as stood
        inner join otc_changed as c on stood.as_of = c.as_of and stood.row_key = c.row_key
        where not exists (
            select 1 from otc_aged as aged where aged.as_of = stood.as_of and aged.row_key = stood.row_key
        )""",  # noqa: S608
    )
    return _write(tx, "otc_restated", series, newest, run_id)


def _write(tx: Tx, table: str, series: str, newest: datetime, run_id: str) -> int:
    tx.execute(
        f"""insert into ops.aging_snapshot ({_ROW}, buckets, taken_at, run_id)
        select {_ROW}, :series, :newest, :run_id from {table}""",  # noqa: S608
        series=series,
        newest=newest,
        run_id=run_id,
    )
    return int(tx.scalar(f"select count(*) from {table}"))  # noqa: S608


def _compute(
    tx: Tx, name: str, aging: Aging, moved: str, days: Sequence[date], also: str = "", column: str = ""
) -> None:
    """Age the movements on the days of ``otc_asked``: a row for each customer, currency and bucket.

    A balance holds from one movement to the next: the days between are found by a join, not by summing up to each.
    """
    item = """row_key, source_system, legal_entity, party_id, currency, base_currency, item_type, item_id,
        installment_no, due_date, document_date"""
    anchor = "due_date, document_date" if aging.by == "due_date" else "document_date, due_date"
    tx.temp(
        name,
        f"""with moved as (
            select {column} {item}, greatest(effective_date, :first) as from_day, sum(amount) as amount,
                sum(coalesce(base_amount, 0)) as base_amount,
                sum(case when base_amount is null then amount else 0 end) as without_base
            from ({moved}) as movements where effective_date <= :last
            group by {column} {item}, greatest(effective_date, :first)
        ),
        running as (
            select {column} {item}, from_day, lead(from_day) over (partition by {item} order by from_day) as next_day,
                sum(amount) over (partition by {item} order by from_day) as amount,
                sum(base_amount) over (partition by {item} order by from_day) as base_amount,
                sum(without_base) over (partition by {item} order by from_day) as without_base
            from moved
        ),
        open_items as (select * from running where amount <> 0),
        aged as (
            select asked.as_of, {item}, amount, case when without_base = 0 then base_amount end as base_amount,
                asked.as_of - coalesce({anchor}, asked.as_of) as late
            from open_items
            inner join otc_asked as asked on asked.as_of >= open_items.from_day
                and (open_items.next_day is null or asked.as_of < open_items.next_day) {also}
        ),
        sorted as (select *, {_bucket(aging)} as bucket from aged)
        select {_ROW.removesuffix(", amount, base_amount")}, cast(sum(amount) as decimal(38, 4)) as amount,
            cast(case when count(base_amount) = count(*) then sum(base_amount) end as decimal(38, 4)) as base_amount
        from sorted
        group by {_ROW.removesuffix(", amount, base_amount")}""",  # noqa: S608
        first=days[0],
        last=days[-1],
    )


def _bucket(aging: Aging) -> str:
    """SQL of the bucket's name, by the same edges as ``macros/aging.sql``."""
    lowest = 1 if aging.by == "due_date" else 0
    cases = ["when item_type <> 'installment' then 'unapplied'"]
    if aging.by == "due_date":
        cases.append("when late <= 0 then 'not_due'")
    for edge in aging.edges:
        cases.append(f"when late <= {edge} then 'd{lowest}_{edge}'")
        lowest = edge + 1
    return f"case {' '.join(cases)} else 'd{lowest}_plus' end"


def _days(days: Sequence[date]) -> str:
    listed: list[Any] = [f"cast('{d.isoformat()}' as date)" for d in days]
    return " union all ".join([f"select {listed[0]} as as_of", *(f"select {d}" for d in listed[1:])])
