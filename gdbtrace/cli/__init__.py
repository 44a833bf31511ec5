"""The command line: one module per subcommand."""

from __future__ import annotations

import sys

from gdbtrace.cli.app import main


def entry_point() -> None:
    """The console script."""
    sys.exit(main())


__all__ = ["entry_point", "main"]
