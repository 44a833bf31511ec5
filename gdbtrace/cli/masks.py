"""What the commands that compare traces share: which differences are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from gdbtrace.analysis.tolerance import Tolerance


@dataclass(frozen=True, slots=True)
class MaskOptions:
    """What is not compared."""

    mask_registers: Annotated[
        list[str] | None,
        typer.Option(
            "--mask-register", metavar="GLOB[:BITS]", help="Not these registers, or bits of them. Repeatable."
        ),
    ] = None
    mask_memory: Annotated[
        list[str] | None,
        typer.Option("--mask-memory", metavar="LOW-HIGH", help="Not what is at these addresses. Repeatable."),
    ] = None
    mask_instructions: Annotated[
        list[str] | None,
        typer.Option("--mask-instruction", metavar="GLOB", help="Not the results of these. Repeatable."),
    ] = None
    relocate: Annotated[bool, typer.Option("--relocate", help="Modules, stack and heap may be at other addresses.")] = (
        False
    )
    no_events: Annotated[bool, typer.Option("--no-events", help="Pass over frames that are no instructions.")] = False
    strict: Annotated[
        bool, typer.Option("--strict", help="Compare undefined flags and what is never the same (rdtsc), too.")
    ] = False


def tolerance_of(options: MaskOptions) -> Tolerance:
    """The same for analyses.

    :raise UsageError: a mask is not well-formed.
    """
    return Tolerance.parse(
        options.mask_registers or (),
        options.mask_memory or (),
        options.mask_instructions or (),
        nondeterministic=not options.strict,
        undefined=not options.strict,
        events=not options.no_events,
        is_relocated=options.relocate,
    )
