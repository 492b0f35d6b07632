"""A backup of a warehouse with roles and of its audit head, restored into another database, as docs/deploy.md says."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from otc_pipelines.audit import append, audited
from otc_pipelines.settings import load
from otc_pipelines.warehouse import Warehouse
from tests.live import postgres as servers
from tests.live.postgres import Server
from tests.pipeline.house import counts, otc, rewritten, rows
from tests.pipeline.released import instance_of, later, on_server

LOGIN = "otc_restored"
pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("postgres"),
    pytest.mark.skipif(bool(servers.missing()), reason=servers.missing() or "-"),
]


def tool(server: Server, name: str, *words: str) -> None:
    """Run one of PostgreSQL's own programs."""
    environment = {"PATH": os.environ["PATH"], "PGPASSWORD": servers.PASSWORD, "LC_ALL": "C.UTF-8"}
    where = ["--host", "127.0.0.1", "--port", str(server.port), "--username", servers.ADMIN]
    subprocess.run([str(server.binaries / name), *where, *words], env=environment, check=True, capture_output=True)


def backup(server: Server, config: Path, folder: Path) -> None:
    folder.mkdir()
    instance = load(config)
    database = urlsplit(instance.warehouse).path[1:]
    tool(server, "pg_dump", "--format", "custom", "--file", str(folder / "otc.dump"), database)
    shutil.copytree(instance.data_dir / "audit", folder / "audit")


def restore(server: Server, config: Path, folder: Path, *, head: bool = True) -> str:
    database = server.fresh()
    tool(server, "pg_restore", "--exit-on-error", "--dbname", database, str(folder / "otc.dump"))
    belongs_to_its_login(server, config, database)
    if head:
        data = load(config).data_dir
        shutil.rmtree(data / "audit")
        shutil.copytree(folder / "audit", data / "audit")
    return database


def belongs_to_its_login(server: Server, config: Path, database: str) -> None:
    """Let the instance use a database by a login of its own, with the roles that ``otc init --warehouse`` makes."""
    url = on_server(config.parent, server.url(database, LOGIN, "only-here"))
    rewritten(config, lambda document: document.update(warehouse=url))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTC_WAREHOUSE_ADMIN_URL", server.url())
        said = otc("init", "--warehouse", config=config)
    assert said.code == 0, said.err


def work_on(config: Path) -> None:
    with audited(Warehouse.of(load(config))) as tx:
        append(tx, kind="run", subject="pass", actor="ann", details={"exit_code": 0})


def owners(config: Path) -> set[tuple[str, str]]:
    found = rows(config, "select schemaname, tableowner from pg_tables where schemaname in ('ops', 'raw_files')")
    return {(str(r["schemaname"]), str(r["tableowner"])) for r in found}


def test_a_restored_backup_is_what_it_was_and_is_proved_by_its_audit_head(postgres: Server, tmp_path: Path) -> None:
    made = [postgres.fresh()]
    config = instance_of(tmp_path / "house", "0_1_0", postgres.url(made[0]))
    belongs_to_its_login(postgres, config, made[0])
    assert otc("check", config=config).code == 0
    before = counts(config)
    backup(postgres, config, tmp_path / "backup")
    work_on(config)
    assert counts(config) != before

    made.append(restore(postgres, config, tmp_path / "backup", head=False))
    said = otc("audit", "verify", config=config)
    assert said.code != 0, "an older warehouse with a newer head is no restore"

    made.append(restore(postgres, config, tmp_path / "backup"))
    assert otc("audit", "verify", config=config).code == 0
    assert counts(config) == before
    assert owners(config) == {("ops", LOGIN), ("raw_files", "loader")}
    work_on(config)
    assert otc("audit", "verify", config=config).code == 0, "work goes on where the backup ended"
    done = later(config)
    assert done.returncode == 0, done.stderr
    may = "select bool_and(has_table_privilege(r, 'ops.later', 'select')) from unnest(array['loader', 'transformer']) r"
    assert postgres.execute(may, made[-1]) == [(True,)], "the roles may read what an upgrade makes"
    for database in made:
        postgres.drop(database)
    postgres.execute(f"drop role {LOGIN}")
