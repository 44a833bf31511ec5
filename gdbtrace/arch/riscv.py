"""RISC-V, 64 and 32 bit.

References: The RISC-V Instruction Set Manual, volume I (unprivileged, 20191213), and the vector extension 1.0; QEMU's
``target/riscv/insn32.decode``, ``insn16.decode`` and ``gdbstub.c``. The target description names register x8 ``fp``.

No processor that QEMU 7.2 picks by itself has the vector extension; ``-cpu rv64,v=true`` does. How many registers a
vector operand spans depends on vtype: an instruction lists the largest group that may start at each register it names.

Not covered: the float instructions on integer registers (Zfinx) name the wrong file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import capstone

from gdbtrace.arch import branches, nondeterminism
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import GENERIC_CALLS
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
from gdbtrace.arch.system.riscv import PRIVILEGED_CSRS, SYSTEM_CSRS, system_level

Bits = Literal[32, 64]

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

# Two windows on one register: fcsr = frm << 5 | fflags.
FLOAT_STATUS = ("fflags", "frm", "fcsr")
# vcsr = vxrm << 1 | vxsat.
VECTOR_ROUNDING = ("vxsat", "vxrm", "vcsr")
VECTOR_LENGTH = ("vstart", "vl", "vtype")
VECTORS = tuple(f"v{i}" for i in range(32))
COUNTERS = ("cycle", "time", "instret")
CSR_NAMES = {
    **dict.fromkeys((0x001, 0x002, 0x003), FLOAT_STATUS),
    0x008: ("vstart",),
    **dict.fromkeys((0x009, 0x00A, 0x00F), VECTOR_ROUNDING),
    **{0xC00 + number: (name,) for number, name in enumerate(COUNTERS)},
    **{0xC80 + number: (f"{name}h",) for number, name in enumerate(COUNTERS)},  # the high halves on 32 bits
    0xC20: ("vl",),
    0xC21: ("vtype",),
    0xC22: ("vlenb",),
    **{number: (name,) for number, name in PRIVILEGED_CSRS.items()},
}


def _written(number: int) -> tuple[str, ...]:
    """The general register that an instruction writes; x0 keeps its zero."""
    return (GENERAL[number],) if number else ()


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


def _has_stored(destination: int) -> Callable[[Registers], bool] | None:
    """Zero means success; the zero register does not tell."""
    if not destination:
        return None
    name = GENERAL[destination]
    return lambda registers: not registers[name]


_BREAK = Behaviour(StepRule.BREAKPOINT, always_traps=True)


def _behaviour_of_system(word: int) -> Behaviour:
    if word >> 12 & 3:  # csrrw, csrrs, csrrc and their immediate forms
        return Behaviour(
            implied=(*_written(word >> 7 & 31), *CSR_NAMES.get(word >> 20, ())), is_system=word >> 20 in SYSTEM_CSRS
        )
    match word:
        case 0x0000_0073:
            return Behaviour(StepRule.SYSTEM_CALL, implied=("a0",))
        case 0x0010_0073:
            return _BREAK
        case 0x1050_0073:  # wfi
            return Behaviour(StepRule.HALT)
        case 0x1020_0073 | 0x3020_0073:  # sret, mret
            return Behaviour(is_system=True)
    # sfence.vma, and what becomes of it in other extensions.
    return Behaviour(is_system=not word >> 12 & 7)


# --- Vector loads and stores (vector extension 1.0, chapter 7) --------------------------------------------------------

_VECTOR_SIZE = {0: 1, 5: 2, 6: 4, 7: 8}
_UNIT_STRIDE, _STRIDED = 0, 2
_WHOLE_REGISTERS, _MASK, _FAULT_ONLY_FIRST = 0b01000, 0b01011, 0b10000
_PAGE_BYTES = 4096


def _is_readable(registers: Registers, address: int, size: int) -> bool:
    try:
        registers.read_memory(address, size)
    except KeyError:
        return False
    return True


def _active_elements(registers: Registers, is_masked: bool) -> list[int]:
    elements = range(registers["vstart"], registers["vl"])
    if not is_masked:
        return list(elements)
    mask = registers["v0"]
    return [element for element in elements if mask >> element & 1]


def _group(first: int, fields: int = 1) -> tuple[str, ...]:
    """The vector registers that an operand may span: a group of up to eight starts at a multiple of its size.

    :param fields: of a segment, each of which is a group; all of them together are eight registers at most.
    """
    group = max(size for size in (1, 2, 4, 8) if first % size == 0 and size * fields <= 8)
    return VECTORS[first : first + group * fields]


_OPIVV, _OPFVV, _OPMVV, _OPIVI, _OPIVX, _OPFVF, _OPMVX, _OPCFG = range(8)
_IS_MOVE = 0b010000  # between element 0 and a scalar register; vcpop, vfirst
# Unary operations: vs1 selects which.
_UNARY = frozenset({_IS_MOVE, 0b010010, 0b010011, 0b010100})
_MERGE_OR_MOVE = 0b010111
# vsadd and its kin, vsmul, vssrl, vssra, vnclipu, vnclip; vaadd and its kin.
_FIXED_POINT = {
    **dict.fromkeys(
        (_OPIVV, _OPIVX, _OPIVI), frozenset({*range(0x20, 0x24), 0b100111, 0b101010, 0b101011, 0b101110, 0b101111})
    ),
    **dict.fromkeys((_OPMVV, _OPMVX), frozenset({*range(0b001000, 0b001100)})),
}


def _implied_of_vector_operation(word: int) -> tuple[str, ...]:
    """The registers of a vector operation: the vectors, the scalars, the state that it depends on."""
    vd, vs1, vs2 = word >> 7 & 31, word >> 15 & 31, word >> 20 & 31
    width, function, is_masked = word >> 12 & 7, word >> 26, not word >> 25 & 1
    if width == _OPCFG:  # vsetvl and its kin
        return (*_written(vd), *VECTOR_LENGTH)
    names: list[str] = list(VECTOR_LENGTH)
    if width in (_OPFVV, _OPFVF):
        names += FLOAT_STATUS
    if function in _FIXED_POINT.get(width, ()):
        names += VECTOR_ROUNDING
    is_move = function == _IS_MOVE
    if is_move and width == _OPMVV:  # vmv.x.s, vcpop.m, vfirst.m
        names += _written(vd)
    elif is_move and width == _OPFVV:  # vfmv.f.s
        names.append(FLOATS[vd])
    else:
        names += _group(vd)
    if width == _OPFVF:
        names.append(FLOATS[vs1])
    is_unary = width in (_OPFVV, _OPMVV) and function in _UNARY
    if width in (_OPIVV, _OPFVV, _OPMVV) and not is_unary:
        names += _group(vs1)
    is_from_scalar = (is_move and width in (_OPFVF, _OPMVX)) or (function == _MERGE_OR_MOVE and not is_masked)
    if not is_from_scalar:
        names += _group(vs2)
    if is_masked:
        names.append("v0")
    return tuple(dict.fromkeys(names))


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


# --- Decoding ---------------------------------------------------------------------------------------------------------


class _Decoder:
    """The behaviour of instructions on processors of one width."""

    def __init__(self, bits: Bits) -> None:
        self._bits = bits
        self._mask = (1 << bits) - 1

    def behaviour_of(self, disassembled: Disassembled) -> Behaviour:
        """See :attr:`Arch.behaviour_of`."""
        code = int.from_bytes(disassembled.data, "little")
        compressed = (self._behaviour_of_c0, self._behaviour_of_c1, self._behaviour_of_c2)
        quadrant = code & 3
        return self._behaviour_of_word(code) if quadrant == 3 else compressed[quadrant](code)

    def _one_span(self, kind: AccessKind, size: int, base: int, displacement: int) -> SpanFunction:
        name = GENERAL[base]

        def spans(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, (registers[name] + displacement) & self._mask, size),)

        return spans

    def _load_and_store(self, size: int, base: int) -> SpanFunction:
        name = GENERAL[base]

        def spans(registers: Registers) -> tuple[Span, ...]:
            address = registers[name]
            return Span(AccessKind.LOAD, address, size), Span(AccessKind.STORE, address, size)

        return spans

    def _behaviour_of_atomic(self, word: int) -> Behaviour:
        size = _ATOMIC_SIZE.get(word >> 12 & 7)
        if size is None:
            return Behaviour()
        base, written = word >> 15 & 31, _written(word >> 7 & 31)
        operation = word >> 27
        if operation == _LR:
            return Behaviour(StepRule.LOAD_EXCLUSIVE, self._one_span(AccessKind.LOAD, size, base, 0), written)
        if operation == _SC:
            # QEMU performs it as a compare-and-swap with the value that lr read: a load and a store.
            return Behaviour(
                StepRule.STORE_EXCLUSIVE,
                self._load_and_store(size, base),
                written,
                has_stored=_has_stored(word >> 7 & 31),
            )
        return Behaviour(spans=self._load_and_store(size, base), implied=written)

    def _behaviour_of_word(self, word: int) -> Behaviour:
        opcode, funct3, rd, rs1 = word & 0x7F, word >> 12 & 7, word >> 7 & 31, word >> 15 & 31
        match opcode:
            case 0x03:  # LOAD
                size = _LOAD_SIZE.get(funct3)
                if size is None:
                    return Behaviour()
                return Behaviour(
                    spans=self._one_span(AccessKind.LOAD, size, rs1, sign_extended(word >> 20, 12)),
                    implied=_written(rd),
                )
            case 0x07:  # LOAD-FP
                size = _FLOAT_SIZE.get(funct3)
                if size is None:
                    return self._behaviour_of_vector_memory(word, AccessKind.LOAD)
                return Behaviour(
                    spans=self._one_span(AccessKind.LOAD, size, rs1, sign_extended(word >> 20, 12)),
                    implied=(FLOATS[rd],),
                )
            case 0x23 | 0x27:  # STORE, STORE-FP
                size = (_STORE_SIZE if opcode == 0x23 else _FLOAT_SIZE).get(funct3)
                if size is None:
                    return self._behaviour_of_vector_memory(word, AccessKind.STORE) if opcode == 0x27 else Behaviour()
                displacement = sign_extended(word >> 25 << 5 | rd, 12)
                return Behaviour(
                    spans=self._one_span(AccessKind.STORE, size, rs1, displacement),
                    implied=(FLOATS[word >> 20 & 31],) if opcode == 0x27 else (),
                )
            case 0x2F:  # AMO
                return self._behaviour_of_atomic(word)
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

    def _contiguous(
        self, kind: AccessKind, base: str, first_byte: int, last_byte: int, registers: Registers
    ) -> tuple[Span, ...]:
        return (Span(kind, (registers[base] + first_byte) & self._mask, max(last_byte - first_byte, 0)),)

    def _behaviour_of_vector_memory(self, word: int, kind: AccessKind) -> Behaviour:
        """What it touches depends on vl, vstart, vtype and, if it is masked, v0: fetched at each execution."""
        size = _VECTOR_SIZE.get(word >> 12 & 7)
        if size is None or word >> 28 & 1:
            return Behaviour()
        base, fields, is_masked = GENERAL[word >> 15 & 31], (word >> 29) + 1, not word >> 25 & 1
        mode, selector, data = word >> 26 & 3, word >> 20 & 31, word >> 7 & 31
        implied = (*(_group(data, fields)), *VECTOR_LENGTH, *(("v0",) if is_masked else ()))

        def whole_registers(registers: Registers) -> tuple[Span, ...]:
            return self._contiguous(kind, base, registers["vstart"] * size, registers["vlenb"] * fields, registers)

        def mask(registers: Registers) -> tuple[Span, ...]:
            return self._contiguous(kind, base, registers["vstart"], (registers["vl"] + 7) // 8, registers)

        def unit_stride(registers: Registers) -> tuple[Span, ...]:
            step = fields * size
            return self._contiguous(kind, base, registers["vstart"] * step, registers["vl"] * step, registers)

        def strided(registers: Registers) -> list[Span]:
            start = registers[base]
            step = fields * size if mode == _UNIT_STRIDE else registers[GENERAL[selector]]
            return [
                Span(kind, (start + element * step) & self._mask, fields * size)
                for element in _active_elements(registers, is_masked)
            ]

        def fault_only_first(registers: Registers) -> list[Span]:
            # It stops before the first element, but element 0, that is not readable as a whole; vl then says so.
            start, step, page = registers[base], fields * size, None
            spans: list[Span] = []
            for element in _active_elements(registers, is_masked):
                address = (start + element * step) & self._mask
                last_page = (address + step - 1) // _PAGE_BYTES
                if element and last_page != page and not _is_readable(registers, address, step):
                    break
                page = last_page
                spans.append(Span(kind, address, step))
            return spans

        def indexed(registers: Registers) -> list[Span]:
            # The width field is the index's; the data's is vtype.vsew. An index group may span several registers.
            data_size = 1 << (registers["vtype"] >> 3 & 7)
            start, per_register = registers[base], registers["vlenb"] // size
            spans = []
            for element in _active_elements(registers, is_masked):
                group, within = divmod(element, per_register)
                index = registers[f"v{selector + group}"] >> (within * size * 8) & ((1 << size * 8) - 1)
                spans.append(Span(kind, (start + index) & self._mask, fields * data_size))
            return spans

        if mode == _UNIT_STRIDE:
            if selector == _WHOLE_REGISTERS:
                return Behaviour(spans=whole_registers, implied=(*VECTORS[data : data + fields], "vstart"))
            if selector == _MASK:
                return Behaviour(spans=mask, implied=(VECTORS[data], *VECTOR_LENGTH))
            if selector == _FAULT_ONLY_FIRST:
                return Behaviour(spans=fault_only_first, implied=implied)
            return Behaviour(spans=strided if is_masked else unit_stride, implied=implied)
        if mode == _STRIDED:
            return Behaviour(spans=strided, implied=implied)
        return Behaviour(spans=indexed, implied=tuple(dict.fromkeys((*implied, *_group(selector)))))

    def _c_high(self, kind: AccessKind, base: int, data: int, offsets: tuple[int, int]) -> Behaviour:
        """The codes that are c.ld and its kin on 64 bits, c.flw and its kin on 32.

        :param offsets: of a word, and of a doubleword.
        """
        if self._bits == 32:
            return Behaviour(spans=self._one_span(kind, 4, base, offsets[0]), implied=(FLOATS[data],))
        written = _written(data) if kind is AccessKind.LOAD else ()
        return Behaviour(spans=self._one_span(kind, 8, base, offsets[1]), implied=written)

    def _behaviour_of_c0(self, half: int) -> Behaviour:
        base, data = _c_registers(half)
        load, store = AccessKind.LOAD, AccessKind.STORE
        match half >> 13:
            case 0b000:  # c.addi4spn
                return Behaviour(implied=_written(data))
            case 0b001:  # c.fld
                return Behaviour(spans=self._one_span(load, 8, base, _c_double_offset(half)), implied=(FLOATS[data],))
            case 0b010:  # c.lw
                return Behaviour(spans=self._one_span(load, 4, base, _c_word_offset(half)), implied=_written(data))
            case 0b011:  # c.ld or c.flw
                return self._c_high(load, base, data, (_c_word_offset(half), _c_double_offset(half)))
            case 0b101:  # c.fsd
                return Behaviour(spans=self._one_span(store, 8, base, _c_double_offset(half)), implied=(FLOATS[data],))
            case 0b110:  # c.sw
                return Behaviour(spans=self._one_span(store, 4, base, _c_word_offset(half)))
            case 0b111:  # c.sd or c.fsw
                return self._c_high(store, base, data, (_c_word_offset(half), _c_double_offset(half)))
        return Behaviour()

    def _behaviour_of_c1(self, half: int) -> Behaviour:
        match half >> 13:
            case 0b001 if self._bits == 32:  # c.jal
                return Behaviour(implied=("ra",))
            case 0b000 | 0b001 | 0b010 | 0b011:  # c.addi, c.addiw, c.li, c.lui or c.addi16sp
                return Behaviour(implied=_written(half >> 7 & 31))
            case 0b100:  # c.srli and the register-register ones
                return Behaviour(implied=_written(8 + (half >> 7 & 7)))
        return Behaviour()  # c.j, c.beqz, c.bnez

    def _behaviour_of_c2(self, half: int) -> Behaviour:
        sp = 2
        rd, rs2 = half >> 7 & 31, half >> 2 & 31
        load, store = AccessKind.LOAD, AccessKind.STORE
        match half >> 13:
            case 0b001:  # c.fldsp
                return Behaviour(
                    spans=self._one_span(load, 8, sp, _c_load_stack_double_offset(half)), implied=(FLOATS[rd],)
                )
            case 0b010 if rd:  # c.lwsp
                return Behaviour(
                    spans=self._one_span(load, 4, sp, _c_load_stack_word_offset(half)), implied=_written(rd)
                )
            case 0b011 if rd or self._bits == 32:  # c.ldsp or c.flwsp
                return self._c_high(load, sp, rd, (_c_load_stack_word_offset(half), _c_load_stack_double_offset(half)))
            case 0b100 if rs2:  # c.mv, c.add
                return Behaviour(implied=_written(rd))
            case 0b100 if half == 0x9002:  # c.ebreak
                return _BREAK
            case 0b100:  # c.jr, c.jalr
                return Behaviour(implied=("ra",) if half >> 12 & 1 and rd else ())
            case 0b101:  # c.fsdsp
                return Behaviour(
                    spans=self._one_span(store, 8, sp, _c_store_stack_double_offset(half)), implied=(FLOATS[rs2],)
                )
            case 0b110:  # c.swsp
                return Behaviour(spans=self._one_span(store, 4, sp, _c_store_stack_word_offset(half)))
            case 0b111:  # c.sdsp or c.fswsp
                return self._c_high(
                    store, sp, rs2, (_c_store_stack_word_offset(half), _c_store_stack_double_offset(half))
                )
            case 0b000:  # c.slli
                return Behaviour(implied=_written(rd))
        return Behaviour()


# --- Architecture ---------------------------------------------------------------------------------


def _size_of(data: bytes) -> int:
    """The low two bits are 11 for anything but a compressed instruction (unprivileged ISA, section 1.5)."""
    return 4 if data[0] & 3 == 3 else 2


_MODES: dict[Bits, int] = {32: capstone.CS_MODE_RISCV32, 64: capstone.CS_MODE_RISCV64}
# BFD's bfd_mach_riscv32 and bfd_mach_riscv64.
_FRAME_MACHINES: dict[Bits, int] = {32: 132, 64: 164}


def _riscv(bits: Bits) -> Arch:
    return Arch(
        name=f"riscv{bits}",
        bits=bits,
        byte_order="little",
        elf=ElfIdentity("EM_RISCV", bits, "little"),
        # bap-frames has had RISC-V since 2026-04 (its pull request 30). Its numbers were not seen: 83 is the next free
        # one after TriCore.
        frame_architecture=83,
        frame_machine=_FRAME_MACHINES[bits],
        pc="pc",
        sp="sp",
        registers=(
            *(Register(name, bits) for name in GENERAL),
            Register("pc", bits, Group.CONTROL),
            *(Register(name, 64, Group.FLOAT) for name in FLOATS),
            *(Register(name, bits, Group.FLOAT) for name in FLOAT_STATUS),
            # The widest that QEMU has; narrower ones are zero-extended.
            *(Register(name, 1024, Group.VECTOR) for name in VECTORS),
            *(Register(name, bits, Group.VECTOR) for name in (*VECTOR_LENGTH, *VECTOR_ROUNDING, "vlenb")),
            Register("priv", bits, Group.SYSTEM),
            *(Register(name, bits, Group.COUNTER) for name in COUNTERS),
            *(Register(f"{name}h", bits, Group.COUNTER) for name in COUNTERS if bits == 32),
        ),
        modes=(Mode(None, capstone.CS_ARCH_RISCV, _MODES[bits] | capstone.CS_MODE_RISCVC, (2, 4), _size_of),),
        branch_of=branches.RISCV64 if bits == 64 else branches.RISCV32,
        nondeterministic=nondeterminism.RISCV,
        behaviour_of=_Decoder(bits).behaviour_of,
        system_calls=SystemCalls(
            number="a7",
            result="a0",
            arguments=("a0", "a1", "a2", "a3", "a4", "a5"),
            names={**GENERIC_CALLS, 222: "mmap" if bits == 64 else "mmap2"},
        ),
        aliases={"s0": ("fp",)},
        moves=lambda disassembled: not disassembled.mnemonic.startswith(("amo", "sc.")),
        zeroes=frozenset({"zero"}),
        gdb_architecture=f"riscv:rv{bits}",
        system=system_level(bits),
    )


RISCV64 = _riscv(64)
RISCV32 = _riscv(32)
