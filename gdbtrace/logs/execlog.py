"""Logs with a line per instruction: QEMU's execlog plugin, ``gdbtrace log`` in its likeness, and the memtrace format.

execlog of QEMU 7.2 to 10.0 (contrib/plugins/execlog.c)::

    vCPU, 0xaddress, 0xopcode, "text"[, load|store, 0xaddress[, device]]...[, register -> 0xvalue]...

``gdbtrace log`` adds `` -> 0xvalue`` to accesses, and a symbol. In the memtrace format sizes stand with accesses::

    vCPU address bytes [L<address>:<size> | S<address>:<size>]...
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from gdbtrace.arch.model import Arch
from gdbtrace.logs.format import Line, damaged
from gdbtrace.logs.surplus import FOLDED, extra_of
from gdbtrace.trace.frames import MemoryLocation, Operand, RegisterLocation, StdFrame, Usage
from gdbtrace.trace.scope import Scope, never_folded

_OPCODE_BYTES: Final = 4
_PAGE_OFFSET: Final = 0xFFF
_RAM: Final = b"RAM"
_READ, _WRITTEN = Usage(read=True), Usage(written=True)
_MOST_KEPT = 1 << 16


class Execlog:
    """Reads the lines of execlog.

    What an opcode's number does not show are zero bytes at the instruction's end, and what it may show, in QEMU 7.2,
    are bytes that follow the instruction. Values of registers are left out where the guest is big-endian: execlog
    prints their bytes in the wrong order there, ``gdbtrace log`` in the right one, and nothing tells the two apart.

    :param is_machine: accesses have physical addresses, or QEMU's own of memory (7.2), of which the place within a
        page is the guest's. Those to devices are left out: QEMU 7.2 adds up their addresses wrongly.
    """

    pattern: Final = re.compile(rb'\d+, 0x[0-9a-f]+, 0x[0-9a-f]+, "')
    """How each line begins."""
    _LINE = re.compile(rb'(\d{1,9}), 0x([0-9a-f]{1,16}), 0x([0-9a-f]{1,128}), "[^"]*"((?:, .*)?)')
    _VALUE = rb"(?: -> (?:0x((?:[0-9a-f]{2}){1,256})|\?))?(?=, |$)"
    _ACCESS = re.compile(rb", (load|store), 0x([0-9a-f]{1,16})()" + _VALUE)
    _MACHINE_ACCESS = re.compile(rb", (load|store), 0x([0-9a-f]{1,16}), ([^,]+?)" + _VALUE)
    _REGISTER = re.compile(rb", ([^, ]+) -> 0x((?:[0-9a-f]{2}){1,256})(?=, |$)")

    def __init__(self, path: Path, arch: Arch, *, is_machine: bool) -> None:
        self._path, self._arch, self._is_machine = path, arch, is_machine
        self._access_pattern = self._MACHINE_ACCESS if is_machine else self._ACCESS
        is_known = arch.byte_order == "little"
        self._names = {each.name.lower(): each.name for each in arch.registers} if is_known else {}
        # Where data can have the other byte order than the architecture's, a number does not say which bytes it is of.
        self._has_order = not any((mode.name or "").endswith(":le") for mode in arch.modes)
        self._heads: dict[tuple[bytes, bytes], tuple[int, bytes]] = {}

    @property
    def scope(self) -> Scope:
        """See :class:`~gdbtrace.logs.format.LogFormat`."""
        return _scope(self._arch, self._is_machine)

    def frames(self, lines: Iterable[Line]) -> Iterator[StdFrame]:
        """See :class:`~gdbtrace.logs.format.LogFormat`."""
        broken: Line | None = None
        for line in lines:
            if broken is not None:
                # The disassembler had more than one line to say ("Address 0xb0 is out of bounds.").
                line, broken = Line(broken.offset, broken.text + b" " + line.text), None
            found = self._LINE.fullmatch(line.text)
            if found:
                yield self._frame(*found.groups())
            elif self.pattern.match(line.text):
                if line.text.count(b'"') > 1 or b"\n" in line.text:
                    raise damaged(self._path, line)
                broken = line
        if broken is not None:
            raise damaged(self._path, broken)

    def _frame(self, vcpu: bytes, address: bytes, opcode: bytes, rest: bytes) -> StdFrame:
        head = self._heads.get((address, opcode))
        if head is None:
            if len(self._heads) >= _MOST_KEPT:
                self._heads.clear()
            number = int(opcode, 16)
            size = max(_OPCODE_BYTES, (number.bit_length() + 7) // 8)
            head = self._heads[address, opcode] = int(address, 16), number.to_bytes(size, "little")
        if not rest:
            return StdFrame(head[0], int(vcpu), head[1], (), ())
        pre: list[Operand] = []
        post: list[Operand] = []
        at = 0
        while access := self._access_pattern.match(rest, at):
            direction, where, device, value = access.groups()
            at = access.end()
            if device and device != _RAM:
                continue
            location = MemoryLocation(int(where, 16))
            if direction == b"load":
                pre.append(self._access(location, value, _READ))
            else:
                post.append(self._access(location, value, _WRITTEN))
        for register in self._REGISTER.finditer(rest, at):
            name = self._names.get(register[1].decode("latin-1").lower())
            if name is not None:
                data = bytes.fromhex(register[2].decode())[::-1]
                post.append(Operand(RegisterLocation(name), 8 * len(data), data, _WRITTEN))
        return StdFrame(head[0], int(vcpu), head[1], tuple(pre), tuple(post))

    def _access(self, location: MemoryLocation, digits: bytes | None, usage: Usage) -> Operand:
        if digits is None or not self._has_order:
            return Operand(location, 0, b"", usage)
        data = bytes.fromhex(digits.decode())
        return Operand(location, 8 * len(data), data if self._arch.byte_order == "big" else data[::-1], usage)


class Memtrace:
    """Reads lines of the memtrace format."""

    pattern: Final = re.compile(rb"\d+ [0-9a-f]+ (?:[0-9a-f]{2})*(?: [LS][0-9a-f]+:\d+)*$")
    _BEGINNING = re.compile(rb"\d+ [0-9a-f]+ ")
    _LINE = re.compile(rb"(\d{1,9}) ([0-9a-f]{1,16}) ((?:[0-9a-f]{2}){0,64})((?: [LS][0-9a-f]{1,16}:\d{1,6})*) ?")

    def __init__(self, path: Path, arch: Arch, *, is_machine: bool) -> None:
        self._path, self._arch = path, arch

    @property
    def scope(self) -> Scope:
        """See :class:`~gdbtrace.logs.format.LogFormat`."""
        return _scope(self._arch, is_machine=False)

    def frames(self, lines: Iterable[Line]) -> Iterator[StdFrame]:
        """See :class:`~gdbtrace.logs.format.LogFormat`."""
        for line in lines:
            found = self._LINE.fullmatch(line.text)
            if found is None:
                if self._BEGINNING.match(line.text):
                    raise damaged(self._path, line)
                continue
            accesses = found[4].decode().split()
            loads, stores = (
                tuple(_sized(access, usage) for access in accesses if access[0] == letter)
                for letter, usage in (("L", _READ), ("S", _WRITTEN))
            )
            yield StdFrame(int(found[2], 16), int(found[1]), bytes.fromhex(found[3].decode()), loads, stores)


def _sized(access: str, usage: Usage) -> Operand:
    where, _, size = access[1:].partition(":")
    return Operand(MemoryLocation(int(where, 16)), 8 * int(size), b"", usage)


def _scope(arch: Arch, is_machine: bool) -> Scope:
    return Scope(
        has_registers=False,
        has_values=False,
        has_events=False,
        has_modes=False,
        address_bits=_PAGE_OFFSET if is_machine else -1,
        is_extra=extra_of(arch.name, is_machine=is_machine),
        is_folded=FOLDED.get(arch.name, never_folded),
    )
