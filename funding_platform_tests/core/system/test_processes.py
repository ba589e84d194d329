"""A child that must not outlive its parent, with real processes and a real kill."""

import subprocess
import sys

CHILD = (
    "import sys, time; "
    "from funding_platform.core.system.processes import die_with_parent; "
    "die_with_parent(int(sys.argv[1])); print('alive', flush=True); time.sleep(600)"
)
PARENT = (
    "import os, subprocess, sys; "
    "subprocess.run([sys.executable, '-c', sys.argv[1], str(os.getpid())])"
)


def test_a_child_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"alive\n"
        parent.kill()
        # The child holds the other end of the pipe: it ends when the child does.
        assert parent.stdout.read() == b""


def test_a_child_whose_parent_is_dead_already_ends_at_once() -> None:
    with subprocess.Popen(["true"]) as dead:
        pass
    started = [sys.executable, "-c", CHILD, str(dead.pid)]
    child = subprocess.run(started, capture_output=True, check=False)
    assert child.returncode < 0
    assert child.stdout == b""
