"""Sizing and disassembling one instruction with capstone."""

from __future__ import annotations

import re
from functools import cache, partial

import capstone

from gdbtrace.arch.model import Arch, Disassembled, Mode


@cache
def _engine(capstone_arch: int, capstone_mode: int) -> capstone.Cs:
    engine = capstone.Cs(capstone_arch, capstone_mode)
    engine.detail = True
    return engine


@cache
def _at_and_t_engine(capstone_mode: int) -> capstone.Cs:
    engine = capstone.Cs(capstone.CS_ARCH_X86, capstone_mode)
    engine.syntax = capstone.CS_OPT_SYNTAX_ATT
    return engine


def at_and_t_text(data: bytes, address: int, mode: Mode) -> str | None:
    """An x86 instruction as AT&T, gdb and QEMU write it; None: it is not x86's, or capstone does not know it."""
    if mode.capstone_arch != capstone.CS_ARCH_X86 or (mode.kept_from_capstone and mode.kept_from_capstone(data)):
        return None
    for _, size, mnemonic, operands in _at_and_t_engine(mode.capstone_mode).disasm_lite(data, address, 1):
        if size == len(data):
            return f"{mnemonic} {_UNSIGNED.sub(partial(_signed, mnemonic), operands)}".strip()
    return None


_UNSIGNED = re.compile(r"\$(\d{2,})")
"""How capstone 5 writes what a mov has of a negative number; all other numbers above 9 are hexadecimal."""


def _signed(mnemonic: str, found: re.Match[str]) -> str:
    """The same as capstone 4 does, and QEMU with it: only movabs has room for all digits."""
    value = int(found[1]) - (0 if mnemonic == "movabsq" else 1 << 64)
    return f"${value}" if abs(value) <= 9 else f"${value:#x}"


def has_decoder(mode: Mode) -> bool:
    """Whether the capstone that is installed knows a mode's instruction set."""
    return mode.capstone_arch is not None and bool(capstone.cs_support(mode.capstone_arch))


def disassemble(data: bytes, address: int, mode: Mode) -> Disassembled:
    """Cut one instruction off the front of ``data`` and disassemble it.

    ``data`` may be longer than the instruction, and shorter than the longest one at the end of mapped memory.  Bytes
    that capstone cannot decode still make an instruction: of the size that the architecture's own encoding says
    (:func:`size_of_undecoded`), with an empty mnemonic.
    """
    sizes = mode.instruction_bytes if mode.size_of is None else (mode.size_of(data),)
    decoded = (
        _engine(mode.capstone_arch, mode.capstone_mode).disasm(data, address, 1)
        if mode.capstone_arch is not None and not (mode.kept_from_capstone and mode.kept_from_capstone(data))
        else ()
    )
    for instruction in decoded:
        # m68k: what capstone does not know is "data", an instruction without details.
        if instruction.id and instruction.size in sizes:
            return Disassembled(
                address, data[: instruction.size], mode, instruction.mnemonic, instruction.op_str, instruction
            )
    return Disassembled(address, data[: size_of_undecoded(data, mode)], mode, "", "", None)


def size_of_undecoded(data: bytes, mode: Mode) -> int:
    """The size in bytes that the encoding itself gives an instruction that capstone does not know."""
    size_of = mode.size_of or mode.size_of_undecoded
    return mode.instruction_bytes[0] if size_of is None else size_of(data)


def moved_operand(arch: Arch, disassembled: Disassembled) -> str | int | None:
    """What an instruction moves to or from memory as it is: a register, by capstone's name, or a constant; None: it
    does something else, or moves more than one."""
    instruction = disassembled.capstone
    if not isinstance(instruction, capstone.CsInsn) or not arch.moves(disassembled):
        return None
    operands = instruction.operands
    registers = [operand for operand in operands if operand.type == capstone.CS_OP_REG]
    has_memory = any(operand.type == capstone.CS_OP_MEM for operand in operands)
    if not registers and has_memory and len(operands) == 2:
        return next((int(operand.imm) for operand in operands if operand.type == capstone.CS_OP_IMM), None)
    if not registers or (has_memory and len(registers) > 1) or (not has_memory and registers[0] is not operands[0]):
        return None
    # Where capstone does not put an address together (PowerPC's indexed forms, RISC-V's short ones) the value is first.
    name: str = instruction.reg_name(registers[0].reg)
    return name


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
        # 0 is no register; on TriCore asking for its name ends the process.
        if identifier and (name := instruction.reg_name(identifier)):
            names.update(dict.fromkeys(arch.aliases.get(name, (name,))))
    return tuple(names)
