"""Sizing and disassembling one instruction with capstone."""

from __future__ import annotations

from functools import cache

import capstone

from gdbtrace.arch.model import Arch, Disassembled, Mode


@cache
def _engine(capstone_arch: int, capstone_mode: int) -> capstone.Cs:
    engine = capstone.Cs(capstone_arch, capstone_mode)
    engine.detail = True
    return engine


def disassemble(data: bytes, address: int, mode: Mode) -> Disassembled:
    """Cut one instruction off the front of ``data`` and disassemble it.

    ``data`` may be longer than the instruction, and shorter than the longest one at the end of mapped memory.  Bytes
    that capstone cannot decode still make an instruction: of the size that the architecture's own encoding says
    (:func:`size_of_undecoded`), with an empty mnemonic.
    """
    engine = _engine(mode.capstone_arch, mode.capstone_mode)
    for instruction in engine.disasm(data, address, 1):
        if instruction.size in mode.instruction_bytes:
            return Disassembled(
                address, data[: instruction.size], mode, instruction.mnemonic, instruction.op_str, instruction
            )
    return Disassembled(address, data[: size_of_undecoded(data, mode)], mode, "", "", None)


def size_of_undecoded(data: bytes, mode: Mode) -> int:
    """The size in bytes that the encoding itself gives an instruction that capstone does not know."""
    if mode.capstone_arch == capstone.CS_ARCH_SYSZ:
        # z/Architecture Principles of Operation, "Instruction formats": bits 0-1 of the first byte are the length.
        return (2, 4, 4, 6)[data[0] >> 6]
    if mode.capstone_arch == capstone.CS_ARCH_RISCV:
        # RISC-V unprivileged ISA, section 1.5: the low two bits are 11 for anything but a compressed instruction.
        return 4 if data[0] & 3 == 3 else 2
    if mode.capstone_arch == capstone.CS_ARCH_ARM and mode.capstone_mode & capstone.CS_MODE_THUMB:
        # Arm ARM, F3.1: a first halfword of 0b11101, 0b11110 or 0b11111 in its top five bits begins a 32-bit one.
        return 4 if data[1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
    if mode.capstone_arch == capstone.CS_ARCH_PPC and 8 in mode.instruction_bytes:
        # Power ISA 3.1, book I, 1.6: primary opcode 1 is the prefix of an eight-byte instruction.
        first = data[:4] if mode.capstone_mode & capstone.CS_MODE_BIG_ENDIAN else data[3::-1]
        return 8 if first[0] >> 2 == 1 else 4
    return mode.instruction_bytes[0]


def named_registers(arch: Arch, disassembled: Disassembled) -> tuple[str, ...]:
    """Operand registers that an instruction names or, where capstone knows, implies; in order, without repeats.

    capstone's ``regs_access`` raises for some architectures and misses implied registers on others, so this is the
    union of what it offers; :attr:`Behaviour.implied` has the rest.
    """
    instruction = disassembled.capstone
    if not isinstance(instruction, capstone.CsInsn):
        return ()
    identifiers: list[int] = []
    for operand in instruction.operands:
        if operand.type == capstone.CS_OP_REG:
            identifiers.append(operand.reg)
        elif operand.type == capstone.CS_OP_MEM:
            memory = operand.mem
            identifiers += [getattr(memory, part) for part in ("base", "index", "segment") if hasattr(memory, part)]
    try:
        read, written = instruction.regs_access()
        identifiers += [*read, *written]
    except capstone.CsError:
        identifiers += [*instruction.regs_read, *instruction.regs_write]
    names: dict[str, None] = {}
    for identifier in identifiers:
        if name := instruction.reg_name(identifier):
            names.update(dict.fromkeys(arch.aliases.get(name, (name,))))
    return tuple(names)
