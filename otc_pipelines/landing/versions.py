"""The SQL that turns staged rows into new versions: fill what was absent, hash, compare, insert.

Versions: a row that states when it was recorded is a version by (key, content, recorded_at), so that A, B, A makes
three and a replay of any of them is a no-op. A row that does not is compared with the latest version of its key, and is
known from the moment it was first loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.kit.contract import Entity, Field
from otc_pipelines.landing.tables import OWN_COLUMNS, business_columns, raw_personal, raw_table
from otc_pipelines.warehouse import Tx, quoted

#: The same as in the models (``macros/current_version.sql``): what is compared with is what counts. No two rows tie.
_LATEST_ORDER = (
    'recorded_at desc, "_loaded_at" desc, coalesce("_file", \'\') desc, coalesce("_line", 0) desc, "_row_hash" desc'
)


def latest_versions(target: str, which: str = "true", columns: str = "t.*") -> str:
    """Return the SELECT of the latest version of each key of a raw table, of those that are ``which``, of ``:source``.

    It ends in its conditions, so that more of them can follow.
    """
    return f"""select * from (
            select {columns}, row_number() over (partition by "_key" order by {_LATEST_ORDER}) as nth
            from {target} as t where source_system = :source and {which}) as versions
        where nth = 1"""  # noqa: S608


def insert_versions(tx: Tx, connector: str, source: str, entity: Entity, stamp: dict[str, object]) -> int:
    """Insert what is new of the staged rows of ``otc_staged``; return how many. ``stamp``: loaded_at, load_id.

    Leaves ``otc_new`` (the keys of the rows that were new) for those who must know what changed. Comparing is done on
    keys and hashes alone; the rows themselves are copied once, from the package to the table.
    """
    target = raw_table(connector, entity.name)
    absent = _absent(tx, entity)
    _latest(tx, target, source, [quoted(f.name) for f in absent if not f.personal])
    rows = _filled(tx, connector, entity, absent)
    listed = [quoted(f.name) for f in entity.fields if f.name not in OWN_COLUMNS]
    said = " || ".join(
        f"coalesce(cast(length(cast({c} as text)) as text) || ':' || cast({c} as text), '~')"
        for c in [*listed, "coalesce(deleted, false)", '"_extra"']
    )
    tx.temp(
        "otc_hashed",
        f"""select "_seq", "_key", recorded_at, coalesce(deleted, false) as deleted,
            {tx.sha256(said)} as "_row_hash" from {rows}""",  # noqa: S608
    )
    tx.temp(
        "otc_new",
        f"""with chained as (
            select h.*,
                lag(h."_row_hash") over (partition by h."_key" order by h."_seq") as in_batch,
                row_number() over (partition by h."_key", h."_row_hash", h.recorded_at order by h."_seq") as nth
            from otc_hashed as h),
        judged as (
            select c.*, coalesce(c.in_batch, l."_row_hash") as before, k."_key" is not null as known
            from chained as c
            left join otc_latest as l on l."_key" = c."_key"
            left join (
                select distinct t."_key", t."_row_hash", t.recorded_at from {target} as t
                where t.source_system = :source and t."_key" in (select "_key" from otc_latest)
            ) as k on k."_key" = c."_key" and k."_row_hash" = c."_row_hash" and k.recorded_at = c.recorded_at)
        select "_seq", "_key", "_row_hash", recorded_at, deleted from judged
        where case when recorded_at is not null then not known and nth = 1
            else before is null or before <> "_row_hash" end""",  # noqa: S608
        source=source,
    )
    own = _own(entity)
    columns = ["source_system", *own, "recorded_at", "recorded_by_source", "deleted"]
    columns += [quoted(c) for c in ("_extra", "_key", "_row_hash", "_loaded_at", "_load_id", "_file", "_line")]
    tx.execute(
        f"""insert into {target} ({", ".join(columns)})
        select cast(:source as text), {", ".join("r." + c for c in own)},
            coalesce(r.recorded_at, cast(:loaded_at as timestamptz)), r.recorded_at is not null, n.deleted,
            r."_extra", r."_key", n."_row_hash", cast(:loaded_at as timestamptz), cast(:load_id as text),
            r."_file", r."_line"
        from {rows} as r inner join otc_new as n using ("_seq")""",  # noqa: S608
        source=source,
        **stamp,
    )
    if entity.personal:
        _personal(tx, connector, entity, rows, {**stamp, "source": source})
    return int(tx.scalar("select count(*) from otc_new"))


def insert_tombstones(tx: Tx, connector: str, source: str, entity: Entity, stamp: dict[str, object]) -> int:
    """Add a deleted version for each key that is alive here and is not in ``otc_sweep``; return how many."""
    target = raw_table(connector, entity.name)
    own = _own(entity)
    gone = """"_row_hash" || ':deleted'"""
    tx.temp(
        "otc_gone",
        f'{latest_versions(target)} and not deleted and "_key" not in (select "_key" from otc_sweep)',  # noqa: S608
        source=source,
    )
    tx.execute(
        f"""insert into {target} (source_system, {", ".join(own)}, recorded_at, recorded_by_source, deleted,
            "_extra", "_key", "_row_hash", "_loaded_at", "_load_id")
        select source_system, {", ".join(own)}, cast(:loaded_at as timestamptz), false, true, "_extra", "_key",
            {tx.sha256(gone)}, cast(:loaded_at as timestamptz), cast(:load_id as text)
        from otc_gone""",  # noqa: S608
        **stamp,
    )
    return int(tx.scalar("select count(*) from otc_gone"))


def insert_returns(tx: Tx, connector: str, source: str, entity: Entity, stamp: dict[str, object]) -> int:
    """Add a living version for each key of ``otc_sweep`` that an earlier sweep missed; return how many.

    Such a row was hidden for a while, or restored with its old time: no version of it is new, and the tombstone is
    later than all of them. It is what the source last said of it. A deletion that the source itself told stands.
    """
    target = raw_table(connector, entity.name)
    own = _own(entity)
    own += [quoted(c) for c in ("_extra", "_key", "_row_hash")]
    tx.temp(
        "otc_back",
        f"""select said.* from ({latest_versions(target, "not (deleted and not recorded_by_source)")}) as said
        inner join ({latest_versions(target)}) as latest using ("_key")
        where not said.deleted and latest.deleted and not latest.recorded_by_source
            and "_key" in (select "_key" from otc_sweep)""",  # noqa: S608
        source=source,
    )
    tx.execute(
        f"""insert into {target} (source_system, {", ".join(own)}, recorded_at, recorded_by_source, deleted,
            "_loaded_at", "_load_id", "_file", "_line")
        select source_system, {", ".join(own)}, cast(:loaded_at as timestamptz), false, false,
            cast(:loaded_at as timestamptz), cast(:load_id as text), "_file", "_line"
        from otc_back""",  # noqa: S608
        **stamp,
    )
    return int(tx.scalar("select count(*) from otc_back"))


def _own(entity: Entity) -> list[str]:
    """The columns of a raw table that are not of landing's own making."""
    return [quoted(f.name) for f in business_columns(entity)] + (["person"] if entity.personal else [])


def _absent(tx: Tx, entity: Entity) -> list[Field]:
    """The fields that a staged row says nothing of, not even that they are empty."""
    listed = tx.rows('select distinct "_absent" as names from otc_staged where "_absent" <> \'\'')
    names = {name for row in listed for name in row["names"].split(",")}
    return [f for f in entity.fields if f.name in names and f.name not in entity.key]


def _latest(tx: Tx, target: str, source: str, columns: Sequence[str]) -> None:
    """What is compared with: hashes, and the columns that may be filled from; a raw table is wide."""
    tx.temp(
        "otc_latest",
        latest_versions(
            target,
            '"_key" in (select "_key" from otc_staged)',
            ", ".join(f"t.{c}" for c in ('"_key"', '"_row_hash"', *columns)),
        ),
        source=source,
    )


def _filled(tx: Tx, connector: str, entity: Entity, absent: Sequence[Field]) -> str:
    """An absent column keeps the earlier value, of this batch or of the warehouse; an empty cell clears it.

    Returns the name of the relation that has the rows as they count.
    """
    repeats = tx.scalar('select count(*) > count(distinct "_key") from otc_staged')
    if not absent or not (repeats or tx.scalar("select count(*) from otc_latest")):
        return "otc_staged"
    groups, values = [], []
    for f in absent:
        column, group = quoted(f.name), quoted(f"_group_{f.name}")
        gone = f"(',' || s.\"_absent\" || ',') like '%,{f.name},%'"
        before = f"p.{column}" if f.personal else f"l.{column}"
        if not repeats:
            values.append(f"case when {gone} then {before} else s.{column} end as {column}")
            continue
        groups.append(
            f'sum(case when {gone} then 0 else 1 end) over (partition by s."_key" order by s."_seq"'
            f" rows between unbounded preceding and current row) as {group}"
        )
        values.append(
            f'case when s.{group} = 0 then {before} else first_value(s.{column}) over (partition by s."_key", s.{group}'
            f' order by s."_seq") end as {column}'
        )
    rest = [c for c in _staged_columns(tx) if c not in {f.name for f in absent}]
    join = f'left join {raw_personal(connector, entity.name)} as p on p.person = s."person"' if entity.personal else ""
    staged = "otc_staged"
    if groups:
        staged = "otc_grouped"
        tx.temp(staged, f"""select s.*, {", ".join(groups)} from otc_staged as s""")  # noqa: S608
    tx.temp(
        "otc_filled",
        f"""select {", ".join("s." + quoted(c) for c in rest)}, {", ".join(values)}
        from {staged} as s left join otc_latest as l on l."_key" = s."_key" {join}""",  # noqa: S608
    )
    return "otc_filled"


def _staged_columns(tx: Tx) -> list[str]:
    return list(tx.arrow("select * from otc_staged limit 0").column_names)


def _personal(tx: Tx, connector: str, entity: Entity, rows: str, stamp: dict[str, object]) -> None:
    """Keep the newest of what identifies a person, and only that."""
    table = raw_personal(connector, entity.name)
    fields = [quoted(f.name) for f in entity.personal]
    tx.temp(
        "otc_persons",
        f"""select * from (
            select r.person, {", ".join("r." + f for f in fields)},
                row_number() over (
                    partition by r.person
                    order by coalesce(r.recorded_at, cast(:loaded_at as timestamptz)) desc, r."_seq" desc
                ) as nth
            from {rows} as r inner join otc_new as n on n."_seq" = r."_seq"
            where not n.deleted) as v
        where nth = 1""",  # noqa: S608
        **stamp,
    )
    tx.execute(f"delete from {table} where person in (select person from otc_persons)")  # noqa: S608
    tx.execute(
        f"""insert into {table} (person, source_system, {", ".join(fields)}, "_loaded_at")
        select person, cast(:source as text), {", ".join(fields)}, cast(:loaded_at as timestamptz) from otc_persons""",  # noqa: S608
        **stamp,
    )
