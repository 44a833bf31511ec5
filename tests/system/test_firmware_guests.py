"""The firmware guests run by themselves, before anything is traced: what they write, that they end, what they are."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

FIRMWARE = Path(__file__).parents[2] / "vm-images" / "firmware"


@dataclass(frozen=True)
class Firmware:
    """An entry of a firmware manifest."""

    image: Path
    sha256: str
    run: tuple[str, ...]
    """QEMU's command line, for the image's folder; empty for an image that is not run itself."""
    console: str
    exit_status: int
    ends_qemu: bool
    firmware_first: bool
    """Whether another firmware writes to the console before."""


def _firmware() -> Iterator[tuple[str, Firmware]]:
    for manifest in sorted(FIRMWARE.glob("*/manifest.toml")):
        for entry in tomllib.loads(manifest.read_text(encoding="utf-8"))["image"]:
            image = FIRMWARE.parent / entry["path"]
            run = shlex.split(entry.get("run", ""))
            icount = ("-icount", "shift=0") if entry.get("icount", True) else ()
            yield (
                entry["name"],
                Firmware(
                    image=image,
                    sha256=entry["sha256"],
                    run=(*run, *icount, "-nographic", "-no-reboot") if run else (),
                    console=entry.get("console", ""),
                    exit_status=entry.get("exit_status", 0),
                    ends_qemu="end" not in entry,
                    firmware_first="firmware_first" in entry,
                ),
            )


GUESTS = dict(_firmware())
ELF_GUESTS = [name for name, guest in GUESTS.items() if guest.image.read_bytes().startswith(b"\x7fELF")]


ENDING = [name for name, guest in GUESTS.items() if guest.run and guest.ends_qemu]
STAYING = [name for name, guest in GUESTS.items() if guest.run and not guest.ends_qemu]


@pytest.mark.parametrize("name", ENDING)
def test_a_guest_writes_what_its_manifest_says_and_ends_qemu(name: str) -> None:
    guest = GUESTS[name]
    done = subprocess.run(
        guest.run, cwd=guest.image.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False
    )
    # CR: some consoles need it at a line's end, and OpenBIOS' and SeaBIOS' users add it everywhere.
    written = done.stdout.decode().replace("\r", "")
    if guest.firmware_first:
        written = written[-len(guest.console) :]
    assert written == guest.console, done.stderr.decode()
    assert done.returncode == guest.exit_status


@pytest.mark.parametrize("name", STAYING)
def test_a_guest_that_cannot_end_qemu_writes_what_its_manifest_says(name: str) -> None:
    guest = GUESTS[name]
    with subprocess.Popen(guest.run, cwd=guest.image.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as qemu:
        deadline = threading.Timer(20, qemu.kill)
        deadline.start()
        assert qemu.stdout is not None
        written = qemu.stdout.read(len(guest.console.encode()))
        deadline.cancel()
        qemu.kill()
    assert written.decode() == guest.console


@pytest.mark.parametrize("name", GUESTS)
def test_the_image_is_the_one_that_the_manifest_names(name: str) -> None:
    guest = GUESTS[name]
    assert hashlib.sha256(guest.image.read_bytes()).hexdigest() == guest.sha256


@pytest.mark.parametrize("name", ELF_GUESTS)
def test_an_elf_image_has_line_numbers_and_no_path_of_the_building_machine(name: str) -> None:
    guest = GUESTS[name]
    data = guest.image.read_bytes()
    with guest.image.open("rb") as stream:
        elf = ELFFile(stream)
        assert elf.get_section_by_name(".symtab") is not None
        assert elf.has_dwarf_info()
        assert elf.get_section_by_name(".note.gnu.build-id") is None
    assert b"/tmp/" not in data
