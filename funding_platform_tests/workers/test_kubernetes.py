"""What Kubernetes is asked for, by a server that stands for it: a pod for each run."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import LaunchRunContext

from funding_platform.local.dagster_yaml import dagster_yaml
from funding_platform.settings import Settings

dagster_k8s = pytest.importorskip("dagster_k8s", reason="needs the extra `kubernetes`")

SETTINGS = Settings(
    dagster_url="postgresql://funding:s3cret@db/dagster",
    run_launcher="kubernetes",
    kubernetes_image="registry.example/funding-platform:1",
    kubernetes_namespace="desk",
)


class Cluster:
    """Takes every job, and remembers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    @contextmanager
    def serving(self) -> Iterator[str]:
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                asked.append((self.path, json.loads(body)))
                self.send_response(201)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()
            thread.join()


def kubeconfig(file: Path, server: str) -> Path:
    named = [{"name": "here", "cluster": {"server": server}}]
    context = {"name": "here", "context": {"cluster": "here", "user": "me"}}
    stated = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": named,
        "users": [{"name": "me", "user": {}}],
        "contexts": [context],
        "current-context": "here",
    }
    file.write_text(yaml.safe_dump(stated))
    return file


@dg.op
def nothing() -> None: ...


@dg.job
def idle() -> None:
    nothing()


def test_each_run_has_a_pod_that_nobody_starts_twice(tmp_path: Path) -> None:
    stated = yaml.safe_load(dagster_yaml(SETTINGS))["run_launcher"]
    cluster = Cluster()
    with cluster.serving() as server:
        outside = {
            "load_incluster_config": False,
            "kubeconfig_file": str(kubeconfig(tmp_path / "kubeconfig", server)),
        }
        launcher = {**stated, "config": stated["config"] | outside}
        with dg.instance_for_test(
            temp_dir=str(tmp_path), overrides={"run_launcher": launcher}
        ) as instance:
            recon = dg.reconstructable(idle)
            run = instance.create_run_for_job(idle, job_code_origin=recon.get_python_origin())
            instance.run_launcher.launch_run(LaunchRunContext(run, None))
    ((path, job),) = cluster.asked
    assert path.startswith("/apis/batch/v1/namespaces/desk/jobs")
    assert job["spec"]["backoffLimit"] == 0
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["serviceAccountName"] == "funding-platform"
    (container,) = pod["containers"]
    assert container["image"] == "registry.example/funding-platform:1"
    assert {"secretRef": {"name": "funding-environment"}} in container["envFrom"]
    assert {"name": "DAGSTER_HOME", "value": "/opt/dagster"} in container["env"]
    (volume,) = pod["volumes"]
    assert volume["configMap"]["name"] == "funding-dagster"
    (mount,) = container["volumeMounts"]
    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/opt/dagster")
    assert run.run_id in json.dumps(container["args"])
    assert "s3cret" not in json.dumps(job)
