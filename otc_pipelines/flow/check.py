"""``otc check``: each connection, the warehouse, and what the targets need, a line each.

Belongs here: trying things without changing any. Not here: how a vendor is tried (its connector says).
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.kit.contract import CheckResult
from connectors.kit.errors import ConnectorError
from connectors.registry import channel
from otc_pipelines.flow.alerts import undelivered
from otc_pipelines.settings import Instance
from otc_pipelines.transform import reference_values
from otc_pipelines.warehouse import Warehouse


def check_instance(instance: Instance) -> Iterator[tuple[str, CheckResult, ConnectorError | None]]:
    """Yield (name, result, error): the sources' own checks, the warehouse, the targets, the channels of alerts."""
    for source in instance.sources:
        try:
            settings = instance.settings_of(source)
            for result in instance.connector_of(source).check(settings):
                yield source.name, result, None
        except ConnectorError as problem:
            yield source.name, CheckResult("connection", False, str(problem)), problem
    try:
        warehouse = Warehouse.of(instance)
        with warehouse.transaction() as tx:
            tx.execute("update ops.instance set value = value where 1 = 0")
            version = tx.scalar("select max(name) from ops.schema_version")
        yield (
            "warehouse",
            CheckResult("write", True, f"{warehouse.shown} can be written; its schema is {version}"),
            None,
        )
        for what, said in warehouse.described().items():
            yield "warehouse", CheckResult(what, True, said), None
    except ConnectorError as problem:
        yield "warehouse", CheckResult("write", False, str(problem)), problem
    if instance.measures.reference_values or instance.industries():
        yield _references(instance)
    for target in instance.targets:
        mode = "will be written to by `otc run`" if target.mode == "deliver" else "dry run only"
        yield target.name, CheckResult("target", True, f"{', '.join(target.objects)}: {mode}"), None
    yield from _channels(instance)


def _references(instance: Instance) -> tuple[str, CheckResult, ConnectorError | None]:
    """What measures are compared with: the file can be read, each of its lines is right; industries it has not."""
    try:
        rows = reference_values(instance.measures.reference_values)
    except ConnectorError as problem:
        return "measures", CheckResult("reference values", False, str(problem)), problem
    own = instance.measures.reference_values
    said = f"{len(rows)} from {own.name}" if own else f"{len(rows)} as shipped"
    stated = {row["industry"] for row in rows}
    for entity in instance.industries():
        if entity["industry"] not in stated:
            asked = f"legal_entities.{entity['legal_entity']}.industry {entity['industry']!r}"
            said += f"; {asked} is in none of them, so it is compared with values of all industries alone"
    return "measures", CheckResult("reference values", True, said), None


def _channels(instance: Instance) -> Iterator[tuple[str, CheckResult, ConnectorError | None]]:
    """Each channel's own checks, which tell nobody anything; then what could not be told."""
    for name in instance.alerts.options:
        try:
            settings = instance.settings_of_channel(name)
            for result in channel(name).check(settings):
                yield f"alerts {name}", result, None
        except ConnectorError as problem:
            yield f"alerts {name}", CheckResult("settings", False, str(problem)), problem
    for result in undelivered(instance):
        yield "alerts", result, None
