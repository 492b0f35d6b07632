"""What deploy/kubernetes says, held against Kubernetes' schemas, Dagster's launcher and the project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jsonschema
import pytest
import yaml
from dagster import DagsterInvalidConfigError, DagsterRun
from dagster._config import process_config
from dagster._core.instance.config import dagster_instance_config
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job
from kubernetes.client import ApiClient

from otc_pipelines.defs.home import SETTINGS
from tests.live import peers

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
VALUES: dict[str, Any] = yaml.safe_load((KUBERNETES / "values.yaml").read_text(encoding="utf-8"))
CODE: dict[str, Any] = VALUES["dagster-user-deployments"]["deployments"][0]
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all((KUBERNETES / "namespace.yaml").read_text(encoding="utf-8")))
CHART = Path(os.environ.get("OTC_DAGSTER_CHART") or "no chart")
VERSIONS = ("1.30", "1.37")
SCHEMAS = pytest.mark.skipif(bool(peers.missing("deployment")), reason=peers.missing("deployment") or "-")


def test_dagster_is_told_the_same_there_as_everywhere() -> None:
    daemon, extra = VALUES["dagsterDaemon"], VALUES["additionalInstanceConfig"]
    told = {
        "telemetry": VALUES["telemetry"],
        "nux": extra["nux"],
        "python_logs": {"python_log_level": VALUES["pythonLogs"]["pythonLogLevel"]},
        "concurrency": {
            "runs": {
                "max_concurrent_runs": daemon["runCoordinator"]["config"]["queuedRunCoordinator"]["maxConcurrentRuns"]
            }
        },
        "compute_logs": SETTINGS["compute_logs"]
        if VALUES["computeLogManager"]["type"] == "NoOpComputeLogManager"
        else {},
        "freshness": extra["freshness"],
        "run_monitoring": {
            "enabled": daemon["runMonitoring"]["enabled"],
            "start_timeout_seconds": daemon["runMonitoring"]["startTimeoutSeconds"],
        },
        "retention": {
            k: {"purge_after_days": VALUES["retention"][k]["purgeAfterDays"]} for k in ("sensor", "schedule")
        },
    }
    assert told == SETTINGS


def test_dagster_takes_what_is_added_to_its_settings(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(VALUES["additionalInstanceConfig"]), encoding="utf-8")
    read, _ = dagster_instance_config(str(tmp_path))
    assert {k: read[k] for k in VALUES["additionalInstanceConfig"]} == VALUES["additionalInstanceConfig"]
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"freshnes": {"enabled": True}}), encoding="utf-8")
    with pytest.raises(DagsterInvalidConfigError, match="freshnes"):
        dagster_instance_config(str(tmp_path))


def test_chart_and_image_are_of_the_versions_of_the_project() -> None:
    (dagster,) = [d.partition("==")[2] for d in PROJECT["dependencies"] if d.startswith("dagster==")]
    text = (KUBERNETES / "values.yaml").read_text(encoding="utf-8") + (ROOT / "docs/deploy.md").read_text()
    assert set(re.findall(r"--version (\S+)", text)) == {dagster}
    images = [CODE, VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]]
    assert {i["image"]["tag"] for i in images} == {PROJECT["version"]}


def test_every_pod_runs_as_nobody_and_the_ingress_asks_for_a_login() -> None:
    for pod in (CODE, VALUES["dagsterWebserver"], VALUES["dagsterDaemon"]):
        assert pod["podSecurityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["readOnlyRootFilesystem"] is True
        assert pod["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert VALUES["ingress"]["annotations"]["nginx.ingress.kubernetes.io/auth-url"].startswith("https://")
    for name in ("dagsterWebserver", "readOnlyDagsterWebserver"):
        assert VALUES["ingress"][name]["tls"]["enabled"]
    assert "postgresqlPassword" not in VALUES["postgresql"]


def test_nothing_is_reached_but_what_a_policy_names() -> None:
    policies = {p["metadata"]["name"]: p["spec"] for p in OBJECTS if p["kind"] == "NetworkPolicy"}
    assert policies["otc-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ingress = policies["otc-webserver-from-ingress-alone"]
    (chosen,) = ingress["podSelector"]["matchExpressions"]
    assert chosen["key"] == "component"
    # The chart's names of the two webservers' pods, the second where it is asked for.
    assert set(chosen["values"]) == {
        "dagster-webserver",
        *(["dagster-webserver-read-only"] if VALUES["dagsterWebserver"]["enableReadOnly"] else []),
    }
    assert ingress["ingress"][0]["ports"][0]["port"] == VALUES["dagsterWebserver"]["service"]["port"]
    assert policies["otc-code-from-dagster"]["ingress"][0]["ports"][0]["port"] == CODE["port"]
    out = {(p["protocol"], p["port"]) for rule in policies["otc-out"]["egress"] for p in rule["ports"]}
    assert {("TCP", CODE["port"]), ("TCP", VALUES["postgresql"]["service"]["port"]), ("UDP", 53)} <= out


# --- what Kubernetes would be given


def pod(name: str, part: Mapping[str, Any]) -> dict[str, Any]:
    """A pod with what the values give to a part, as the chart passes it on: word for word."""
    given = {k: part[k] for k in ("securityContext", "resources", "volumeMounts") if k in part}
    for probe in ("readinessProbe", "startupProbe"):
        if probe in part:
            given[probe] = {"exec": {"command": ["true"]}} if "httpGet" not in part[probe] else {}
            given[probe] |= {k: v for k, v in part[probe].items() if k != "enabled"}
    image = part["image"]
    container = {"name": name, "image": f"{image['repository']}:{image['tag']}", **given}
    container["imagePullPolicy"] = image["pullPolicy"]
    container["envFrom"] = [{"secretRef": secret} for secret in part.get("envSecrets", [])]
    spec = {"securityContext": part["podSecurityContext"], "volumes": part["volumes"], "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "otc"}, "spec": spec}


def run_job() -> dict[str, Any]:
    """The job that Dagster's launcher would make for a run, with the settings that the values give it."""
    config = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
    spec = config["runK8sConfig"]
    told = {
        "load_incluster_config": config["loadInclusterConfig"],
        "job_namespace": "otc",
        "image_pull_policy": config["imagePullPolicy"],
        "service_account_name": "otc-dagster",
        "dagster_home": VALUES["global"]["dagsterHome"],
        "instance_config_map": "otc-dagster-instance",
        "postgres_password_secret": VALUES["global"]["postgresqlSecretName"],
        "fail_pod_on_run_failure": config["failPodOnRunFailure"],
        "security_context": config["securityContext"],
        "run_k8s_config": {
            "pod_spec_config": spec["podSpecConfig"],
            "job_spec_config": spec["jobSpecConfig"],
        },
    }
    checked = process_config(K8sRunLauncher.config_type(), told)
    assert checked.success, checked.errors
    with patch("dagster_k8s.launcher.load_kubernetes_config"):  # there is no cluster to sign in to
        launcher = K8sRunLauncher.from_config_value(None, checked.value or {})
    context = K8sContainerContext.create_for_run(DagsterRun(job_name="whole_way"), launcher, include_run_tags=False)
    context = context.merge(K8sContainerContext.create_from_config({"k8s": told_by_code()}))
    image = CODE["image"]
    job = construct_dagster_k8s_job(
        context.get_k8s_job_config(f"{image['repository']}:{image['tag']}", launcher),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run-1",
        user_defined_k8s_config=context.run_k8s_config,
        component="run_worker",
    )
    found: dict[str, Any] = ApiClient().sanitize_for_serialization(job)
    return found


def told_by_code() -> dict[str, Any]:
    """What the code location tells the launcher of its runs."""
    return {
        "image_pull_policy": CODE["image"]["pullPolicy"],
        "env_config_maps": ["otc-dagster-order-to-cash-user-env"],
        "env_secrets": [secret["name"] for secret in CODE["envSecrets"]],
        "volume_mounts": CODE["volumeMounts"],
        "volumes": CODE["volumes"],
        "resources": CODE["resources"],
        "namespace": "otc",
        "service_account_name": "otc-dagster-user-deployments",
    }


def test_a_run_is_a_pod_that_may_no_more_than_the_code_location_and_has_what_that_has() -> None:
    spec = run_job()["spec"]
    assert spec["ttlSecondsAfterFinished"] == 86400
    assert spec["backoffLimit"] == 0
    template = spec["template"]["spec"]
    (container,) = template["containers"]
    assert template["securityContext"] == CODE["podSecurityContext"]
    assert container["securityContext"] == CODE["securityContext"]
    assert container["resources"] == CODE["resources"]
    assert {m["mountPath"]: m["name"] for m in CODE["volumeMounts"]}.items() <= {
        m["mountPath"]: m["name"] for m in container["volumeMounts"]
    }.items()
    secrets = [source["secretRef"]["name"] for source in container["envFrom"] if "secretRef" in source]
    assert secrets == [secret["name"] for secret in CODE["envSecrets"]]


@SCHEMAS
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field_that_it_is_given(version: str, tmp_path: Path) -> None:
    parts = {"code": CODE, "webserver": VALUES["dagsterWebserver"], "daemon": VALUES["dagsterDaemon"]}
    made = tmp_path / "made.yaml"
    made.write_text(yaml.safe_dump_all([*(pod(name, part) for name, part in parts.items()), run_job()]), "utf-8")
    files = [str(KUBERNETES / "namespace.yaml"), str(made)]
    done = _validated(version, files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" passed for resource ") == len(OBJECTS) + len(parts) + 1


@SCHEMAS
def test_a_field_that_kubernetes_does_not_know_would_be_seen(tmp_path: Path) -> None:
    wrong = pod("code", {**CODE, "securityContext": {**CODE["securityContext"], "readOnlyRootFileSystem": True}})
    made = tmp_path / "made.yaml"
    made.write_text(yaml.safe_dump(wrong), "utf-8")
    done = _validated(VERSIONS[-1], [str(made)])
    assert done.returncode != 0
    assert "readOnlyRootFileSystem" in done.stdout + done.stderr


def _validated(version: str, files: list[str]) -> subprocess.CompletedProcess[str]:
    program = peers.home("deployment") / "bin/kubernetes-validate"
    command = [str(program), "--strict", "--kubernetes-version", version, *files]
    return subprocess.run(command, capture_output=True, text=True, check=False)


# --- the chart, where there is one


@pytest.mark.skipif(
    not CHART.is_dir(), reason="OTC_DAGSTER_CHART names no folder of Dagster's chart (helm pull --untar)"
)
def test_the_values_are_what_the_chart_allows() -> None:
    def merged(base: Any, over: Any) -> Any:
        if isinstance(base, dict) and isinstance(over, dict):
            return {k: merged(base.get(k), over[k]) if k in over else base[k] for k in {**base, **over}}
        return over

    defaults = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    _without_references_elsewhere(schema)
    unknown = set(VALUES) - set(schema["properties"]) - set(defaults)
    assert unknown == set()
    jsonschema.Draft7Validator(schema).validate(merged(defaults, VALUES))


def _without_references_elsewhere(schema: Any) -> None:
    """Definitions of Kubernetes stand on another server: they are left out, nothing is fetched."""
    if isinstance(schema, dict):
        if str(schema.get("$ref", "")).startswith("http"):
            del schema["$ref"]
        for inner in schema.values():
            _without_references_elsewhere(inner)
    elif isinstance(schema, list):
        for inner in schema:
            _without_references_elsewhere(inner)
