"""The chart: its values against their schema, and what it renders against Kubernetes' own types.

There is no cluster here. Every document is read into the class that Kubernetes' client has for it
and written back, which loses what that class does not know; where ``helm`` is installed it renders
too, and must come to the same.
"""

import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import dagster as dg
import jsonschema
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test
from dagster_k8s import K8sRunLauncher
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job
from kubernetes import client
from pydantic import SecretStr

from funding_platform.settings import Settings
from funding_platform_tests.checkout import ROOT
from funding_platform_tests.deploy.chart import rendered
from funding_platform_tests.deploy.commands import understood

CHART = ROOT / "deploy" / "helm" / "funding-platform"
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
OTHER_VALUES = VALUES | {
    "image": VALUES["image"] | {"digest": "sha256:" + "0" * 64},
    "ingress": VALUES["ingress"] | {"enabled": True, "annotations": {"a": "b"}},
    "networkPolicy": VALUES["networkPolicy"] | {"enabled": False},
    "storage": VALUES["storage"] | {"className": "fast", "accessMode": "ReadWriteOnce"},
}
CLASSES = {
    "ConfigMap": client.V1ConfigMap,
    "Deployment": client.V1Deployment,
    "Ingress": client.V1Ingress,
    "NetworkPolicy": client.V1NetworkPolicy,
    "PersistentVolumeClaim": client.V1PersistentVolumeClaim,
    "Role": client.V1Role,
    "RoleBinding": client.V1RoleBinding,
    "Service": client.V1Service,
    "ServiceAccount": client.V1ServiceAccount,
}

Documents = dict[tuple[str, str], dict[str, Any]]


def documents(values: dict[str, Any]) -> Documents:
    read = [one for one in yaml.safe_load_all(rendered(CHART, values)) if one]
    found = {(one["kind"], one["metadata"]["name"]): one for one in read}
    assert len(found) == len(read), "two of one name"
    return found


@pytest.fixture(scope="module")
def usual() -> Documents:
    return documents(VALUES)


def of_kind(documents: Documents, kind: str) -> list[dict[str, Any]]:
    return [one for (found, _), one in documents.items() if found == kind]


def containers(documents: Documents) -> list[dict[str, Any]]:
    return [
        container
        for one in of_kind(documents, "Deployment")
        for container in one["spec"]["template"]["spec"]["containers"]
    ]


def test_the_values_are_what_their_schema_says() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for values in (VALUES, OTHER_VALUES):
        jsonschema.validate(values, SCHEMA)


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": {}},
        {"image": VALUES["image"] | {"digest": "latest"}},
        {"settings": {"FUNDING_CATALOG_URL": "postgresql://funding:canary@host/lake"}},
        {"settings": {"FUNDING_LAKE_THREADS": 2}},
        {"settings": {"OTHER": "x"}},
        {"storage": VALUES["storage"] | {"size": "20GB"}},
        {"podSecurityContext": {"runAsNonRoot": False}},
        {"containerSecurityContext": {"allowPrivilegeEscalation": True}},
        {"processes": {"code": {"enabled": True}}},
        {"networkPolicy": {"enabled": True, "from": []}},
    ],
)
def test_values_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(VALUES | wrong, SCHEMA)


@pytest.mark.parametrize("values", [VALUES, OTHER_VALUES], ids=["usual", "other"])
def test_kubernetes_knows_every_field(values: dict[str, Any]) -> None:
    api = client.ApiClient(client.Configuration())
    for (kind, name), one in documents(values).items():
        read = api.deserialize(SimpleNamespace(data=json.dumps(one)), CLASSES[kind])
        assert api.sanitize_for_serialization(read) == one, f"{kind} {name}"


@pytest.mark.skipif(shutil.which("helm") is None, reason="needs helm")
def test_helm_renders_the_same(usual: Documents) -> None:
    told = subprocess.run(
        ["helm", "template", "funding", str(CHART), "--namespace", "desk"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    theirs = [one for one in yaml.safe_load_all(told) if one]
    for one in theirs:
        assert usual[one["kind"], one["metadata"]["name"]] == one
    assert len(theirs) == len(usual)


def test_every_container_may_do_little_and_is_bounded(usual: Documents) -> None:
    for one in of_kind(usual, "Deployment"):
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        launches = one["metadata"]["name"] in ("funding-daemon", "funding-ui")
        assert pod["automountServiceAccountToken"] is launches
    for container in containers(usual):
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert container["livenessProbe"] == container["startupProbe"]


def test_every_container_starts_and_is_asked_a_command_that_there_is(
    usual: Documents, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workspace.yaml").touch()
    for container in containers(usual):
        understood(container["command"])
        if "exec" in container["livenessProbe"]:
            understood(container["livenessProbe"]["exec"]["command"])
        asked = container["livenessProbe"].get("httpGet") or container["livenessProbe"].get(
            "tcpSocket"
        )
        if asked:
            assert asked["port"] == container["ports"][0]["containerPort"]


def test_every_reference_leads_somewhere(usual: Documents) -> None:
    for one in of_kind(usual, "Deployment"):
        pod = one["spec"]["template"]["spec"]
        assert ("ServiceAccount", pod["serviceAccountName"]) in usual
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
            for source in container["envFrom"]:
                if "configMapRef" in source:
                    assert ("ConfigMap", source["configMapRef"]["name"]) in usual
                else:
                    assert source["secretRef"]["name"] == VALUES["secret"]
        claim = volumes["data"]["persistentVolumeClaim"]["claimName"]
        assert ("PersistentVolumeClaim", claim) in usual
    for service in of_kind(usual, "Service"):
        wanted = service["spec"]["selector"].items()
        (pod,) = [
            one["spec"]["template"]
            for one in of_kind(usual, "Deployment")
            if wanted <= one["spec"]["template"]["metadata"]["labels"].items()
        ]
        open_ports = {
            port["containerPort"]
            for container in pod["spec"]["containers"]
            for port in container.get("ports", ())
        }
        assert service["spec"]["ports"][0]["targetPort"] in open_ports


def test_no_secret_is_in_a_document(usual: Documents) -> None:
    assert of_kind(usual, "Secret") == []
    assert "postgresql://" not in json.dumps([*usual.values()])


def test_every_setting_is_one() -> None:
    known = {f"FUNDING_{name.upper()}" for name in Settings.model_fields}
    refused = SCHEMA["properties"]["settings"]["propertyNames"]["not"]["enum"]
    assert sorted(set(VALUES["settings"]) - known) == []
    secret = {
        f"FUNDING_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if SecretStr in (field.annotation, *get_args(field.annotation))
    }
    assert sorted(secret - set(refused)) == [], "a secret may not stand among the values"


def test_the_code_servers_are_where_the_workspace_says(usual: Documents) -> None:
    stated = yaml.safe_load(usual["ConfigMap", "funding-dagster"]["data"]["workspace.yaml"])
    for place in stated["load_from"]:
        server = place["grpc_server"]
        (port,) = usual["Service", server["host"]]["spec"]["ports"]
        assert port["port"] == server["port"]


def test_versions_are_that_of_the_package() -> None:
    facts = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert facts["appVersion"] == version("funding-platform")
    assert VALUES["image"]["tag"] == version("funding-platform")


KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
"""


def test_a_run_is_a_pod_that_may_do_little(usual: Documents, tmp_path: Path) -> None:
    stated = yaml.safe_load(usual["ConfigMap", "funding-dagster"]["data"]["dagster.yaml"])
    launcher = stated["run_launcher"]
    assert (launcher["module"], launcher["class"]) == ("dagster_k8s", "K8sRunLauncher")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    outside = {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    overrides = {"run_launcher": launcher | {"config": launcher["config"] | outside}}
    with dg.instance_for_test(temp_dir=str(tmp_path), overrides=overrides) as instance:
        made = instance.run_launcher
        assert isinstance(made, K8sRunLauncher)
        context = K8sContainerContext.create_for_run(
            create_run_for_test(instance), made, include_run_tags=True
        )
        job = construct_dagster_k8s_job(
            context.get_k8s_job_config(job_image=None, run_launcher=made),
            args=["dagster", "api", "execute_run"],
            job_name="run",
            user_defined_k8s_config=context.run_k8s_config,
        )
    pod = job.spec.template.spec
    (container,) = pod.containers
    assert container.image == f"{VALUES['image']['repository']}:{VALUES['image']['tag']}"
    assert container.security_context.read_only_root_filesystem is True
    assert container.resources.limits == VALUES["runs"]["resources"]["limits"]
    assert pod.security_context.run_as_non_root is True
    assert pod.automount_service_account_token is False
    assert {source.secret_ref.name for source in container.env_from if source.secret_ref} == {
        VALUES["secret"]
    }
    mounted = {mount.mount_path for mount in container.volume_mounts}
    assert {"/srv/funding/data", "/tmp", "/srv/funding/dagster_home"} <= mounted
    assert context.namespace == "desk"
