"""Which instructions may go elsewhere than to the next one, by their encodings: capstone's groups miss some on most
architectures. System calls are among them, conditional traps are not.

A table has a row per encoding, written as the manual draws it, highest bit first: ``.`` is any bit, and what ends in
``*`` may be followed by more. Behind the pattern stands the number of delay slots, with a ``c`` if where it goes is
computed, or ``-`` for an encoding that looks like a branch and is none. The first row that fits counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import capstone
import capstone.arm_const

from gdbtrace.arch.model import Branch, ByteOrder, Disassembled

BranchFunction = Callable[[Disassembled], Branch | None]
"""None: it always goes to the next instruction."""


class _Row(NamedTuple):
    mask: int
    match: int
    bits: int
    has_more: bool
    branch: Branch | None


def by_table(table: str, byte_order: ByteOrder, unit_bytes: int = 8) -> BranchFunction:
    """What a table says of an instruction.

    :param byte_order: in which instructions are in memory.
    :param unit_bytes: what that order is of, where an instruction is longer than that: the first unit has the highest
        bits.
    """
    rows = [_row(*line.split()[:2]) for line in table.splitlines() if line.strip()]

    def branch_of(disassembled: Disassembled) -> Branch | None:
        data = disassembled.data
        bits, word = 8 * len(data), _word(data, byte_order, unit_bytes)
        for mask, match, length, has_more, branch in rows:
            if (bits == length or (has_more and bits > length)) and word >> bits - length & mask == match:
                return branch
        return None

    return branch_of


def _row(pattern: str, slots: str) -> _Row:
    bits = pattern.removesuffix("*")
    mask = int("".join("0" if bit == "." else "1" for bit in bits), 2)
    if len(bits) not in (16, 32, 48):
        raise ValueError(f"{pattern!r} has {len(bits)} bits")
    branch = None if slots == "-" else Branch(int(slots[0]), is_computed=slots[1:] == "c")
    return _Row(mask, int(bits.replace(".", "0"), 2), len(bits), bits != pattern, branch)


def _word(data: bytes, byte_order: ByteOrder, unit_bytes: int) -> int:
    word = 0
    for start in range(0, len(data), unit_bytes):
        unit = data[start : start + unit_bytes]
        word = word << 8 * len(unit) | int.from_bytes(unit, byte_order)
    return word


def by_mode(functions: Mapping[str | None, BranchFunction]) -> BranchFunction:
    """Where each mode has its own."""
    return lambda disassembled: functions[disassembled.mode.name](disassembled)


_RETURNS = {capstone.CS_GRP_RET, capstone.CS_GRP_IRET, capstone.CS_GRP_INT}
_TRANSFERS = {*_RETURNS, capstone.CS_GRP_JUMP, capstone.CS_GRP_CALL, capstone.CS_GRP_BRANCH_RELATIVE}
_DIRECT = Branch(0, is_computed=False)
_COMPUTED = Branch(0, is_computed=True)


def x86(disassembled: Disassembled) -> Branch | None:
    """capstone's groups do say it. A repeated instruction goes to itself: each iteration is one execution."""
    found = disassembled.capstone
    if not isinstance(found, capstone.CsInsn):
        return None
    if found.mnemonic.startswith("rep") and capstone.CS_GRP_RET not in found.groups:
        return _DIRECT
    if _TRANSFERS.isdisjoint(found.groups):
        return None
    return _by_operands(found)._replace(is_call=capstone.CS_GRP_CALL in found.groups)


def arm(disassembled: Disassembled) -> Branch | None:
    """A32 and T32, where most instructions can write the program counter."""
    found = disassembled.capstone
    if not isinstance(found, capstone.CsInsn):
        return None
    if found.id in _ARM_RETURNS:
        return _COMPUTED
    _, written = found.regs_access()
    if _TRANSFERS.isdisjoint(found.groups) and capstone.arm_const.ARM_REG_PC not in written:
        return None
    return _by_operands(found)


def _by_operands(found: capstone.CsInsn) -> Branch:
    """Where it goes is its last operand, if that is a constant and no memory; ``ret`` and ``int`` have another."""
    if not _RETURNS.isdisjoint(found.groups):
        return _COMPUTED
    kinds = [operand.type for operand in found.operands]
    is_direct = bool(kinds) and kinds[-1] == capstone.CS_OP_IMM and capstone.CS_OP_MEM not in kinds
    return _DIRECT if is_direct else _COMPUTED


_ARM_RETURNS = {
    *(capstone.arm_const.ARM_INS_RFEDA, capstone.arm_const.ARM_INS_RFEDB, capstone.arm_const.ARM_INS_RFEIA),
    *(capstone.arm_const.ARM_INS_RFEIB, capstone.arm_const.ARM_INS_ERET, capstone.arm_const.ARM_INS_SVC),
}

AARCH64 = by_table(
    """
    .00101.......................... 0 b, bl
    0101010......................... 0 b.cond
    .01101.......................... 0 cbz, cbnz, tbz, tbnz
    1101011......................... 0c br, blr, ret, eret
    11010100000................00001 0c svc
    """,
    "little",
)

ALPHA = by_table(
    """
    011010.......................... 0c jmp, jsr, ret
    11.............................. 0 br, bsr, beq, fbeq, ...
    00000000000000000000000010000011 0c callsys
    """,
    "little",
)

AVR = by_table(
    """
    110.............  0 rjmp, rcall
    1001010.....11..* 0 jmp, call
    1001010.00001001  0c ijmp, icall
    1001010.00011001  0c eijmp, eicall
    10010101000.1000  0c ret, reti
    11110...........  0 brbs, brbc
    000100..........  0 cpse
    111111..........  0 sbrc, sbrs
    100110.1........  0 sbic, sbis
    """,
    "little",
    2,
)

HPPA = by_table(
    """
    11100.........................1. 0c be,n, be,l,n: the slot is nullified
    11100........................... 1c be, be,l
    111010..........11............1. 0c bv,n, bve,n
    111010..........11.............. 1c bv, bve
    111010..........010...........1. 0c blr,n
    111010..........010............. 1c blr
    111010........................1. 0 b,l,n
    111010.......................... 1 b,l
    1000............................ 1 cmpb, cmpib; with ,n the slot is nullified one way only
    100111.......................... 1 cmpb
    1010............................ 1 addb, addib
    101111.......................... 1 cmpb
    1100............................ 1 bb, movb, movib
    111011.......................... 1 cmpib
    000000.............01100000..... 0c rfi
    000000.............01100101..... 0c rfi,r
    """,
    "big",
)

M68K = by_table(
    """
    0110............* 0 bra, bsr, bcc
    0101....11001...* 0 dbcc
    010011101.......* 0c jsr, jmp
    010011100100....  0c trap
    0100111001110011  0c rte
    0100111001110100* 0c rtd
    0100111001110101  0c rts
    0100111001110111  0c rtr
    111100101.......* 0 fbcc
    1111001001001...* 0 fdbcc
    """,
    "big",
)

# Release 6 has other instructions at some of these encodings, and nothing in a trace tells it apart.
_MIPS = """
    00001........................... 1 j, jal
    011101.......................... 1 jalx
    000000....................00100. 1c jr, jalr
    000001.....000.................. 1 bltz, bgez, bltzl, bgezl
    000001.....100.................. 1 bltzal, bgezal, bltzall, bgezall
    000001.....1110................. 1 bposge32, bposge64
    000000....................001100 0c syscall
    00010........................... 1 beq, bne
    00011......00000................ 1 blez, bgtz
    00011........................... 0 compact branches of release 6
    01010........................... 1 beql, bnel
    01011......00000................ 1 blezl, bgtzl
    01011........................... 0 compact branches of release 6
    0100010100...................... 1 bc1f, bc1t, bc1eqz
    01000101101..................... 1 bc1nez
    01000101.11..................... 1 bz.v, bnz.v
    01000111........................ 1 bz, bnz
    01001001000..................... 1 bc2f, bc2t
    01000010000000000000000000011000 0c eret
    01000010000000000000000000011111 0c deret
    """
_MIPS_RELEASE_6 = """
    001000.......................... 0 beqzalc, beqc, bovc; before: addi
    011000.......................... 0 bnezalc, bnec, bnvc; before: daddi
    110010.......................... 0 bc; before: lwc2
    111010.......................... 0 balc; before: swc2
    110110.......................... 0c beqzc, jic; before: ldc2
    111110.......................... 0c bnezc, jialc; before: sdc2
    """
_MIPS16 = """
    00011...........................  1 jal, jalx
    00010...........  0 b
    0010............  0 beqz, bnez
    0110000.........  0 bteqz, btnez
    11101...0..00000  1c jr, jalr
    11101...1..00000  0c jrc, jalrc
    11110...........00010...........  0 the same ones, extended
    11110...........0010............  0
    11110...........0110000.........  0
    """
_MICROMIPS = """
    01000101101.....  0c jrc
    0100010110......  1c jr16
    0100010111......  1c jalr16, jalrs16
    01000111000.....  0c jraddiusp
    10.011..........  1 beqz16, bnez16
    110011..........  1 b16
    10.101.......................... 1 beq, bne
    110101.......................... 1 j
    11110........................... 1 jalx, jal
    011101.......................... 1 jals
    010000000....................... 1 bltz, bltzal, bgez, bgezal
    01000000101..................... 0 bnezc
    01000000111..................... 0 beqzc
    01000000110..................... 1 bgtz
    01000000100..................... 1 blez
    010000100.1..................... 1 bltzals, bgezals
    0100001010...................... 1 bc2f, bc2t
    0100001101...................... 1 bposge64, bposge32
    0100001110...................... 1 bc1f, bc1t
    000000..........0.0.111100111100 1c jalr, jalrs
    000000..........1000101101111100 0c syscall
    00000000000000001110001101111100 0c deret
    00000000000000001111001101111100 0c eret
    """


def mips_release_6(byte_order: ByteOrder) -> BranchFunction:
    """What release 6 has for branches and earlier releases for something else."""
    return by_table(_MIPS_RELEASE_6, byte_order)


def mips(byte_order: ByteOrder) -> BranchFunction:
    """With both sets of short instructions."""
    standard = by_table(_MIPS, byte_order)
    return by_mode(
        {
            None: standard,
            "mips:mips16e": by_table(_MIPS16, byte_order, 2),
            "mips:micromips": by_table(_MICROMIPS, byte_order, 2),
        }
    )


_PPC = """
    010000.......................... 0 bc
    010010.......................... 0 b
    010001.......................... 0c sc
    010011...............0000010000. 0c bclr
    010011...............1000010000. 0c bcctr
    010011...............1000110000. 0c bctar
    010011...............00000100100 0c rfid
    010011...............00001100100 0c rfi
    010011...............00001100110 0c rfci
    010011...............00001001110 0c rfdi
    010011...............00001001100 0c rfmci
    010011...............00010100100 0c rfscv
    010011...............01000100100 0c hrfid
    """
_PPC_OF = {"big": by_table(_PPC, "big"), "little": by_table(_PPC, "little")}


def ppc(disassembled: Disassembled) -> Branch | None:
    """Of either byte order: a machine may be in both."""
    is_big = disassembled.mode.capstone_mode & capstone.CS_MODE_BIG_ENDIAN
    return _PPC_OF["big" if is_big else "little"](disassembled)


_RISCV = """
    .........................1100011 0 beq, bne, blt, bge, bltu, bgeu
    .........................110.111 0 jal, jalr
    00.10000001000000000000001110011 0c sret, mret
    00000000000000000000000001110011 0c ecall
    101...........01                 0 c.j
    11............01                 0 c.beqz, c.bnez
    100......0000010                 0c c.jr, c.jalr
    """
RISCV64 = by_table(_RISCV, "little")
RISCV32 = by_table(_RISCV + "    001...........01 0 c.jal", "little")

# What has a mask of no condition, or takes its target from r0, does not branch (Principles of Operation, "Branch on
# Condition", "Branch and Save").
S390X = by_table(
    """
    000001110000....  - bcr
    000001.1....0000  - bcr, balr
    00000110....0000  - bctr
    00001011....0000  - bsm
    0000110.....0000  - bassm, basr
    0000011.........  0c bctr, bcr
    00000101........  0c balr
    00001011........  0c bsm
    0000110.........  0c bassm, basr
    0000000100000001  0c pr
    00001010........  0c svc
    10000010........* 0c lpsw
    1011001010110010* 0c lpswe
    010001110000....* - bc
    01000101........* 0 bal
    0100011.........* 0c bct, bc
    01001101........* 0 bas
    100001..........* 0 brxh, brxle, bxh, bxle
    1010011100000100* - brc
    10100111....010.* 0 brc, bras
    10100111....011.* 0 brct, brctg
    1100000000000100* - brcl
    11000000....010.* 0 brcl, brasl
    11001100....0110* 0 brcth
    1011001001000000* 0 bakr
    1011001000011000* 0c pc
    1011100101000110* 0 bctgr
    11100011................................0100011. 0c bctg, bic
    11101011................................0100010. 0 bxhg, bxleg
    11101100................................0100010. 0 brxhg, brxlg
    11101100................................0110010. 0 cgrj, clgrj
    11101100................................0111011. 0 crj, clrj
    11101100................................011111.. 0 cgij, clgij, cij, clij
    11101100................................1110010. 0 cgrb, clgrb
    11101100................................1111011. 0 crb, clrb
    11101100................................111111.. 0 cgib, clgib, cib, clib
    """,
    "big",
)

SH4 = by_table(
    """
    100010.1........ 0 bt, bf
    100011.1........ 1 bt/s, bf/s
    101............. 1 bra, bsr
    0000....00.00011 1c braf, bsrf
    0100....00.01011 1c jmp, jsr
    0000000000.01011 1c rts, rte
    11000011........ 0c trapa
    """,
    "little",
)

# A branch that is always taken and annuls has no slot; of the others that annul, it is executed if they are taken.
# Of those that annul: the slot of one that is always or never taken is not executed; else it is if it is taken.
SPARC = by_table(
    """
    01.............................. 1 call
    001.000001...................... 0 ba,a, bn,a
    001.000.10...................... 0 ba,a, bn,a, fba,a, fbn,a
    001.0001.1...................... 0 fba,a, fbn,a, cba,a, cbn,a
    00.....0.1...................... 1 bcc, br
    00......10...................... 1 bcc, fbcc
    00.....1.1...................... 1 fbcc, cbcc
    10.....11100.................... 1c jmpl, return
    10.....111110................... 0c done, retry
    10.1000111010................... 0c ta
    """,
    "big",
)

TRICORE = by_table(
    """
    ........00111100 0 j
    ........01011100 0 call
    ........11011100 0c ji
    ..........011110 0 jeq, jne, by a constant
    ..........111110 0 jeq, jne, by a register
    .........1101110 0 jz, jnz, of d15
    .........1110110 0 jz, jnz
    ........10111100 0 jz.a
    ........01111100 0 jnz.a
    ..........001110 0 jgez, jgtz, jlez, jltz
    ........11111100 0 loop
    .........0101110 0 jz.t, jnz.t
    1001....00000000 0c ret
    1000....00000000 0c rfe
    0111....00000000 0c fret
    ........................00011101 0 j
    ........................10011101 0 ja
    .........................1011101 0 jl, jla
    .........................1101101 0 call, calla
    .........................1100001 0 fcall, fcalla
    ..........................111111 0 jlt, jge
    ..........................011111 0 jeq, jne, jned, jnei
    ........................10111101 0 jz.a, jnz.a
    ........................01111101 0 jeq.a, jne.a
    ........................01101111 0 jz.t, jnz.t
    ........................11111101 0 loop, loopu
    ........................00101101 0c calli, ji, jli, fcalli
    ....000110..............00001101 0c ret
    ....000111..............00001101 0c rfe
    ....000011..............00001101 0c fret
    ....000101..............00001101 0c rfm
    ....000100..............10101101 0c syscall
    """,
    "little",
)
