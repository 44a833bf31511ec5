"""Which registers an instruction computes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

import capstone

from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import Arch, Group, StepRule

_MOST_KEPT = 1 << 16
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PAIR = re.compile(r"\b([A-Za-z]+)(\d+):(\d+)\b")


class Inputs(NamedTuple):
    """Operand registers that an instruction computes from."""

    read: frozenset[str]
    """It reads them."""
    named: frozenset[str]
    """It names them; it reads those that it does not change (of AArch64's ``cmp`` capstone says that it writes one)."""
    perhaps: frozenset[str]
    """Condition codes: not every disassembler tells who reads them."""
    is_system_call: bool = False
    """What comes of it is the kernel's."""


class RegistersRead:
    """Finds out what the instructions of a trace read.

    Where capstone does not tell what is read from what is written, or nothing but a text is known, every register that
    the instruction names counts.
    """

    def __init__(self, arch: Arch, disassembly: Disassembly) -> None:
        self._arch = arch
        self._disassembly = disassembly
        self._modes = {mode.name: mode for mode in arch.modes}
        registers, calls = arch.registers, arch.system_calls
        self._counters = arch.program_counters
        self._status = frozenset(register.name for register in registers if register.group is Group.STATUS)
        self._every = frozenset(register.name for register in registers)
        sources = {calls.number, calls.result, *calls.arguments}
        self._by_system_calls = frozenset(register.name for register in registers if register.stub_name in sources)
        self._known: dict[Key, Inputs] = {}

    def of(self, key: Key) -> Inputs:
        """What an instruction may read."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[key] = self._found(key)
        return known

    def _found(self, key: Key) -> Inputs:
        address, rawbytes, name = key
        arch = self._arch
        decoded = disassemble(rawbytes, address, self._modes.get(name, arch.modes[0]))
        read = set(self._counters)
        behaviour = arch.behaviour_of(decoded)
        read.update(behaviour.implied)
        if behaviour.rule is StepRule.RUN:
            # SPARC's windows: each register becomes another one.
            return Inputs(self._every, frozenset(), self._status)
        if behaviour.rule is StepRule.SYSTEM_CALL:
            return Inputs(frozenset(read | self._by_system_calls), frozenset(), self._status, is_system_call=True)
        instruction = decoded.capstone
        if not isinstance(instruction, capstone.CsInsn):
            text = self._disassembly.at(*key).text
            words = _WORD.findall(text)
            words += [f"{kind}{number}" for kind, *numbers in _PAIR.findall(text) for number in numbers]
            return Inputs(self._operands(read, words), frozenset(), self._status)
        named = named_registers(arch, decoded)
        try:
            identifiers, _ = instruction.regs_access()
        except capstone.CsError:
            return Inputs(frozenset(read.union(named)), frozenset(), self._status)
        # 0 is no register; on TriCore asking for its name ends the process.
        names = [name for identifier in identifiers if identifier and (name := instruction.reg_name(identifier))]
        return Inputs(self._operands(read, names), frozenset(named), self._status)

    def _operands(self, read: set[str], names: Iterable[str]) -> frozenset[str]:
        return frozenset(read.union(*(self._arch.aliases.get(name, (name,)) for name in names)))
