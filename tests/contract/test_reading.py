"""Reading: everything once, in bounded batches; then only what is new, late or gone; and never a crash."""

from __future__ import annotations

import logging

import pytest

from connectors.kit.contract import Capability
from connectors.kit.errors import ConnectorError
from tests.contract.case import needs, read

INCREMENTAL = Capability.INCREMENTAL


def news(later, *earlier):
    """What a later run gave that no earlier one had given with the same content."""
    return {
        (entity, key)
        for entity, rows in later.rows.items()
        for key, row in rows.items()
        if not any(run.knows(entity, key, row) for run in earlier)
    }


def test_it_reads_every_row_there_is(connector, world):
    found = read(connector, world)
    assert found.rejects == []
    assert found.keys() == {entity: keys for entity, keys in world.keys().items() if keys}
    assert set(found.rows) <= {e.name for e in connector.entities}


def test_reading_it_twice_gives_the_same(connector, world):
    assert read(connector, world).rows == read(connector, world).rows


def test_a_second_run_gives_nothing_new(connector, world):
    needs(connector, INCREMENTAL)
    first = read(connector, world)
    assert first.cursors, "an incremental source must leave a cursor"
    second = read(connector, world, first)
    assert news(second, first) == set()
    assert second.deleted == {} or second.deleted == first.deleted
    assert second.rejects == []


def test_a_second_run_gives_exactly_what_was_added_and_changed(connector, world):
    needs(connector, INCREMENTAL)
    first = read(connector, world)
    expected = world.add() | world.change()
    second = read(connector, world, first)
    assert news(second, first) == expected
    assert news(read(connector, world, first, second), first, second) == set()


def test_more_rows_with_one_time_than_a_batch_holds_come_once_each(connector, world):
    needs(connector, INCREMENTAL)
    count = 2 * world.batch_rows + 7 if world.batch_rows <= 5_000 else 500
    entity, keys = world.add_ties(count)
    assert len(keys) == count
    found = read(connector, world)
    assert keys <= found.keys()[entity]
    assert max(found.sizes) <= world.batch_rows
    assert {found.times_given[entity, key] for key in keys} == {1}
    assert news(read(connector, world, found), found) == set()


def test_ties_that_come_after_a_run_are_not_lost(connector, world):
    needs(connector, INCREMENTAL)
    world.add_ties(3)
    first = read(connector, world)
    entity, keys = world.add_ties(5)
    second = read(connector, world, first)
    assert keys <= first.keys().get(entity, set()) | second.keys().get(entity, set())


def test_a_row_that_commits_late_is_caught(connector, world):
    needs(connector, INCREMENTAL)
    first = read(connector, world)
    late = world.add_late()
    if late is None:
        pytest.skip(f"{connector.name} has no rows that come late")
    assert late in news(read(connector, world, first), first)


def test_a_deleted_row_is_told_of(connector, world):
    needs(connector, Capability.DELETES_FEED, Capability.DELETES_SWEEP)
    first = read(connector, world)
    entity, key = world.delete()
    assert key in first.keys()[entity]
    second = read(connector, world, first)
    assert second.gone(entity, key)
    others = first.keys()[entity] - {key}
    assert not [other for other in others if second.gone(entity, other)]


def test_a_malformed_source_is_an_error_or_a_reject_and_never_a_crash(connector, world):
    whole = read(connector, world)
    names = []
    for name in world.spoil():
        names.append(name)
        try:
            found = read(connector, world)
        except ConnectorError as error:
            assert one_line(str(error)), name
            continue
        assert found.rejects, f"{name}: rows were lost without a word"
        assert all(one_line(r.reason) for r in found.rejects), name
        for entity, keys in found.keys().items():
            assert all(
                found.rows[entity][k] == whole.rows[entity][k] for k in keys & whole.keys().get(entity, set())
            ), name
    assert names, "a case must spoil its source in at least one way"


def test_settings_that_cannot_work_are_one_line_of_the_right_kind(connector, world):
    names = []
    for name, settings, kind in world.unusable():
        names.append(name)
        with pytest.raises(kind) as caught:
            read(connector, world, settings=settings)
        assert one_line(str(caught.value)), name
        lines = list(connector.check(settings))
        assert not all(line.ok for line in lines), name
        assert all(one_line(line.message) for line in lines), name
        assert not [s for s in world.secrets if s in str(caught.value) + str(lines)], name
    assert names, "a case must know settings that cannot work"


def test_check_says_that_all_is_well_one_line_each(connector, world):
    lines = list(connector.check(world.settings))
    assert lines
    for line in lines:
        assert line.ok, f"{line.what}: {line.message}"
        assert line.what.strip()
        assert one_line(line.message)


def test_no_secret_reaches_a_log(connector, world, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    lines = list(connector.check(world.settings))
    read(connector, world)
    for _ in world.spoil():
        try:
            read(connector, world)
        except ConnectorError as error:
            lines.append(error)
    out = capfd.readouterr()
    said = "\n".join([caplog.text, out.out, out.err, repr(world.settings), *map(str, lines)])
    for secret in world.secrets:
        assert secret not in said


def one_line(text):
    return bool(text.strip()) and "\n" not in text and "Traceback" not in text
