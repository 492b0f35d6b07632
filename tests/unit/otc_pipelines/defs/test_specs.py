"""Every asset as people see it: key, group, owner, kinds, what it hangs on."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from otc_pipelines.naming import GROUPS, OWNERS

SNAPSHOT = Path(__file__).with_name("assets.txt")


def _lines(defs: dg.Definitions) -> list[str]:
    lines = []
    for spec in sorted(defs.resolve_all_asset_specs(), key=lambda s: s.key):
        kinds = " ".join(sorted(spec.kinds))
        lines.append(f"{spec.key.to_user_string()}  [{spec.group_name}]  {' '.join(spec.owners)}  ({kinds})")
        lines += [f"    < {dep.asset_key.to_user_string()}" for dep in sorted(spec.deps, key=lambda d: d.asset_key)]
    return lines


def test_assets_are_those_of_the_snapshot(defs: dg.Definitions) -> None:
    found = "\n".join(_lines(defs)) + "\n"
    if os.environ.get("OTC_UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(found, encoding="utf-8")
    assert found == SNAPSHOT.read_text(encoding="utf-8"), "look at the difference; then OTC_UPDATE_SNAPSHOTS=1 pytest"


def test_every_asset_has_a_group_of_the_flow_its_owner_and_a_description(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.group_name in GROUPS, spec.key
        assert list(spec.owners), spec.key
        assert set(spec.owners) <= set(OWNERS.values()), spec.key
        assert (spec.description or "").strip(), spec.key
        assert spec.kinds, spec.key


def test_nothing_hangs_on_an_asset_that_is_not_there(defs: dg.Definitions) -> None:
    specs = list(defs.resolve_all_asset_specs())
    known = {s.key for s in specs}
    missing = {d.asset_key.to_user_string() for s in specs for d in s.deps if d.asset_key not in known}
    assert not missing


def test_a_staging_model_hangs_on_every_source_of_its_connector(defs: dg.Definitions) -> None:
    staged = defs.resolve_assets_def(dg.AssetKey(["staging", "stg_files__documents"]))
    deps = {d.asset_key for d in staged.get_asset_spec(dg.AssetKey(["staging", "stg_files__documents"])).deps}
    assert deps == {dg.AssetKey(["raw", "legacy", "documents"]), dg.AssetKey(["raw", "second", "documents"])}


def test_data_flows_one_way(defs: dg.Definitions) -> None:
    """Only posting and matching stand between models of one layer; nothing else leads back to an earlier group."""
    specs = {s.key: s for s in defs.resolve_all_asset_specs()}
    allowed = {("post", "conform"), ("match", "marts")}
    for spec in specs.values():
        for dep in spec.deps:
            above = specs[dep.asset_key].group_name
            back = GROUPS.index(str(above)) > GROUPS.index(str(spec.group_name))
            assert not back or (above, spec.group_name) in allowed, (spec.key, dep.asset_key)


def test_each_suite_is_a_check_and_those_of_what_leaves_block(defs: dg.Definitions) -> None:
    specs = [d.get_spec_for_check_key(key) for d in defs.asset_checks or [] for key in d.check_keys]
    gates = {spec.asset_key.to_user_string(): spec for spec in specs if spec.name == "gate"}
    assert gates["outbound/sync_salesforce__account_ar_status"].blocking
    assert gates["outbound/sync_salesforce__order_payment_status"].blocking
    assert not gates["marts/fct_tie_out"].blocking  # people need the marts to find the difference; delivery refuses
    assert all(c.metadata["owner"] in OWNERS.values() for c in gates.values())
