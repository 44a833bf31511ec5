"""The machines of conf/ under Debian's QEMU: each starts where its profile says, its own firmware or a guest of ours.

The guests are an endless loop, by hand: nothing is compiled.  QEMU's monitor, and not our register tables, says where
they are.
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from gdbtrace.arch.model import ByteOrder
from gdbtrace.machine.profile import ImageKind, MachineProfile, iter_profiles, load_profile
from gdbtrace.stub.client import StubClient
from gdbtrace.stub.endpoint import Endpoint
from gdbtrace.stub.greeting import reach
from tests.command_line import Workplace

PROFILES = {profile.name: profile for profile in iter_profiles()}
STEPS = 200
SAID_ALWAYS = {"lm3s6965evb": "Timer with period zero, disabling\n"}
"""What QEMU prints whatever it is told."""

FIRMWARE = {
    "g3beige": 0xFFF00100,
    "malta64el": 0xFFFFFFFFBFC00000,
    "maltael": 0xBFC00000,
    "pc-i386": 0xFFFFFFF0,
    "pc-i386-rom": 0xFFFFFFF0,
    "pc-x86_64": 0xFFFFFFF0,
    "pc-x86_64-rom": 0xFFFFFFF0,
    "ppce500": 0xF00000,
    "pseries": 0x100,
    # At the end of 128 MiB of RAM.
    "s390-ccw-virtio": 0x7E003E8,
    "SS-5": 0,
    "sun4u": 0x1FFF0000020,
    "virt-aarch64": 0,
    "virt-arm": 0,
    "virt-riscv64": 0x1000,
}
"""Where each firmware of Debian 12 starts."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Instructions that go on for ever."""

    elf_machine: int
    bits: int
    order: ByteOrder
    code: str
    """A no-operation and a branch back to it, in memory order."""
    flags: int = 0

    def elf(self, address: int, before: bytes) -> bytes:
        """An ELF file, loaded at an address and started after some bytes there (gABI)."""
        order, word = ("<", ">")[self.order == "big"], ("I", "Q")[self.bits == 64]
        header, segment = f"{order}16sHHI{word * 3}I6H", order + ("IIQQQQQQ" if self.bits == 64 else "8I")
        sizes = struct.calcsize(header), struct.calcsize(segment)
        start, size = sum(sizes), len(before) + len(self.data)
        identity = b"\x7fELF" + bytes([self.bits // 32, 1 + (self.order == "big"), 1])
        entry = address + len(before)
        tables = (sizes[0], 0, self.flags, *sizes, 1, 0, 0, 0)
        first, last = ((5,), ()) if self.bits == 64 else ((), (5,))
        return (
            struct.pack(header, identity, 2, self.elf_machine, 1, entry, *tables)
            + struct.pack(segment, 1, *first, start, address, address, size, size, *last, 1)
            + before
            + self.data
        )

    @property
    def data(self) -> bytes:
        return bytes.fromhex(self.code)


ARM_M = Loop(40, 32, "little", "00bf fde7")
ARM = Loop(40, 32, "little", "0000a0e1 fdffffea")
AARCH64 = Loop(183, 64, "little", "1f2003d5 ffffff17")
RISCV32 = Loop(243, 32, "little", "13000000 6ff0dfff")
RISCV64 = Loop(243, 64, "little", "13000000 6ff0dfff")
SPARC = Loop(2, 32, "big", "01000000 10bfffff 01000000")
SPARC64 = Loop(43, 64, "big", "01000000 10bfffff 01000000")
PPC = Loop(20, 32, "big", "60000000 4bfffffc")
PPC64 = Loop(21, 64, "big", "60000000 4bfffffc")
TRICORE = Loop(44, 32, "little", "0000 3cff")
MIPS = Loop(8, 32, "big", "00000000 1000fffe 00000000", 0x70001001)
MIPSEL = Loop(8, 32, "little", "00000000 feff0010 00000000", 0x70001001)
MIPS64 = Loop(8, 64, "big", "00000000 1000fffe 00000000", 0x80000001)
MIPS64EL = Loop(8, 64, "little", "00000000 feff0010 00000000", 0x80000001)
X86 = Loop(3, 32, "little", "90 ebfd")
AVR = Loop(83, 32, "little", "0000 fecf", 5)
S390X = Loop(22, 64, "big", "0700 a7f4ffff")
M68K = Loop(4, 32, "big", "4e71 60fc")
SH4 = Loop(42, 32, "little", "0900 fdaf 0900")


@dataclass(frozen=True, slots=True)
class Elf:
    """A loop as an ELF for a machine."""

    loop: Loop
    linked_at: int
    before: bytes = b""
    """What must be before the code."""
    runs_at: int | None = None
    """None: where it is linked."""
    start: int | None = None
    """Where the machine starts; None: at the loop."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A loop as a raw image for a machine."""

    loop: Loop
    runs_at: int
    before: bytes = b""
    size: int = 0
    """The least."""
    end: bytes = b""
    start: int | None = None
    swapped: bool = False
    """Its 32-bit words have the other byte order."""

    def data(self) -> bytes:
        data = (self.before + self.loop.data).ljust(self.size - len(self.end), b"\0") + self.end
        if self.swapped:
            data = b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4))
        return data


def _vectors(code_at: int) -> bytes:
    """Of a Cortex-M: its stack, its first instruction."""
    return struct.pack("<II", 0x20001000, code_at + 1)


KSEG0 = 0xFFFFFFFF80100000
ELVES = {
    "bamboo": Elf(PPC, 0x1000000),
    "g3beige": Elf(PPC, 0xFFF00000, bytes(0x100)),
    "leon3_generic": Elf(SPARC, 0x40000000, start=0),
    "lm3s6965evb": Elf(ARM_M, 0, _vectors(8)),
    "malta": Elf(MIPS, 0x80100000, start=0xBFC00000),
    "malta64": Elf(MIPS64, KSEG0, start=0xFFFFFFFFBFC00000),
    "malta64el": Elf(MIPS64EL, KSEG0, start=0xFFFFFFFFBFC00000),
    "maltael": Elf(MIPSEL, 0x80100000, start=0xBFC00000),
    "mcf5208evb": Elf(M68K, 0x40010000),
    "mps2-an385": Elf(ARM_M, 0, _vectors(8)),
    "netduinoplus2": Elf(ARM_M, 0x08000000, _vectors(0x08000008)),
    "ppce500": Elf(PPC, 0x1000000),
    "r2d": Elf(SH4, 0x0C010000),
    "s390-ccw-virtio": Elf(S390X, 0x20000),
    "sifive_e": Elf(RISCV32, 0x20400000, start=0x1004),
    "SS-5": Elf(SPARC, 0xFFD00000, runs_at=0),
    "sun4u": Elf(SPARC64, 0xFFD00000, bytes(0x20), runs_at=0x1FFF0000020),
    "tricore_testboard": Elf(TRICORE, 0x80000000),
    "uno": Elf(AVR, 0),
    "virt-aarch64": Elf(AARCH64, 0x40200000),
    "virt-arm": Elf(ARM, 0x40200000),
    "virt-riscv32": Elf(RISCV32, 0x80000000, start=0x1000),
    "virt-riscv64": Elf(RISCV64, 0x80000000, start=0x1000),
    "virtex-ml507": Elf(PPC, 0x1000000),
}
RAW = {
    "g3beige": Raw(PPC, 0xFFF00100, bytes(0x300100), 0x400000),
    "leon3_generic": Raw(SPARC, 0),
    "lm3s6965evb": Raw(ARM_M, 8, _vectors(8)),
    "malta": Raw(MIPS, 0xBFC00000),
    "malta64": Raw(MIPS64, 0xFFFFFFFFBFC00000),
    "malta64el": Raw(MIPS64EL, 0xFFFFFFFFBFC00000, swapped=True),
    "maltael": Raw(MIPSEL, 0xBFC00000, swapped=True),
    "mcf5208evb": Raw(M68K, 8, struct.pack(">II", 0x40100000, 8)),
    "mps2-an385": Raw(ARM_M, 8, _vectors(8)),
    "netduinoplus2": Raw(ARM_M, 0x08000008, _vectors(0x08000008)),
    "pc-i386-rom": Raw(X86, 0xFFFFFFF0, bytes(0xFFF0), 0x10000),
    "pc-x86_64-rom": Raw(X86, 0xFFFFFFF0, bytes(0xFFF0), 0x10000),
    "pseries": Raw(PPC64, 0x100, bytes(0x100)),
    "r2d": Raw(SH4, 0xAC800000),
    # A short PSW: 31-bit addressing, and where.
    "s390-ccw-virtio": Raw(S390X, 0x10000, struct.pack(">II", 0x00080000, 0x80010000) + bytes(0xFFF8)),
    "sifive_e": Raw(RISCV32, 0x20400000, start=0x1004),
    "SS-5": Raw(SPARC, 0),
    "sun4u": Raw(SPARC64, 0x1FFF0000020, bytes(0x20)),
    "tricore_testboard": Raw(TRICORE, 0x80000000),
    "uno": Raw(AVR, 0),
    "virt-aarch64": Raw(AARCH64, 0),
    "virt-arm": Raw(ARM, 0),
    "virt-riscv32": Raw(RISCV32, 0x80000000, start=0x1000),
    "virt-riscv64": Raw(RISCV64, 0x80000000, start=0x1000),
}
NOT_STEPPED_TO = {"pc-i386", "pc-x86_64"}
"""SeaBIOS takes millions of instructions to an image."""


class Machine:
    """A machine that is stopped at reset."""

    def __init__(self, client: StubClient, output: Path) -> None:
        self.client = client
        self.output = output

    @property
    def address(self) -> int:
        """The linear address of the next instruction, as QEMU's monitor has it."""
        text = self.client.monitor("info registers")
        found = re.search(r"(?:\bpc|PC|EIP|RIP|NIP|R15|PSW=mask \w+ addr)[ =:]+(?:0x)?([0-9a-fA-F]+)", text)
        assert found is not None, text
        segment = re.search(r"^CS =\w+ (\w+)", text, re.MULTILINE)
        return int(found[1], 16) + (int(segment[1], 16) if segment else 0)

    def step(self) -> None:
        stop = self.client.exchange(b"vCont;s:p1.1")
        assert stop.startswith(b"T05"), (stop, self.output.read_text())


@contextmanager
def started(profile: MachineProfile, image: Path | None, directory: Path) -> Iterator[Machine]:
    socket, output = directory / "stub", directory / "output"
    command = [profile.qemu, *profile.qemu_arguments(image), "-S", "-gdb", f"unix:{socket},server=on,wait=off"]
    command += ["-display", "none", "-monitor", "none", "-serial", "none"]
    if profile.icount is not None:
        command += ["-icount", f"shift={profile.icount}"]
    with output.open("wb") as stream, _process(command, stream) as process:

        def end() -> str | None:
            return None if process.poll() is None else f"QEMU ended: {output.read_text()}"

        client = StubClient(reach(Endpoint(socket), end))
        # qemu-system-ppc64 asserts when registers are read before the description.
        if b"qXfer:features:read+" in client.exchange(b"qSupported:multiprocess+;vContSupported+"):
            client.read_object("features", "target.xml")
        client.request(b"?")
        yield Machine(client, output)
        client.close()
    assert output.read_text() == SAID_ALWAYS.get(profile.name, "")


@contextmanager
def _process(command: list[str], output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_each_machine_is_tested() -> None:
    assert set(FIRMWARE) == {name for name, profile in PROFILES.items() if profile.firmware_name}
    for kind, images in ((ImageKind.ELF, ELVES), (ImageKind.RAW, RAW)):
        taken = {name for name, profile in PROFILES.items() if profile.arguments_for_image(kind)}
        assert set(images) == taken - NOT_STEPPED_TO


@pytest.mark.parametrize("name", FIRMWARE)
def test_firmware_starts(name: str, tmp_path: Path) -> None:
    with started(PROFILES[name], None, tmp_path) as machine:
        addresses = [machine.address]
        for _ in range(STEPS):
            machine.step()
            addresses.append(machine.address)
    assert addresses[0] == FIRMWARE[name]
    assert PROFILES[name].stages.get("reset", FIRMWARE[name]) == FIRMWARE[name]
    # Not one exception for ever.
    assert len(set(addresses)) > 10


@pytest.mark.parametrize("name", ELVES)
def test_elf_starts(name: str, tmp_path: Path) -> None:
    elf = ELVES[name]
    image = tmp_path / "guest.elf"
    image.write_bytes(elf.loop.elf(elf.linked_at, elf.before))
    runs_at = elf.linked_at + len(elf.before) if elf.runs_at is None else elf.runs_at
    _runs(name, image, runs_at if elf.start is None else elf.start, runs_at)


@pytest.mark.parametrize("name", RAW)
def test_raw_image_starts(name: str, tmp_path: Path) -> None:
    raw = RAW[name]
    # A comma and a colon, which QEMU's options would take for theirs.
    image = tmp_path / "file:a,b.bin"
    image.write_bytes(raw.data())
    _runs(name, image, raw.runs_at if raw.start is None else raw.start, raw.runs_at)


def _runs(name: str, image: Path, start: int, loop_at: int) -> None:
    """The machine starts at one address and comes, within some instructions, to the loop for good."""
    with started(PROFILES[name], image, image.parent) as machine:
        assert machine.address == start
        for _ in range(STEPS):
            machine.step()
        last = {machine.address}
        for _ in range(4):
            machine.step()
            last.add(machine.address)
    assert loop_at in last
    assert len(last) <= 3


@pytest.mark.parametrize("name", sorted(NOT_STEPPED_TO))
def test_boot_sector_starts(name: str, tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(Raw(X86, 0x7C00, size=0x100000, before=b"").data()[:510] + b"\x55\xaa" + bytes(0x100000))
    place = PROFILES[name].stages["boot-sector"]
    with started(PROFILES[name], image, tmp_path) as machine:
        machine.client.request(b"Z0,%x,1" % place)
        stop = machine.client.resume(b"$c#63")
        assert stop is not None
        assert machine.address == place


@pytest.mark.parametrize("name", PROFILES)
def test_gdb_knows_the_architecture(name: str) -> None:
    architecture = PROFILES[name].gdb_architecture
    if architecture is None:
        assert PROFILES[name].arch in {"tricore", "avr"}
        return
    command = ["gdb-multiarch", "-nx", "-batch", "-ex", f"set architecture {architecture}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f'The target architecture is set to "{architecture}".\n', "")


@pytest.mark.parametrize("qemu", sorted({profile.qemu for profile in PROFILES.values()}))
def test_most_vcpus_are_not_more_than_qemu_allows(qemu: str) -> None:
    requests = [{"execute": name} for name in ("qmp_capabilities", "query-machines", "quit")]
    done = subprocess.run(
        [qemu, "-M", "none", "-display", "none", "-qmp", "stdio"],
        input="".join(map(json.dumps, requests)),
        capture_output=True,
        text=True,
        check=True,
    )
    (listing,) = [
        reply for line in done.stdout.splitlines() if isinstance(reply := json.loads(line).get("return"), list)
    ]
    most = {name: machine["cpu-max"] for machine in listing for name in (machine["name"], machine.get("alias"))}
    for profile in PROFILES.values():
        if profile.qemu == qemu:
            assert profile.most_vcpus is not None
            assert profile.most_vcpus <= most[profile.machine.split(",")[0]], profile.name


def test_table_and_one_machine(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    listed = place.run("machines")
    assert (listed.status, listed.err) == (0, "")
    rows = {line.split()[0]: line for line in listed.out.splitlines()}
    assert set(rows) - {"machine"} == set(PROFILES)
    assert rows["virt-riscv64"].split()[1:7] == ["riscv64", "qemu-system-riscv64", "1", "to", "512", "OpenSBI"]
    shown = place.run("machines", "virt-riscv64")
    assert "qemu-system-riscv64 -M virt -smp 1 -nic none -bios IMAGE" in shown.out.splitlines()
    assert "0x80200000" in shown.out


def test_json(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    machines = json.loads(place.run("machines", "--json").out)
    assert [machine["name"] for machine in machines] == list(PROFILES)
    (one,) = [machine for machine in machines if machine["name"] == "SS-5"]
    assert json.loads(place.run("machines", "SS-5", "--json").out) == one
    assert (one["stages"]["client"], one["icount"], one["missing"]) == (0x4000, 0, [])
    assert one["commands"]["without an image"][:3] == ["qemu-system-sparc", "-M", "SS-5"]


def test_what_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    listed = place.run("machines", path=str(empty))
    assert "uno: qemu-system-avr (apt: qemu-system-misc)" in listed.out.splitlines()


def test_unknown_machine(tmp_path: Path) -> None:
    done = Workplace(tmp_path).run("machines", "g3bege")
    assert (done.status, done.complaint) == (
        2,
        "no machine 'g3bege', did you mean 'g3beige'?; `gdbtrace machines` lists them",
    )


def test_own_profile(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('base = "virt-aarch64"\nmemory = "1G"\narguments = ["-nic", "none", "-semihosting"]\n')
    done = Workplace(tmp_path).run("machines", "mine.toml", "--json")
    facts = json.loads(done.out)
    assert (facts["name"], facts["memory"], facts["cpu"]) == ("mine", "1G", "cortex-a57")
    assert load_profile(str(profile)).qemu_arguments()[:9] == [
        *("-M", "virt", "-smp", "1", "-cpu", "cortex-a57", "-m", "1G", "-nic"),
    ]
