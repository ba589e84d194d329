"""The example of a proxy: a login for the UI, none for the service, in front of a small server.

It is served by a real nginx.
Only addresses and files are changed: ports and certificates of the test's own.
"""

import http.client
import re
import shutil
import socket
import ssl
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from funding_platform_tests.checkout import ROOT
from funding_platform_tests.waiting import until

CONFIG = ROOT / "deploy" / "proxy" / "nginx.conf"
HOST = "funding.example.org"
SERVICE = f"api.{HOST}"
LOGIN = {"Authorization": "Basic " + b64encode(b"ada:right").decode()}
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

pytestmark = pytest.mark.skipif(
    not (NGINX and shutil.which("openssl")), reason="needs nginx and openssl"
)


class Behind(BaseHTTPRequestHandler):
    """Answers with the headers that came through."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = str(self.headers).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class Proxy:
    """Where nginx listens, and whom it takes for itself."""

    def __init__(self, plain: int, encrypted: int, certificate: Path) -> None:
        self.plain, self.encrypted = plain, encrypted
        self.trust = ssl.create_default_context(cafile=certificate)

    def ask(self, host: str = HOST, path: str = "/runs", **headers: str) -> tuple[int, str]:
        """Ask for a page as a browser does; returns status and body."""
        with (
            socket.create_connection(("127.0.0.1", self.encrypted)) as plain,
            self.trust.wrap_socket(plain, server_hostname=host) as encrypted,
        ):
            connection = http.client.HTTPConnection(host)
            connection.sock = encrypted
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def served() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Behind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def adapted(folder: Path, behind: int, plain: int, encrypted: int) -> Path:
    """Write the whole configuration: the example, between what Debian puts around it."""
    text = CONFIG.read_text(encoding="utf-8")
    for before, after in (
        ("127.0.0.1:3000", f"127.0.0.1:{behind}"),
        ("127.0.0.1:8400", f"127.0.0.1:{behind}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{encrypted} ssl http2;"),
        ("/etc/ssl/funding/", f"{folder}/"),
        ("/etc/nginx/", f"{folder}/"),
    ):
        assert before in text, before
        text = text.replace(before, after)
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)  # not every machine has it
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    whole = folder / "nginx.conf"
    whole.write_text(
        f"user root;\npid {folder}/pid;\nerror_log {folder}/error.log;\ndaemon off;\n"
        f"events {{}}\nhttp {{\naccess_log {folder}/access.log;\n{temporary}\n{text}\n}}\n"
    )
    return whole


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("nginx")
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},DNS:{SERVICE}"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    hashed = run("openssl", "passwd", "-6", "right").strip()
    (folder / "funding.htpasswd").write_text(f"ada:{hashed}\n")
    plain, encrypted = free_port(), free_port()
    with served() as behind:
        command = [
            str(NGINX),
            "-p",
            str(folder),
            "-c",
            str(adapted(folder, behind, plain, encrypted)),
        ]
        run(*command, "-t")
        process = subprocess.Popen(command)
        try:
            until(lambda: listens(encrypted), "nginx", 60)
            yield Proxy(plain, encrypted, certificate)
        finally:
            process.terminate()
            process.wait()


def test_nobody_enters_without_a_login(proxy: Proxy) -> None:
    assert proxy.ask()[0] == 401
    wrong = "Basic " + b64encode(b"ada:wrong").decode()
    assert proxy.ask(Authorization=wrong)[0] == 401


def test_who_has_one_enters_and_the_password_stays_outside(proxy: Proxy) -> None:
    status, seen = proxy.ask(**LOGIN)
    assert status == 200
    assert f"Host: {HOST}" in seen
    assert "X-Forwarded-User: ada" in seen
    assert "Authorization" not in seen


def test_a_page_of_another_site_starts_nothing(proxy: Proxy) -> None:
    assert proxy.ask(Origin="https://elsewhere.example", **LOGIN)[0] == 403
    assert proxy.ask(Origin=f"https://{HOST}", **LOGIN)[0] == 200


def test_what_pushes_events_is_let_through(proxy: Proxy) -> None:
    _, seen = proxy.ask(Upgrade="websocket", Connection="Upgrade", **LOGIN)
    assert "Upgrade: websocket" in seen
    assert "Connection: upgrade" in seen


def test_without_encryption_there_is_only_the_way_to_it(proxy: Proxy) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.plain)
    connection.request("GET", "/runs", headers={"Host": HOST})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{HOST}/runs")
    connection.close()


def test_keys_of_the_service_pass_and_no_login_is_asked_for(proxy: Proxy) -> None:
    status, seen = proxy.ask(SERVICE, "/api/v1/venues", Authorization="Bearer fp_key")
    assert status == 200
    assert f"Host: {SERVICE}" in seen
    assert "Authorization: Bearer fp_key" in seen


def test_figures_are_not_for_everybody(proxy: Proxy) -> None:
    assert proxy.ask(SERVICE, "/metrics")[0] == 404
    assert proxy.ask(SERVICE, "/api/v1/metrics")[0] == 200
