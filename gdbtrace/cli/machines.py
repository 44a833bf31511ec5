"""``gdbtrace machines``: what firmware can be run on."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.table import Table

from gdbtrace.cli.output import TableConsole
from gdbtrace.errors import ToolMissing
from gdbtrace.machine.profile import ImageKind, MachineProfile, iter_profiles, load_profile


def machines(
    machine: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this one, or a profile file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the machines that firmware can be run on, or show one and the QEMU command lines it stands for."""
    if machine is not None:
        profile = load_profile(machine)
        if as_json:
            print(json.dumps(_facts(profile)))
        else:
            _show(profile)
        return
    profiles = iter_profiles()
    if as_json:
        print(json.dumps([_facts(profile) for profile in profiles]))
    else:
        _list(profiles)


def _list(profiles: Iterable[MachineProfile]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("machine", "arch", "qemu", "vcpus", "without an image", "description"):
        table.add_column(heading, no_wrap=heading != "description")
    lacking = []
    for profile in profiles:
        most = f" to {profile.most_vcpus}" if profile.most_vcpus != profile.vcpus else ""
        table.add_row(
            *(profile.name, profile.arch, profile.qemu, f"{profile.vcpus}{most if profile.most_vcpus else ''}"),
            *(profile.firmware_name or "-", profile.description),
        )
        lacking += [f"{profile.name}: {what}" for what in _missing(profile)]
    console = TableConsole()
    console.print(table)
    if lacking:
        console.print("\nmissing:")
    for line in lacking:
        console.print(line, soft_wrap=True)


def _show(profile: MachineProfile) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    facts: dict[str, object] = {
        "machine": profile.name,
        "description": profile.description,
        "arch": profile.arch,
        "gdb architecture": profile.gdb_architecture or "unknown to gdb: engine rsp",
        "vcpus": f"{profile.vcpus}, at most {profile.most_vcpus or 'what QEMU allows'}",
        "interrupts": "on" if profile.interrupts else "off",
        "icount": "off" if profile.icount is None else profile.icount,
        "address space": profile.address_space or "-",
        "without an image": profile.firmware_name or "nothing runs",
        "image": profile.image,
        "stages": "\n".join(f"{name} {_place(place)}" for name, place in profile.stages.items()) or "-",
        "missing": "\n".join(_missing(profile)) or "-",
    }
    for key, value in facts.items():
        table.add_row(key, str(value))
    console = TableConsole()
    console.print(table)
    for way, command in _commands(profile):
        console.print(f"\n{way}:\n{shlex.join(command)}", soft_wrap=True)


def _place(place: int | str) -> str:
    return f"{place:#x}" if isinstance(place, int) else place


def _facts(profile: MachineProfile) -> dict[str, Any]:
    return {**asdict(profile), "commands": dict(_commands(profile)), "missing": list(_missing(profile))}


def _commands(profile: MachineProfile) -> Iterator[tuple[str, list[str]]]:
    """Each way to start the machine, with the command line for it."""
    command = [profile.qemu, *profile.machine_arguments]
    if profile.builtin_firmware:
        yield "without an image", command
    elif profile.firmware:
        yield "without an image", [*command, *_filled(profile.firmware_arguments, "{firmware}", profile.firmware[0])]
    elf, kernel, raw = map(profile.arguments_for_image, (ImageKind.ELF, ImageKind.KERNEL, ImageKind.RAW))
    if elf == raw:
        yield "with an image", [*command, *_filled(elf, "{image}", "IMAGE")]
        return
    if elf:
        yield "with an ELF", [*command, *_filled(elf, "{image}", "IMAGE")]
    if kernel and kernel != raw:
        yield "with a Linux kernel", [*command, *_filled(kernel, "{image}", "IMAGE")]
    if raw:
        yield "with a raw image", [*command, *_filled(raw, "{image}", "IMAGE")]


def _filled(arguments: Iterable[str], hole: str, text: str) -> list[str]:
    return [argument.replace(hole, text) for argument in arguments]


def _missing(profile: MachineProfile) -> Iterator[str]:
    """What is not installed, and what brings it."""
    if shutil.which(profile.qemu) is None:
        yield _with_package(profile.qemu, profile.package)
    if profile.firmware:
        try:
            profile.firmware_path()
        except ToolMissing:
            yield _with_package(profile.firmware_name, profile.firmware_package)


def _with_package(what: str, package: str) -> str:
    return f"{what} (apt: {package})" if package else what
