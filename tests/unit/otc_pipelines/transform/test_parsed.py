"""The manifest that is kept between processes is dbt's own, and is not taken for anything else."""

from __future__ import annotations

import json

import pytest

from otc_pipelines.transform import run
from otc_pipelines.transform.parsed import keep, kept, parsed_of

OF = parsed_of("files", {"today": "2026-10-31"}, {"OTC_DBT_TARGET": "duckdb"})


@pytest.mark.parametrize(
    "other",
    [
        parsed_of("other files", {"today": "2026-10-31"}, {"OTC_DBT_TARGET": "duckdb"}),
        parsed_of("files", {"today": "2026-11-01"}, {"OTC_DBT_TARGET": "duckdb"}),
        parsed_of("files", {"today": "2026-10-31"}, {"OTC_DBT_TARGET": "postgres"}),
    ],
)
def test_what_was_parsed_of_something_else_is_not_taken(tmp_path, other):
    keep(tmp_path, OF, {"nodes": {}})
    assert kept(tmp_path, OF) == {"nodes": {}}
    assert kept(tmp_path, other) is None


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"of": 1}', json.dumps({"of": OF}), json.dumps({"manifest": {}})])
def test_a_damaged_file_is_not_taken(tmp_path, damaged):
    keep(tmp_path, OF, {"nodes": {}})
    (tmp_path / "parsed_project.json").write_text(damaged, encoding="utf-8")
    assert kept(tmp_path, OF) is None


def test_a_folder_that_is_not_there_keeps_nothing(tmp_path):
    keep(tmp_path / "gone", OF, {"nodes": {}})
    assert kept(tmp_path / "gone", OF) is None


def test_a_password_is_part_of_no_digest():
    with_password = {"OTC_DBT_TARGET": "postgres", "DBT_ENV_SECRET_OTC_PG_PASSWORD": "open sesame"}
    assert parsed_of("files", {}, with_password) == parsed_of("files", {}, {"OTC_DBT_TARGET": "postgres"})


class Nowhere:
    """A warehouse that is never opened."""

    def dbt_environment(self, *, connects=True):
        assert not connects
        return {"OTC_DBT_TARGET": "duckdb", "OTC_WAREHOUSE_PATH": "w.duckdb", "OTC_MARTS_BUILT_IN": "marts"}


class Somewhere(Nowhere):
    """A warehouse that dbt opens."""

    def dbt_environment(self, *, connects=True):
        return super().dbt_environment(connects=False)


@pytest.fixture
def project(tmp_path):
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: otc\nprofile: otc\nversion: 1.0.0\n", encoding="utf-8")
    (project / "profiles.yml").write_text(
        "otc:\n  target: duckdb\n  outputs: {duckdb: {type: duckdb, path: w.duckdb}}\n", encoding="utf-8"
    )
    (project / "models" / "one.sql").write_text("select 1 as a", encoding="utf-8")
    return project


def test_what_is_told_again_is_what_dbt_told_and_dbt_is_not_asked(tmp_path, project, monkeypatch):
    first = run.parsed_project(project, Nowhere(), {}, tmp_path / "target")

    def asked(*_):
        raise AssertionError("dbt was asked again")

    monkeypatch.setattr(run, "_parsed", asked)
    assert run.parsed_project(project, Nowhere(), {}, tmp_path / "target") == first
    assert list(first["nodes"]) == ["model.otc.one"]
    (project / "models" / "two.sql").write_text("select 2 as a", encoding="utf-8")
    with pytest.raises(AssertionError, match="asked again"):
        run.parsed_project(project, Nowhere(), {}, tmp_path / "target")


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda project, target: None, False),
        (lambda project, target: (project / "models" / "two.sql").write_text("select 2 as a", encoding="utf-8"), True),
        (lambda project, target: (target / "built_from.msgpack").write_bytes(b""), True),
        (lambda project, target: (target / "built_from.msgpack").unlink(), True),
        (lambda project, target: cut_short(target / "built_from.msgpack"), True),
    ],
    ids=["nothing", "a model", "emptied", "gone", "cut short"],
)
def test_another_process_builds_from_what_was_parsed_of_the_same_files(tmp_path, project, monkeypatch, change, again):
    target = tmp_path / "target"
    monkeypatch.chdir(tmp_path)
    run.parsed_project(project, Nowhere(), {}, target)
    change(project, target)
    monkeypatch.setattr(run, "_manifests", {})
    asked = []
    answer = run._answer
    monkeypatch.setattr(run, "_answer", lambda outcome: asked.append(answer(outcome)) or asked[-1])
    built = run.build(project, Somewhere(), ["one"], {}, target)
    assert [(node.name, node.status) for node in built.results] == [("one", "success")]
    assert len(asked) == (2 if again else 1), "dbt parses, where it must, and builds"


def cut_short(path):
    """Leave the first half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
