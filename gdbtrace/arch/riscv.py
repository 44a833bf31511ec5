"""RISC-V, 64 bit.

References: The RISC-V Instruction Set Manual, volume I (unprivileged, 20191213); QEMU's ``target/riscv/insn32.decode``,
``insn16.decode`` and ``gdbstub.c``. The target description names register x8 ``fp``.

No processor that QEMU 7.2 picks by itself has the vector extension. With ``-cpu rv64,v=true`` the memory of vector
loads and stores is known (vector extension 1.0, chapter 7); the vector registers, whose width varies, are no operand
registers.
"""

from __future__ import annotations

from collections.abc import Callable

import capstone

from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    Disassembled,
    ElfIdentity,
    Group,
    Mode,
    Register,
    Registers,
    Span,
    SpanFunction,
    StepRule,
    SystemCalls,
)

GENERAL = (
    *("zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "fp", "s1"),
    *(f"a{i}" for i in range(8)),
    *(f"s{i}" for i in range(2, 12)),
    *(f"t{i}" for i in range(3, 7)),
)
"""By register number, as the target description names them."""
FLOATS = (
    *(f"ft{i}" for i in range(8)),
    *("fs0", "fs1"),
    *(f"fa{i}" for i in range(8)),
    *(f"fs{i}" for i in range(2, 12)),
    *(f"ft{i}" for i in range(8, 12)),
)

ADDRESS_MASK = 0xFFFF_FFFF_FFFF_FFFF

# Two windows on one register: fcsr = frm << 5 | fflags.
FLOAT_STATUS = ("fflags", "frm", "fcsr")
CSR_NAMES = {
    **dict.fromkeys((0x001, 0x002, 0x003), FLOAT_STATUS),
    0xC00: ("cycle",),
    0xC01: ("time",),
    0xC02: ("instret",),
}


def _written(number: int) -> tuple[str, ...]:
    """The general register that an instruction writes; x0 keeps its zero."""
    return (GENERAL[number],) if number else ()


def _signed(value: int, bits: int) -> int:
    return value - (value >> (bits - 1) << bits)


def _one_span(kind: AccessKind, size: int, base: int, displacement: int) -> SpanFunction:
    name = GENERAL[base]

    def spans(registers: Registers) -> tuple[Span, ...]:
        return (Span(kind, (registers[name] + displacement) & ADDRESS_MASK, size),)

    return spans


def _load_and_store(size: int, base: int) -> SpanFunction:
    name = GENERAL[base]

    def spans(registers: Registers) -> tuple[Span, ...]:
        address = registers[name]
        return Span(AccessKind.LOAD, address, size), Span(AccessKind.STORE, address, size)

    return spans


# --- 32-bit instructions (volume I, chapter 24) ---------------------------------------------------

_LOAD_SIZE = {0: 1, 1: 2, 2: 4, 3: 8, 4: 1, 5: 2, 6: 4}
_STORE_SIZE = {0: 1, 1: 2, 2: 4, 3: 8}
_FLOAT_SIZE = {1: 2, 2: 4, 3: 8}
"""flh, flw, fld and their stores; the other widths of these opcodes are vector instructions (or quads)."""
_ATOMIC_SIZE = {2: 4, 3: 8}

_LR, _SC = 0b00010, 0b00011

# OP-FP by funct5: which of rd, rs1, rs2 are float registers, and whether rounding mode or flags take part.
_FLOAT_OPERATIONS: dict[int, tuple[str, bool]] = {
    0b00000: ("rd rs1 rs2", True),  # fadd
    0b00001: ("rd rs1 rs2", True),  # fsub
    0b00010: ("rd rs1 rs2", True),  # fmul
    0b00011: ("rd rs1 rs2", True),  # fdiv
    0b00100: ("rd rs1 rs2", False),  # fsgnj
    0b00101: ("rd rs1 rs2", True),  # fmin, fmax
    0b01000: ("rd rs1", True),  # fcvt between formats
    0b01011: ("rd rs1", True),  # fsqrt
    0b10100: ("rs1 rs2", True),  # feq, flt, fle
    0b11000: ("rs1", True),  # fcvt to integer
    0b11010: ("rd", True),  # fcvt from integer
    0b11100: ("rs1", False),  # fmv.x, fclass
    0b11110: ("rd", False),  # fmv from integer
}
_SHIFTS = {"rd": 7, "rs1": 15, "rs2": 20, "rs3": 27}


def _float_operands(word: int, fields: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(FLOATS[word >> _SHIFTS[field] & 31] for field in fields.split()))


def _behaviour_of_float_operation(word: int) -> Behaviour:
    fields, has_status = _FLOAT_OPERATIONS.get(word >> 27, ("rd rs1 rs2", True))
    written = () if "rd" in fields else _written(word >> 7 & 31)
    return Behaviour(implied=(*written, *_float_operands(word, fields), *(FLOAT_STATUS if has_status else ())))


def _behaviour_of_atomic(word: int) -> Behaviour:
    size = _ATOMIC_SIZE.get(word >> 12 & 7)
    if size is None:
        return Behaviour()
    base, written = word >> 15 & 31, _written(word >> 7 & 31)
    operation = word >> 27
    if operation == _LR:
        return Behaviour(StepRule.LOAD_EXCLUSIVE, _one_span(AccessKind.LOAD, size, base, 0), written)
    if operation == _SC:
        # QEMU performs it as a compare-and-swap with the value that lr read: a load and a store.
        return Behaviour(
            StepRule.STORE_EXCLUSIVE, _load_and_store(size, base), written, has_stored=_has_stored(word >> 7 & 31)
        )
    return Behaviour(spans=_load_and_store(size, base), implied=written)


def _has_stored(destination: int) -> Callable[[Registers], bool] | None:
    """Zero means success; the zero register does not tell."""
    if not destination:
        return None
    name = GENERAL[destination]
    return lambda registers: not registers[name]


def _behaviour_of_system(word: int) -> Behaviour:
    if word >> 12 & 3:  # csrrw, csrrs, csrrc and their immediate forms
        return Behaviour(implied=(*_written(word >> 7 & 31), *CSR_NAMES.get(word >> 20, ())))
    return Behaviour(StepRule.SYSTEM_CALL if word == 0x0000_0073 else StepRule.PLAIN)


def _behaviour_of_word(word: int) -> Behaviour:
    opcode, funct3, rd, rs1 = word & 0x7F, word >> 12 & 7, word >> 7 & 31, word >> 15 & 31
    match opcode:
        case 0x03:  # LOAD
            size = _LOAD_SIZE.get(funct3)
            if size is None:
                return Behaviour()
            return Behaviour(spans=_one_span(AccessKind.LOAD, size, rs1, _signed(word >> 20, 12)), implied=_written(rd))
        case 0x07:  # LOAD-FP
            size = _FLOAT_SIZE.get(funct3)
            if size is None:
                return _behaviour_of_vector_memory(word, AccessKind.LOAD)
            return Behaviour(
                spans=_one_span(AccessKind.LOAD, size, rs1, _signed(word >> 20, 12)), implied=(FLOATS[rd],)
            )
        case 0x23 | 0x27:  # STORE, STORE-FP
            size = (_STORE_SIZE if opcode == 0x23 else _FLOAT_SIZE).get(funct3)
            if size is None:
                return _behaviour_of_vector_memory(word, AccessKind.STORE) if opcode == 0x27 else Behaviour()
            displacement = _signed(word >> 25 << 5 | rd, 12)
            return Behaviour(
                spans=_one_span(AccessKind.STORE, size, rs1, displacement),
                implied=(FLOATS[word >> 20 & 31],) if opcode == 0x27 else (),
            )
        case 0x2F:  # AMO
            return _behaviour_of_atomic(word)
        case 0x43 | 0x47 | 0x4B | 0x4F:  # MADD, MSUB, NMSUB, NMADD
            return Behaviour(implied=(*_float_operands(word, "rd rs1 rs2 rs3"), *FLOAT_STATUS))
        case 0x53:  # OP-FP
            return _behaviour_of_float_operation(word)
        case 0x57:  # OP-V
            return Behaviour(implied=_implied_of_vector_operation(word))
        case 0x73:  # SYSTEM
            return _behaviour_of_system(word)
        case 0x0F | 0x63:  # MISC-MEM, BRANCH: bits 11 to 7 are no register
            return Behaviour()
    return Behaviour(implied=_written(rd))


# --- Vector loads and stores (vector extension 1.0, chapter 7) --------------------------------------------------------

_VECTOR_SIZE = {0: 1, 5: 2, 6: 4, 7: 8}
_UNIT_STRIDE, _STRIDED = 0, 2
_WHOLE_REGISTERS, _MASK = 0b01000, 0b01011


def _active_elements(registers: Registers, is_masked: bool) -> list[int]:
    elements = range(registers["vstart"], registers["vl"])
    if not is_masked:
        return list(elements)
    mask = registers["v0"]
    return [element for element in elements if mask >> element & 1]


def _contiguous(kind: AccessKind, base: str, first_byte: int, last_byte: int, registers: Registers) -> tuple[Span, ...]:
    return (Span(kind, (registers[base] + first_byte) & ADDRESS_MASK, max(last_byte - first_byte, 0)),)


def _behaviour_of_vector_memory(word: int, kind: AccessKind) -> Behaviour:
    """What it touches depends on vl, vstart, vtype and, if it is masked, v0: fetched at each execution.

    A fault-only-first load is taken to reach all of vl; where it stops early, only the memory map knows.
    """
    size = _VECTOR_SIZE.get(word >> 12 & 7)
    if size is None or word >> 28 & 1:
        return Behaviour()
    base, fields, is_masked = GENERAL[word >> 15 & 31], (word >> 29) + 1, not word >> 25 & 1
    mode, selector = word >> 26 & 3, word >> 20 & 31

    def whole_registers(registers: Registers) -> tuple[Span, ...]:
        return _contiguous(kind, base, registers["vstart"] * size, registers["vlenb"] * fields, registers)

    def mask(registers: Registers) -> tuple[Span, ...]:
        return _contiguous(kind, base, registers["vstart"], (registers["vl"] + 7) // 8, registers)

    def unit_stride(registers: Registers) -> tuple[Span, ...]:
        step = fields * size
        return _contiguous(kind, base, registers["vstart"] * step, registers["vl"] * step, registers)

    def strided(registers: Registers) -> list[Span]:
        start = registers[base]
        step = fields * size if mode == _UNIT_STRIDE else registers[GENERAL[selector]]
        return [
            Span(kind, (start + element * step) & ADDRESS_MASK, fields * size)
            for element in _active_elements(registers, is_masked)
        ]

    def indexed(registers: Registers) -> list[Span]:
        # The width field is the index's; the data's is vtype.vsew. An index group may span several registers.
        data_size = 1 << (registers["vtype"] >> 3 & 7)
        start, per_register = registers[base], registers["vlenb"] // size
        spans = []
        for element in _active_elements(registers, is_masked):
            group, within = divmod(element, per_register)
            index = registers[f"v{selector + group}"] >> (within * size * 8) & ((1 << size * 8) - 1)
            spans.append(Span(kind, (start + index) & ADDRESS_MASK, fields * data_size))
        return spans

    if mode == _UNIT_STRIDE:
        if selector == _WHOLE_REGISTERS:
            return Behaviour(spans=whole_registers)
        if selector == _MASK:
            return Behaviour(spans=mask)
        return Behaviour(spans=strided if is_masked else unit_stride)
    return Behaviour(spans=strided if mode == _STRIDED else indexed)


def _implied_of_vector_operation(word: int) -> tuple[str, ...]:
    """The scalar registers of a vector operation: most have a vector where ``rd`` is."""
    rd, width, is_move = word >> 7 & 31, word >> 12 & 7, word >> 26 == 0b010000
    match width:
        case 0b111:  # vsetvl and its kin
            return _written(rd)
        case 0b010 if is_move:  # vmv.x.s, vcpop.m, vfirst.m
            return _written(rd)
        case 0b001:  # OPFVV, of which vfmv.f.s
            return (FLOATS[rd], *FLOAT_STATUS) if is_move else FLOAT_STATUS
        case 0b101:  # OPFVF
            return (FLOATS[word >> 15 & 31], *FLOAT_STATUS)
    return ()


# --- Compressed instructions (volume I, chapter 16) -----------------------------------------------


def _c_registers(half: int) -> tuple[int, int]:
    """rs1' and rd' or rs2'."""
    return 8 + (half >> 7 & 7), 8 + (half >> 2 & 7)


def _c_word_offset(half: int) -> int:
    return half >> 7 & 0x38 | half >> 4 & 0x04 | half << 1 & 0x40


def _c_double_offset(half: int) -> int:
    return half >> 7 & 0x38 | half << 1 & 0xC0


def _c_load_stack_word_offset(half: int) -> int:
    return half >> 7 & 0x20 | half >> 2 & 0x1C | half << 4 & 0xC0


def _c_load_stack_double_offset(half: int) -> int:
    return half >> 7 & 0x20 | half >> 2 & 0x18 | half << 4 & 0x1C0


def _c_store_stack_word_offset(half: int) -> int:
    return half >> 7 & 0x3C | half >> 1 & 0xC0


def _c_store_stack_double_offset(half: int) -> int:
    return half >> 7 & 0x38 | half >> 1 & 0x1C0


def _behaviour_of_c0(half: int) -> Behaviour:
    base, data = _c_registers(half)
    load, store = AccessKind.LOAD, AccessKind.STORE
    match half >> 13:
        case 0b000:  # c.addi4spn
            return Behaviour(implied=_written(data))
        case 0b001:  # c.fld
            return Behaviour(spans=_one_span(load, 8, base, _c_double_offset(half)), implied=(FLOATS[data],))
        case 0b010:  # c.lw
            return Behaviour(spans=_one_span(load, 4, base, _c_word_offset(half)), implied=_written(data))
        case 0b011:  # c.ld
            return Behaviour(spans=_one_span(load, 8, base, _c_double_offset(half)), implied=_written(data))
        case 0b101:  # c.fsd
            return Behaviour(spans=_one_span(store, 8, base, _c_double_offset(half)), implied=(FLOATS[data],))
        case 0b110:  # c.sw
            return Behaviour(spans=_one_span(store, 4, base, _c_word_offset(half)))
        case 0b111:  # c.sd
            return Behaviour(spans=_one_span(store, 8, base, _c_double_offset(half)))
    return Behaviour()


def _behaviour_of_c1(half: int) -> Behaviour:
    match half >> 13:
        case 0b000 | 0b001 | 0b010 | 0b011:  # c.addi, c.addiw, c.li, c.lui or c.addi16sp
            return Behaviour(implied=_written(half >> 7 & 31))
        case 0b100:  # c.srli and the register-register ones
            return Behaviour(implied=_written(8 + (half >> 7 & 7)))
    return Behaviour()  # c.j, c.beqz, c.bnez


def _behaviour_of_c2(half: int) -> Behaviour:
    sp = 2
    rd, rs2 = half >> 7 & 31, half >> 2 & 31
    load, store = AccessKind.LOAD, AccessKind.STORE
    match half >> 13:
        case 0b001:  # c.fldsp
            return Behaviour(spans=_one_span(load, 8, sp, _c_load_stack_double_offset(half)), implied=(FLOATS[rd],))
        case 0b010 if rd:  # c.lwsp
            return Behaviour(spans=_one_span(load, 4, sp, _c_load_stack_word_offset(half)), implied=_written(rd))
        case 0b011 if rd:  # c.ldsp
            return Behaviour(spans=_one_span(load, 8, sp, _c_load_stack_double_offset(half)), implied=_written(rd))
        case 0b100 if rs2:  # c.mv, c.add
            return Behaviour(implied=_written(rd))
        case 0b100:  # c.jr, c.jalr, c.ebreak
            return Behaviour(implied=("ra",) if half >> 12 & 1 and rd else ())
        case 0b101:  # c.fsdsp
            return Behaviour(spans=_one_span(store, 8, sp, _c_store_stack_double_offset(half)), implied=(FLOATS[rs2],))
        case 0b110:  # c.swsp
            return Behaviour(spans=_one_span(store, 4, sp, _c_store_stack_word_offset(half)))
        case 0b111:  # c.sdsp
            return Behaviour(spans=_one_span(store, 8, sp, _c_store_stack_double_offset(half)))
        case 0b000:  # c.slli
            return Behaviour(implied=_written(rd))
    return Behaviour()


_COMPRESSED = (_behaviour_of_c0, _behaviour_of_c1, _behaviour_of_c2)


def _behaviour_of(disassembled: Disassembled) -> Behaviour:
    code = int.from_bytes(disassembled.data, "little")
    quadrant = code & 3
    return _behaviour_of_word(code) if quadrant == 3 else _COMPRESSED[quadrant](code)


# --- Architecture ---------------------------------------------------------------------------------


def _size_of(data: bytes) -> int:
    """The low two bits are 11 for anything but a compressed instruction (unprivileged ISA, section 1.5)."""
    return 4 if data[0] & 3 == 3 else 2


RISCV64 = Arch(
    name="riscv64",
    bits=64,
    byte_order="little",
    elf=ElfIdentity("EM_RISCV", 64, "little"),
    # bap-frames has had RISC-V since 2026-04 (its pull request 30). Its numbers were not seen: 83 is the next free
    # one after TriCore, 164 is BFD's bfd_mach_riscv64.
    frame_architecture=83,
    frame_machine=164,
    pc="pc",
    sp="sp",
    registers=(
        *(Register(name, 64) for name in GENERAL),
        Register("pc", 64, Group.CONTROL),
        *(Register(name, 64, Group.FLOAT) for name in FLOATS),
        *(Register(name, 64, Group.FLOAT) for name in FLOAT_STATUS),
        Register("priv", 64, Group.SYSTEM),
        *(Register(name, 64, Group.COUNTER) for name in ("cycle", "time", "instret")),
    ),
    modes=(Mode(None, capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC, (2, 4), _size_of),),
    behaviour_of=_behaviour_of,
    system_calls=SystemCalls(
        number="a7",
        result="a0",
        arguments=("a0", "a1", "a2", "a3", "a4", "a5"),
        names={
            93: "exit",
            134: "rt_sigaction",
            139: "rt_sigreturn",
            220: "clone",
            221: "execve",
            222: "mmap",
            278: "getrandom",
            281: "execveat",
            435: "clone3",
        },
    ),
    aliases={"s0": ("fp",)},
    gdb_architecture="riscv:rv64",
)
