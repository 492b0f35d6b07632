"""Writing: one outcome an intent, the same again harmless, the refused told apart, the unknown read back."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation

import pytest

from connectors.kit.contract import Capability, OutcomeStatus
from connectors.kit.errors import ConnectorError
from tests.contract.case import needs

DELIVERED, UNKNOWN, RETRY = OutcomeStatus.DELIVERED, OutcomeStatus.UNKNOWN, OutcomeStatus.RETRY


@pytest.fixture
def writer(connector, request):
    needs(connector, Capability.WRITES)
    return connector.writer(request.getfixturevalue("world").settings)


def held(writer, object_name, intents):
    fields = list(intents[0].fields)
    return writer.read_back(object_name, [i.key for i in intents], fields)


def shows(held_fields, intents):
    """Whether the target holds every field as intended; amounts compare by value."""
    return all(
        intent.key in held_fields and all(same(held_fields[intent.key].get(n), v) for n, v in intent.fields.items())
        for intent in intents
    )


def same(left, right):
    try:
        return Decimal(str(left)) == Decimal(str(right))
    except InvalidOperation:
        return left == right


def test_its_objects_have_the_vendors_names(connector, writer, world):
    object_name, _, _ = world.intents()
    assert object_name in writer.objects()
    assert connector.creates <= set(writer.objects())
    assert all(isinstance(name, str) and name for name in writer.objects().values())


def test_every_intent_has_one_outcome_and_is_there_afterwards(writer, world):
    object_name, intents, _ = world.intents()
    outcomes = list(writer.write(object_name, intents))
    assert sorted(o.key for o in outcomes) == sorted(i.key for i in intents)
    assert {o.status for o in outcomes} == {DELIVERED}
    assert shows(held(writer, object_name, intents), intents)


def test_what_it_does_not_create_must_be_there(connector, writer, world):
    object_name, intents, _ = world.intents()
    nobody = replace(intents[0], key="nobody")
    (outcome,) = writer.write(object_name, [nobody])
    assert (outcome.status is DELIVERED) == (object_name in connector.creates), outcome.reason
    assert bool(held(writer, object_name, [nobody])) == (object_name in connector.creates)


def test_writing_again_changes_nothing_and_later_changes_win(writer, world):
    object_name, intents, later = world.intents()
    for batch in (intents, intents, later):
        assert {o.status for o in writer.write(object_name, batch)} == {DELIVERED}
        assert shows(held(writer, object_name, batch), batch)


def test_nothing_to_write_makes_no_call(writer, world):
    object_name, _, _ = world.intents()
    before = world.writes()
    assert list(writer.write(object_name, [])) == []
    assert world.writes() == before


def test_refused_rows_are_told_apart_from_the_rest(writer, world):
    object_name, intents, _ = world.intents()
    refused = {intents[0].key, intents[-1].key}
    world.refuse(refused)
    outcomes = {o.key: o for o in writer.write(object_name, intents)}
    assert set(outcomes) == {i.key for i in intents}
    for key, outcome in outcomes.items():
        if key in refused:
            assert outcome.status in (OutcomeStatus.FAILED, RETRY)
            assert outcome.reason.strip()
            assert "\n" not in outcome.reason
        else:
            assert outcome.status is DELIVERED
    rest = [i for i in intents if i.key not in refused]
    assert shows(held(writer, object_name, rest), rest)


def test_an_answer_that_is_lost_after_the_write_is_unknown_and_can_be_read_back(writer, world):
    object_name, intents, _ = world.intents()
    before = world.writes()
    world.lose_answer()
    outcomes = list(writer.write(object_name, intents))
    assert sorted(o.key for o in outcomes) == sorted(i.key for i in intents)
    assert UNKNOWN in {o.status for o in outcomes}
    assert not {o.status for o in outcomes} - {UNKNOWN, DELIVERED, RETRY}
    assert world.writes() == before + 1, "a write whose answer was lost must not be sent again by itself"
    applied = [i for i in intents if i.key in {o.key for o in outcomes if o.status is UNKNOWN}]
    assert shows(held(writer, object_name, applied), applied)


def test_what_is_not_in_the_target_is_not_read_back(writer, world):
    object_name, intents, _ = world.intents()
    found = writer.read_back(object_name, ["no such key", intents[0].key], list(intents[0].fields))
    assert set(found) <= {intents[0].key}


def test_an_object_that_it_cannot_write_is_refused(writer, world):
    _, intents, _ = world.intents()
    before = world.writes()
    with pytest.raises(ConnectorError):
        list(writer.write("no_such_object", intents))
    assert world.writes() == before
