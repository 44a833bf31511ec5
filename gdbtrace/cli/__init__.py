"""The command line: one module per subcommand."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from gdbtrace.cli.app import main


def entry_point() -> None:
    """The console script."""
    sys.exit(main())


__all__: Sequence[str] = ["entry_point", "main"]
