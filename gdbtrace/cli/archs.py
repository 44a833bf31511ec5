"""``gdbtrace archs``: what can be traced, and what is missing for it on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Annotated

import capstone
import typer
from rich.table import Table

from gdbtrace.arch.disassembler import has_decoder
from gdbtrace.arch.model import Arch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES
from gdbtrace.arch.unsupported import UNSUPPORTED
from gdbtrace.cli.output import TableConsole
from gdbtrace.errors import ToolMissing
from gdbtrace.gdb.session import find_gdb
from gdbtrace.machine.emulator import debian_package_of, find_emulator
from gdbtrace.objdump import problem_of
from gdbtrace.record.machine import emulator_for


@dataclass(frozen=True, slots=True)
class Availability:
    """One architecture on this machine."""

    name: str
    qemu: str
    engines: list[str]
    """Those that work here."""
    capstone: str
    """What capstone does for it."""
    unknown: str
    """Which memory operands cannot be said; empty: all are known."""
    missing: list[str]
    """What is not installed, and the Debian package that brings it."""


def archs(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the architectures that can be traced, and what this machine lacks for them."""
    has_gdb = _is_found(find_gdb)
    rows = [_availability(arch, arch.qemu_user, "qemu-user", has_gdb=has_gdb) for arch in ARCHITECTURES.values()]
    rows += [
        _availability(arch, qemu, debian_package_of(qemu), has_gdb=has_gdb) for arch, qemu in _for_firmware_alone()
    ]
    if as_json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("arch", "qemu", "engines", "capstone", "memory operands", "missing"):
        table.add_column(heading, no_wrap=heading != "missing")
    for row in rows:
        missing = "; ".join(row.missing) or "-"
        engines = ", ".join(row.engines) or "-"
        table.add_row(row.name, row.qemu, engines, row.capstone, "partly" if row.unknown else "known", missing)
    console = TableConsole()
    console.print(table)
    for row in rows:
        if row.unknown:
            console.print(f"\nmemory operands unknown on {row.name}: {row.unknown}", soft_wrap=True)
    console.print("\nQEMU's other user-mode targets are not supported:")
    for name, reason in UNSUPPORTED.items():
        console.print(f"{name}: {reason}", soft_wrap=True)


def _for_firmware_alone() -> Iterator[tuple[Arch, str]]:
    """The architectures that no program is of, with the emulator of their machines."""
    for arch in MACHINES.values():
        if arch.name not in ARCHITECTURES:
            yield arch, emulator_for(arch)


def _is_found(find: Callable[[], object]) -> bool:
    try:
        find()
    except ToolMissing:
        return False
    return True


def _availability(arch: Arch, qemu: str, package: str, *, has_gdb: bool) -> Availability:
    missing = []
    has_qemu = _is_found(lambda: find_emulator(qemu, least=arch.least_qemu))
    if not has_qemu:
        version = " {}.{} or later".format(*arch.least_qemu) if arch.least_qemu else ""
        missing.append(f"{qemu}{version} (apt: {package})")
    engines = ["rsp"] if has_qemu else []
    if arch.gdb_architecture is not None:
        if not has_gdb:
            missing.append("gdb-multiarch (apt: gdb-multiarch)")
        elif has_qemu:
            engines.insert(0, "gdb")
    if problem := problem_of(arch):
        missing.append(problem)
    return Availability(
        arch.name,
        qemu,
        engines,
        str(capstone.__version__) if has_decoder(arch.modes[0]) else "no decoder" if problem else "by objdump",
        arch.unknown_operands,
        missing,
    )
