"""The example for Caddy: Caddy takes it, and it names what the one for nginx names."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from funding_platform_tests.checkout import ROOT

FOLDER = ROOT / "deploy" / "proxy"
PEOPLE = "/etc/caddy/people"


@pytest.mark.skipif(shutil.which("caddy") is None, reason="needs caddy")
def test_caddy_takes_it(tmp_path: Path) -> None:
    hashed = subprocess.run(
        ["caddy", "hash-password", "--plaintext", "right"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    (tmp_path / "people").write_text(f"ada {hashed}")
    text = (FOLDER / "Caddyfile").read_text(encoding="utf-8")
    assert PEOPLE in text
    file = tmp_path / "Caddyfile"
    file.write_text(text.replace(PEOPLE, str(tmp_path / "people")))
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    for words in (("validate", "--adapter", "caddyfile", "--config"), ("fmt",)):
        done = subprocess.run(
            ["caddy", *words, str(file)], env=home, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == file.read_text(), "as `caddy fmt` writes it"


def test_both_proxies_lead_to_the_same() -> None:
    caddy = (FOLDER / "Caddyfile").read_text(encoding="utf-8")
    nginx = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    for what in (r"127\.0\.0\.1:\d+", r"\b(?:\w+\.)?funding\.example\.org\b", r"\b404\b"):
        assert set(re.findall(what, caddy)) == set(re.findall(what, nginx)), what
    for header in ("Strict-Transport-Security", "X-Frame-Options", "Referrer-Policy"):
        assert header in caddy
        assert header in nginx
