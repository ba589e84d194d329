"""``python -m funding_platform.local.child PARENT PROGRAM …``: a program that ends with its parent.

The program is one that an installed package brings along, such as ``dagster-daemon``. Whoever kills
`funding dev` leaves no web server behind on its port.
"""

import sys
from importlib.metadata import entry_points

from funding_platform.core.system.processes import die_with_parent


def main() -> None:
    """Run the program that the arguments name."""
    _, parent, program, *arguments = sys.argv
    die_with_parent(int(parent))
    (found,) = entry_points(group="console_scripts", name=program)
    sys.argv = [program, *arguments]
    found.load()()


if __name__ == "__main__":
    main()
