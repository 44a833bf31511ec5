"""Which registers an instruction computes from."""

from __future__ import annotations

import re

import capstone

from gdbtrace.analysis.disassembly import Disassembly, Key
from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import Arch, Group, StepRule

_MOST_KEPT = 1 << 16
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PAIR = re.compile(r"\b([A-Za-z]+)(\d+):(\d+)\b")


class RegistersRead:
    """Finds out what the instructions of a trace may read.

    Where capstone does not tell what is read from what is written, or nothing but a text is known, every register that
    the instruction names counts; condition codes and program counters always do.
    """

    def __init__(self, arch: Arch, disassembly: Disassembly) -> None:
        self._arch = arch
        self._disassembly = disassembly
        self._modes = {mode.name: mode for mode in arch.modes}
        counters = {arch.pc, arch.next_pc}
        self._always = frozenset(
            register.name
            for register in arch.registers
            if register.group is Group.STATUS or register.stub_name in counters
        )
        calls = arch.system_calls
        sources = {calls.number, calls.result, *calls.arguments}
        self._by_system_calls = frozenset(register.name for register in arch.registers if register.stub_name in sources)
        self._known: dict[Key, frozenset[str]] = {}

    def of(self, key: Key) -> frozenset[str]:
        """The operand registers that an instruction may read."""
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[key] = self._found(key)
        return known

    def _found(self, key: Key) -> frozenset[str]:
        address, rawbytes, name = key
        arch = self._arch
        decoded = disassemble(rawbytes, address, self._modes.get(name, arch.modes[0]))
        read = set(self._always)
        if arch.behaviour_of(decoded).rule is StepRule.SYSTEM_CALL:
            read |= self._by_system_calls
        instruction = decoded.capstone
        if not isinstance(instruction, capstone.CsInsn):
            text = self._disassembly.at(*key).text
            words = [*_WORD.findall(text)]
            words += [f"{kind}{number}" for kind, *numbers in _PAIR.findall(text) for number in numbers]
            return frozenset(read.union(*(arch.aliases.get(word, (word,)) for word in words)))
        try:
            identifiers, _ = instruction.regs_access()
        except capstone.CsError:
            return frozenset(read.union(named_registers(arch, decoded)))
        for identifier in identifiers:
            # 0 is no register; on TriCore asking for its name ends the process.
            if identifier and (register := instruction.reg_name(identifier)):
                read.update(arch.aliases.get(register, (register,)))
        return frozenset(read)
