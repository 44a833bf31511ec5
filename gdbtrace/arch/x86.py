"""x86: 32-bit (i386) and 64-bit (x86_64), programs and firmware.

The encoding is read by capstone, whose memory operands (base, index, scale, displacement, segment, size, direction) are
right for most instructions; what it gets wrong, and what an instruction touches without an operand, is in the tables
below.  They come from running every opcode with a memory operand under the oracle (all maps, prefixes, REX.W, VEX.L),
so they are complete for what QEMU 7.2's default user-mode CPU (``max``: up to AVX2, FMA, BMI, AES, SSE4a, 3DNow!) runs.

References: Intel 64 and IA-32 Architectures Software Developer's Manual (SDM) volumes 1 and 2; AMD64 Architecture
Programmer's Manual; QEMU's ``target/i386/gdbstub.c`` for the registers, ``target/i386/tcg/translate.c`` and
``fpu_helper.c`` for what the helpers touch.

Segments: user mode has flat code, data and stack segments, so only the bases of fs and gs count; a descriptor that a
32-bit program makes with modify_ldt and loads into another segment register is not seen.  A load of a segment register
also makes the processor read the descriptor table, which is nobody's operand.

Firmware has all of it: segments with bases, descriptor tables that can be read (``x86_segments.py``), and three modes
within one run, each of which is a :class:`Variant` (``system/x86.py`` says which one it is at a stop).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import capstone
from capstone import x86 as cs

from gdbtrace.arch import branches, nondeterminism, undefined
from gdbtrace.arch.instruction_word import sign_extended
from gdbtrace.arch.linux import I386_CALLS
from gdbtrace.arch.model import (
    AccessKind,
    Arch,
    Behaviour,
    CoreRegisters,
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
from gdbtrace.arch.system.x86 import MODE_NAMES, code_bits, rearranges_memory, system_level
from gdbtrace.arch.x86_length import LEGACY_PREFIXES, LONGEST, encoding_of, size_of
from gdbtrace.arch.x86_segments import (
    FAST_FXSAVE,
    FAST_SAVE_AND_RESTORE,
    LONG_MODE_ACTIVE,
    Stack,
    StackFunction,
    descriptor,
    far_return,
    interrupt_return,
    is_protected,
    loaded_data_segment,
    long_stack,
    number_at,
    privilege_level,
    segmented_stack,
    system_segment,
)

L, S = AccessKind.LOAD, AccessKind.STORE

AddressFunction = Callable[[Registers], int]


@dataclass(frozen=True, slots=True)
class Variant:
    """In what the two architectures differ."""

    bits: Literal[32, 64]
    """Of the stub's registers."""
    code_bits: Literal[16, 32, 64]
    """Of operands, addresses and the program counter, without prefixes."""
    general: tuple[str, ...]
    vectors: tuple[str, ...]
    implied_segment_bases: bool
    """fs_base and gs_base are listed only where they are used (rizin's 32-bit profile does not have them)."""
    is_machine: bool = False
    """Firmware's: segments have bases, descriptors are loads, and privileged instructions do what they are for."""
    is_processor: bool = False
    """A processor executes it, not QEMU: steps are the trap flag's, and the states that XSAVE knows its own."""

    @property
    def is_long(self) -> bool:
        """Whether it is 64-bit mode."""
        return self.code_bits == 64

    @property
    def has_segments(self) -> bool:
        """Whether the bases of all segments count."""
        return self.is_machine and not self.is_long

    @property
    def word(self) -> int:
        """Bytes of a stack slot, or of a base, that no prefix makes short."""
        return 8 if self.is_long else 4

    @property
    def letter(self) -> str:
        """What the full-width registers' names begin with."""
        return "r" if self.bits == 64 else "e"

    @property
    def address_mask(self) -> int:
        """Of linear addresses."""
        return (1 << 8 * self.word) - 1

    @property
    def saved_vectors(self) -> int:
        """How many vector registers FXSAVE and its kin know."""
        return 16 if self.is_long else 8


I386_VARIANT = Variant(
    bits=32,
    code_bits=32,
    general=("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"),
    vectors=tuple(f"xmm{i}" for i in range(8)),
    implied_segment_bases=True,
)
X86_64_VARIANT = Variant(
    bits=64,
    code_bits=64,
    general=("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{i}" for i in range(8, 16))),
    vectors=tuple(f"xmm{i}" for i in range(16)),
    implied_segment_bases=False,
)

# QEMU 7.2's stub shows the x87 registers by their own numbers, not from the stack's top (which is in fstat): what it
# calls st0 is MM0, and ST(0) only when the top is 0. Which of them an x87 instruction touches is known only when it
# runs, so all are listed.
X87_STACK = tuple(f"st{i}" for i in range(8))


# --- What a memory operand stands for, where capstone does not say it right -------------------------------------------

Access = tuple[AccessKind, int, int]
"""Direction, offset from the operand's address, size."""

# MPX is off in user mode (BNDCFGU is zero), which makes its instructions no-operations.
_NO_ACCESS = re.compile(r"lea|nop|cl(flush|flushopt|wb|demote)|prefetch\w*|bnd\w+")
# capstone's access flags say "read" of most stores, so the direction is by name: these load and store, ...
_MODIFIES = re.compile(
    r"add|or|adc|sbb|and|sub|xor|inc|dec|neg|not|ro[lr]|rc[lr]|sh[lr]d?|sa[lr]|arpl|xchg|xadd|cmpxchg(8b|16b)?"
)
# ... these only store if their first operand is memory, and anything else loads.
_STORES = re.compile(
    r"mov.*|set.*|f(st|stp|ist|istp|isttp|bstp|nstcw|nstsw)|v?stmxcsr|sldt|str|smsw|"
    r"v(mov|cvtps2ph).*|v?(pextr|extract).*|kmov[bwdq]|vp?compress\w+|vpmovu?s?[wdq][bwd]"
)
_PRIVILEGED = frozenset(("lgdt", "lidt", "lldt", "ltr", "lmsw", "invlpg"))

_SIZES: Mapping[str, int] = {
    "comisd": 8,  # capstone: 16
    "sldt": 2,
    "str": 2,
    "smsw": 2,
}
# What QEMU loads more than the manual says it should, it loads: these are the accesses that happened.
_SIZES_OF_QEMU: Mapping[str, int] = {
    **_SIZES,
    "punpcklbw": 8,  # the MMX forms, of which the manual loads 4
    "punpcklwd": 8,
    "punpckldq": 8,
    "cvtdq2pd": 16,
}
# Scalar FMA, conversions to double, shifts by a vector: QEMU loads as many bytes as the operation's vectors have.
_LOADS_WHOLE_VECTOR = re.compile(r"vfn?m(add|sub)\d+s[sd]|vcvtdq2pd|vps(rl|ra|ll)[wdq]")

# Environment of the x87 unit, 16- and 32-bit form (SDM vol. 1, 8.1.10). QEMU stores all of it, and loads only the
# control, status and tag words.
_ENVIRONMENT_WORDS: Mapping[int, tuple[Access, ...]] = {
    14: ((L, 0, 2), (L, 2, 2), (L, 4, 2)),
    28: ((L, 0, 2), (L, 4, 2), (L, 8, 2)),
}


def _x87_state(name: str, operand_bytes: int, variant: Variant) -> tuple[Access, ...] | None:
    environment = 14 if operand_bytes == 2 else 28
    # With REX.W, which means nothing here, QEMU 7.2 puts the registers at 56.
    registers = 56 if operand_bytes == 8 and not variant.is_processor else environment
    words = ((L, 0, environment),) if variant.is_processor else _ENVIRONMENT_WORDS[environment]
    if name == "fnstenv":
        return ((S, 0, environment),)
    if name == "fnsave":
        return ((S, 0, environment), (S, registers, 80))
    if name == "fldenv":
        return words
    if name == "frstor":
        return (*words, (L, registers, 80))
    return None


def _x87_legacy_area(kind: AccessKind) -> tuple[Access, ...]:
    """The x87 part of an FXSAVE area (SDM vol. 1, 10.5.1): words, pointers, and 10 of the 16 bytes of each register."""
    # fop (offset 6) is never stored; the pointers are stored as zero and not loaded.
    pointers: tuple[Access, ...] = ((S, 8, 16),) if kind is S else ()
    return ((kind, 0, 6), *pointers, *((kind, 32 + 16 * i, 10) for i in range(8)))


def _fxsave_area(variant: Variant, kind: AccessKind) -> tuple[Access, ...]:
    mxcsr = (kind, 24, 8 if kind is S else 4)  # the store includes MXCSR_MASK
    if variant.is_processor:
        return (
            (kind, 0, 24),
            mxcsr,
            *((kind, 32 + 16 * i, 10) for i in range(8)),
            (kind, 160, 16 * variant.saved_vectors),
        )
    return (*_x87_legacy_area(kind), mxcsr, (kind, 160, 16 * variant.saved_vectors))


# Extended states that the CPU has enabled in XCR0, which is not in the stub: 0x21f under the default CPU model. The
# offsets are what CPUID leaf 13 of QEMU gives (standard format; it has no compacted one).
_XSAVE_HEADER = 512
_XSAVE_BNDREGS = 1 << 3


def _xsave_components(variant: Variant, kind: AccessKind) -> dict[int, tuple[Access, ...]]:
    """XCR0 bit -> what XSAVE stores, or XRSTOR loads, for it."""
    vectors = 16 * variant.saved_vectors
    return {
        1 << 0: _x87_legacy_area(kind),
        1 << 1: ((kind, 160, vectors),),
        1 << 2: ((kind, 576, vectors),),
        _XSAVE_BNDREGS: ((kind, 0x3C0, 64),),
        1 << 4: ((kind, 0x400, 16),),
        1 << 9: ((kind, 0xA80, 8),),
    }


def _fixed_accesses(decoder: _Decoder) -> tuple[Access, ...] | None:
    """What an instruction touches relative to its memory operand that is not of one size; None: it is."""
    name, variant = decoder.name, decoder.variant
    if state := _x87_state(name, decoder.operand_bytes, variant):
        return state
    if name in ("fxsave", "fxsave64"):
        return _fxsave_area(variant, S)
    if name in ("fxrstor", "fxrstor64"):
        return _fxsave_area(variant, L)
    if name in ("sgdt", "sidt", "lgdt", "lidt"):
        return ((S if name[0] == "s" else L, 0, 2 + variant.word),)
    if name in ("lds", "les", "lss", "lfs", "lgs"):
        return ((L, 0, 2 + min(decoder.operand_bytes, 4)),)
    if name == "bound":
        return ((L, 0, 2 * decoder.operand_bytes),)
    return None


def _size_of(decoder: _Decoder, operand: capstone.x86.X86Op) -> int:
    name = decoder.name
    size: int = operand.size
    is_processor = decoder.variant.is_processor
    sizes = _SIZES if is_processor else _SIZES_OF_QEMU
    if name in sizes:
        return max(size, sizes[name]) if name.startswith("p") else sizes[name]
    if _LOADS_WHOLE_VECTOR.fullmatch(name) and not is_processor:
        return 32 if _vex_bits(decoder) & 4 else 16
    if name in ("bsf", "bsr", "movnti") and decoder.is_wide:
        return 8  # capstone believes an operand-size prefix before REX.W
    if name in ("vpextrq", "vpinsrq"):
        return min(size, decoder.variant.word)  # VEX.W means nothing outside 64-bit mode
    return size


def _direct_access(decoder: _Decoder, operand: capstone.x86.X86Op) -> tuple[Access, ...]:
    """A memory operand of one size."""
    size = _size_of(decoder, operand)
    if decoder.operands[0].type == cs.X86_OP_MEM:
        if _MODIFIES.fullmatch(decoder.name):
            return ((L, 0, size), (S, 0, size))
        if _STORES.fullmatch(decoder.name):
            return ((S, 0, size),)
    return ((L, 0, size),)


_STRING = re.compile(r"(movs|cmps|scas|lods|stos|ins|outs)[bwdq]")

_GATHER = re.compile(r"vp?gather([dq])(ps|pd|d|q)")
_MASKED_MOVE = {"vmaskmovps": 4, "vmaskmovpd": 8, "vpmaskmovd": 4, "vpmaskmovq": 8}
_BIT_TESTS = {"bt": (L,), "bts": (L, S), "btr": (L, S), "btc": (L, S)}


# --- Addresses --------------------------------------------------------------------------------------------------------


class _Decoder:
    """One instruction as capstone read it, and what its spans are built from."""

    def __init__(self, variant: Variant, instruction: capstone.CsInsn) -> None:
        self.variant = variant
        self.instruction = instruction
        self.name: str = instruction.insn_name()
        self.operands = instruction.operands
        self.memory = [operand for operand in self.operands if operand.type == cs.X86_OP_MEM]
        self.address_mask: int = (1 << 8 * instruction.addr_size) - 1
        self.is_wide = bool(variant.is_long and instruction.rex & 8)
        has_prefix = instruction.prefix[2] == 0x66
        self.is_short = has_prefix is not (variant.code_bits == 16) and not self.is_wide

    @property
    def operand_bytes(self) -> int:
        """Operand size of an instruction that is 32 bits wide by default."""
        return 2 if self.is_short else 8 if self.is_wide else 4

    @property
    def stack_bytes(self) -> int:
        """Operand size of a near stack operation: never 32 bits in 64-bit mode."""
        return 2 if self.is_short else self.variant.word

    def register(self, name: str) -> str:
        """The stub register that a pointer register, given without its width letter, is part of."""
        return self.variant.letter + name

    def segment_base_of(self, operand: capstone.x86.X86Op) -> str | None:
        """The stub register that a memory operand's address is relative to; None: its segment's base is 0."""
        memory = operand.mem
        if not self.variant.has_segments:
            return _SEGMENT_BASES.get(memory.segment)
        return _ALL_SEGMENT_BASES.get(memory.segment, "ss_base" if memory.base in _STACK_BASES else "ds_base")

    @property
    def prefixed_segment_base(self) -> str | None:
        """The same for an instruction whose memory operand capstone does not show."""
        prefix = self.instruction.prefix[1]
        if not self.variant.has_segments:
            return {0x64: "fs_base", 0x65: "gs_base"}.get(prefix)
        return _PREFIXED_BASES.get(prefix, "ds_base")

    @property
    def stack_of(self) -> StackFunction | None:
        """Where a stack pointer points; None: its segment's base is 0."""
        return segmented_stack if self.variant.has_segments else None

    def effective_address_of(
        self, operand: capstone.x86.X86Op, *, extra: int = 0, with_index: bool = True
    ) -> AddressFunction:
        """A memory operand's address within its segment, plus ``extra``."""
        memory, name_of = operand.mem, self.instruction.reg_name
        displacement: int = memory.disp + extra
        base: str | None = None
        index: str | None = None
        if memory.base in (cs.X86_REG_RIP, cs.X86_REG_EIP):
            displacement += self.instruction.address + self.instruction.size
        elif memory.base:
            base = _whole(self.variant, name_of(memory.base))
        if with_index and memory.index not in (cs.X86_REG_INVALID, cs.X86_REG_RIZ, cs.X86_REG_EIZ):
            index = _whole(self.variant, name_of(memory.index))
        return _effective_address(base, index, memory.scale, displacement, self.address_mask)

    def address_of(self, operand: capstone.x86.X86Op, extra: int = 0) -> AddressFunction:
        """A memory operand's linear address, plus ``extra``."""
        effective = self.effective_address_of(operand, extra=extra)
        return _linear_address(effective, self.segment_base_of(operand), self.variant.address_mask)


_SEGMENT_BASES: Mapping[int, str] = {cs.X86_REG_FS: "fs_base", cs.X86_REG_GS: "gs_base"}
_ALL_SEGMENT_BASES: Mapping[int, str] = {
    **_SEGMENT_BASES,
    cs.X86_REG_CS: "cs_base",
    cs.X86_REG_SS: "ss_base",
    cs.X86_REG_DS: "ds_base",
    cs.X86_REG_ES: "es_base",
}
_PREFIXED_BASES: Mapping[int, str] = {
    0x26: "es_base",
    0x2E: "cs_base",
    0x36: "ss_base",
    0x64: "fs_base",
    0x65: "gs_base",
}
_STACK_BASES = frozenset((cs.X86_REG_BP, cs.X86_REG_EBP, cs.X86_REG_ESP))
"""A memory operand that begins with one of these is in the stack segment (SDM vol. 1, 3.7.4)."""


def _whole(variant: Variant, name: str) -> str:
    """The stub register that a register of an address is part of."""
    (whole,) = _ALIASES[variant.bits][name]
    return whole


def _effective_address(
    base: str | None, index: str | None, scale: int, displacement: int, mask: int
) -> AddressFunction:
    """base + index * scale + displacement, cut to the address size (SDM vol. 1, 3.7.5)."""
    if base is None and index is None:
        constant = displacement & mask
        return lambda registers: constant
    if base is None or index is None:
        only, factor = (base, 1) if base is not None else (index or "", scale)
        if factor == 1:
            return lambda registers: (registers[only] + displacement) & mask
        return lambda registers: (registers[only] * factor + displacement) & mask
    first, second = base, index
    return lambda registers: (registers[first] + registers[second] * scale + displacement) & mask


def _linear_address(effective: AddressFunction, segment_base: str | None, mask: int) -> AddressFunction:
    """An effective address plus its segment's base."""
    if segment_base is None:
        return effective
    base = segment_base
    return lambda registers: (effective(registers) + registers[base]) & mask


def _spans_at(address_of: AddressFunction, accesses: tuple[Access, ...], mask: int) -> SpanFunction:
    """Accesses at fixed offsets from one address."""
    if len(accesses) == 1 and accesses[0][1] == 0:
        kind, _, size = accesses[0]

        def one(registers: Registers) -> tuple[Span, ...]:
            return (Span(kind, address_of(registers), size),)

        return one

    def several(registers: Registers) -> tuple[Span, ...]:
        address = address_of(registers)
        return tuple(Span(kind, (address + offset) & mask, size) for kind, offset, size in accesses)

    return several


def _joined(functions: list[SpanFunction]) -> SpanFunction | None:
    """The spans of several functions, in order."""
    if len(functions) < 2:
        return functions[0] if functions else None

    def joined(registers: Registers) -> tuple[Span, ...]:
        return tuple(span for function in functions for span in function(registers))

    return joined


# --- The stack --------------------------------------------------------------------------------------------------------

PUSHES_FLAGS = frozenset(("pushf", "pushfd", "pushfq"))
POPS_FLAGS = frozenset(("popf", "popfd", "popfq"))
POP_ALL = frozenset(("popal", "popaw"))
PUSH_ALL = frozenset(("pushal", "pushaw"))
RETURN_FAR = frozenset(("retf", "retfq"))
INTERRUPT_RETURN = frozenset(("iret", "iretd", "iretq"))


def _stack_accesses(decoder: _Decoder) -> tuple[Access, ...] | None:
    """What an instruction touches relative to the stack pointer before it; None: it is none of the stack's."""
    name, size, far = decoder.name, decoder.stack_bytes, decoder.operand_bytes
    if name in ("push", *PUSHES_FLAGS):
        return ((S, -size, size),)
    if name == "call" or name == "lcall":
        return ((S, -2 * far, 2 * far),) if name == "lcall" or _is_far(decoder) else ((S, -size, size),)
    if name in ("pop", "ret", *POPS_FLAGS):
        return ((L, 0, size),)
    if name in RETURN_FAR:
        return ((L, 0, 2 * far),)
    if name in INTERRUPT_RETURN:
        # 64-bit mode always pops the stack pointer and its segment too (SDM vol. 2, IRET).
        return ((L, 0, (5 if decoder.variant.is_long else 3) * far),)
    if name in PUSH_ALL:
        return ((S, -8 * far, 8 * far),)
    if name in POP_ALL:
        return ((L, 0, 3 * far), (L, 4 * far, 4 * far))  # the stack pointer's slot is skipped
    return None


def _is_far(decoder: _Decoder) -> bool:
    """Whether an indirect call or jump takes a far pointer (opcode FF, /3 and /5)."""
    instruction = decoder.instruction
    return decoder.name in ("call", "jmp") and instruction.opcode[0] == 0xFF and instruction.modrm >> 3 & 7 in (3, 5)


def _stack_spans(decoder: _Decoder, accesses: tuple[Access, ...], pointer: str = "sp") -> SpanFunction:
    """Accesses at fixed offsets from a register that points into the stack."""
    register, stack_of, mask = decoder.register(pointer), decoder.stack_of, decoder.variant.address_mask
    if stack_of is None:
        return _spans_at(_effective_address(register, None, 1, 0, mask), accesses, mask)
    slot = decoder.operand_bytes

    def segmented(registers: Registers) -> list[Span]:
        stack, top = stack_of(registers), registers[register]
        return [
            span for kind, offset, size in accesses for span in stack.iter_spans(kind, top + offset, slot, size // slot)
        ]

    return segmented


def _enter(decoder: _Decoder) -> SpanFunction:
    """``enter``: the frame pointer, the enclosing frames' pointers, and the new frame's own."""
    size, mask, stack_of = decoder.stack_bytes, decoder.variant.address_mask, decoder.stack_of
    sp, bp = decoder.register("sp"), decoder.register("bp")
    level = decoder.operands[1].imm & 31

    def spans(registers: Registers) -> tuple[Span, ...]:
        top, frame = registers[sp], registers[bp]
        stack = Stack(0, mask, mask) if stack_of is None else stack_of(registers)
        return (
            *(Span(L, stack.at(frame - size * i), size) for i in range(1, level)),
            *(Span(S, stack.at(top - size * (i + 1)), size) for i in range(level + 1 if level else 1)),
        )

    return spans


# --- Instructions whose accesses depend on values ---------------------------------------------------------------------


def _string(decoder: _Decoder) -> SpanFunction:
    """One iteration of a string instruction; with a repeat prefix and a count of zero, nothing."""
    name = decoder.name[:-1]
    parts: list[SpanFunction] = []
    for kind in (L, S):
        # Of the two that cmps loads, QEMU's gen_cmps takes the one at es:di first.
        for operand in reversed(decoder.memory):
            base = decoder.instruction.reg_name(operand.mem.base)
            if (S if base.endswith("di") and name in ("movs", "stos", "ins") else L) is kind:
                address_of = decoder.address_of(operand)
                parts.append(_spans_at(address_of, ((kind, 0, operand.size),), decoder.variant.address_mask))
    once = _joined(parts)
    assert once is not None
    if name in ("ins", "outs"):
        once = _if_privileged(decoder, once, lambda flags: flags >> 12 & 3)
    if not _is_repeated(decoder):
        return once
    count, mask = decoder.register("cx"), decoder.address_mask

    def repeated(registers: Registers) -> tuple[Span, ...]:
        return tuple(once(registers)) if registers[count] & mask else ()

    return repeated


def _if_privileged(decoder: _Decoder, spans: SpanFunction, level_of: Callable[[int], int]) -> SpanFunction:
    """Nothing where the privilege level is above what ``level_of`` the flags allows: it faults before.

    What a task's I/O permission map allows beyond that is not seen.
    """
    privilege = privilege_level if decoder.variant.is_machine else _level_of_program

    def checked(registers: Registers) -> tuple[Span, ...]:
        return tuple(spans(registers)) if privilege(registers) <= level_of(registers["eflags"]) else ()

    return checked


def _level_of_program(registers: CoreRegisters) -> int:
    return registers["cs"] & 3


def _is_repeated(decoder: _Decoder) -> bool:
    return decoder.instruction.prefix[0] in (0xF2, 0xF3)


def _bit_test(decoder: _Decoder, kinds: tuple[AccessKind, ...]) -> SpanFunction:
    """``bt`` and its kin with a register: the bit offset is signed and reaches beyond the operand (SDM vol. 2, BT)."""
    memory, offset = decoder.operands
    size: int = memory.size
    accesses = tuple((kind, 0, size) for kind in kinds)
    mask = decoder.variant.address_mask
    if offset.type != cs.X86_OP_REG:
        return _spans_at(decoder.address_of(memory), accesses, mask)
    source = _whole(decoder.variant, decoder.instruction.reg_name(offset.reg))
    bits, address_mask = 8 * size, decoder.address_mask
    effective = decoder.effective_address_of(memory)

    def displaced(registers: Registers) -> int:
        bit = sign_extended(registers[source], bits)
        return (effective(registers) + bit // bits * size) & address_mask

    return _spans_at(_linear_address(displaced, decoder.segment_base_of(memory), mask), accesses, mask)


def _table_lookup(decoder: _Decoder) -> SpanFunction:
    """``xlat``: the byte at bx + al."""
    mask = decoder.variant.address_mask
    base, index, address_mask = decoder.register("bx"), decoder.register("ax"), decoder.address_mask

    def effective(registers: Registers) -> int:
        return (registers[base] + (registers[index] & 0xFF)) & address_mask

    return _spans_at(_linear_address(effective, decoder.prefixed_segment_base, mask), ((L, 0, 1),), mask)


def _masked_store(decoder: _Decoder) -> SpanFunction:
    """``maskmovdqu`` and ``maskmovq``: the bytes at di whose mask byte has its top bit set."""
    mask = decoder.variant.address_mask
    destination = _effective_address(decoder.register("di"), None, 1, 0, decoder.address_mask)
    address_of = _linear_address(destination, decoder.prefixed_segment_base, mask)
    source = decoder.instruction.reg_name(decoder.operands[1].reg)
    source = "st" + source[2:] if source.startswith("mm") else source
    size = 8 if decoder.name == "maskmovq" else 16

    def spans(registers: Registers) -> tuple[Span, ...]:
        address, selected = address_of(registers), registers[source]
        return tuple(Span(S, (address + i) & mask, 1) for i in range(size) if selected >> 8 * i + 7 & 1)

    return spans


def _masked_move(decoder: _Decoder, element: int) -> SpanFunction:
    """``vmaskmov`` and ``vpmaskmov``: the elements of the low 128 bits whose mask element has its top bit set."""
    (memory,) = decoder.memory
    if decoder.operands[0].type != cs.X86_OP_MEM:
        # QEMU 7.2 loads all of it, masked or not.
        return _spans_at(decoder.address_of(memory), ((L, 0, memory.size),), decoder.variant.address_mask)
    selector = _vex_register(decoder)
    address_of, mask, top = decoder.address_of(memory), decoder.variant.address_mask, 8 * element - 1

    def spans(registers: Registers) -> tuple[Span, ...]:
        selected, address = registers[selector], address_of(registers)
        return tuple(
            Span(S, (address + offset) & mask, element)
            for offset in range(0, 16, element)
            if selected >> 8 * offset + top & 1
        )

    return spans


def _vex_bits(decoder: _Decoder) -> int:
    """The last byte of the VEX prefix: vvvv (inverted) from bit 3, L in bit 2 (SDM vol. 2, 2.3.5)."""
    data = bytes(decoder.instruction.bytes)
    # The first of these two bytes is the prefix: only legacy prefixes, of other values, may be before it.
    start = next(i for i, byte in enumerate(data) if byte in (0xC4, 0xC5))
    return data[start + (2 if data[start] == 0xC4 else 1)]


def _vex_register(decoder: _Decoder) -> str:
    """The register that vvvv names, of which capstone sometimes prints another one."""
    number = ~(_vex_bits(decoder) >> 3) & 15
    return f"xmm{number if decoder.variant.is_long else number & 7}"


def _gather(decoder: _Decoder, index_letter: str, element_name: str) -> SpanFunction:
    """AVX2 gathers: the elements whose mask element has its top bit set (as far as 128-bit registers show them)."""
    (memory,) = decoder.memory
    element = 4 if element_name in ("ps", "d") else 8
    index_size = 4 if index_letter == "d" else 8
    mask, address_mask = decoder.variant.address_mask, decoder.address_mask
    index = "x" + decoder.instruction.reg_name(memory.mem.index)[1:]
    selector = _vex_register(decoder)
    scale: int = memory.mem.scale
    segment = decoder.segment_base_of(memory)
    base_of = decoder.effective_address_of(memory, with_index=False)
    count = 16 // max(element, index_size)
    index_bits, top = 8 * index_size, 8 * element - 1

    def spans(registers: Registers) -> tuple[Span, ...]:
        base, indices, selected = base_of(registers), registers[index], registers[selector]
        linear = registers[segment] if segment else 0
        found = []
        for i in range(count):
            if selected >> 8 * element * i + top & 1:
                offset = sign_extended(indices >> index_bits * i, index_bits)
                address = (base + offset * scale) & address_mask
                found.append(Span(L, (address + linear) & mask, element))
        return tuple(found)

    return spans


def _extended_save(decoder: _Decoder, is_optimized: bool) -> SpanFunction:
    """XSAVE and XSAVEOPT: the components that edx:eax asks for; the header's bit vector is updated."""
    address_of, mask = decoder.address_of(decoder.memory[0]), decoder.variant.address_mask
    components = _xsave_components(decoder.variant, S)
    if is_optimized:
        # QEMU tracks the use of the bound registers only, and nothing in user mode can use them.
        del components[_XSAVE_BNDREGS]
    low = decoder.register("ax")

    def spans(registers: Registers) -> tuple[Span, ...]:
        address, wanted = address_of(registers), registers[low]
        accesses: list[Access] = [(L, _XSAVE_HEADER, 8), (S, _XSAVE_HEADER, 8)]
        if wanted & 2:
            accesses.append((S, 24, 8))  # MXCSR and its mask
        for bit, component in components.items():
            if wanted & bit:
                accesses += component
        return tuple(Span(kind, (address + offset) & mask, size) for kind, offset, size in accesses)

    return spans


def _extended_restore(decoder: _Decoder) -> SpanFunction:
    """XRSTOR: the components that edx:eax asks for and the header says are there (the others are initialized)."""
    address_of, mask = decoder.address_of(decoder.memory[0]), decoder.variant.address_mask
    components = _xsave_components(decoder.variant, L)
    low = decoder.register("ax")

    def spans(registers: Registers) -> tuple[Span, ...]:
        address, wanted = address_of(registers), registers[low]
        accesses: list[Access] = [(L, _XSAVE_HEADER, 24)]
        if wanted & 2:
            accesses.append((L, 24, 4))  # MXCSR, whatever the header says
        try:
            header = registers.read_memory((address + _XSAVE_HEADER) & mask, 8)
        except KeyError:
            header = b""  # it will fault
        present = wanted & int.from_bytes(header, "little")
        for bit, component in components.items():
            if present & bit:
                accesses += component
        return tuple(Span(kind, (address + offset) & mask, size) for kind, offset, size in accesses)

    return spans


# --- Putting it together ----------------------------------------------------------------------------------------------


def _is_system_call(decoder: _Decoder) -> bool:
    return decoder.name in ("syscall", "sysenter") or (decoder.name == "int" and decoder.operands[0].imm & 0xFF == 0x80)


def _rule_of(decoder: _Decoder, is_string: bool) -> StepRule:
    if decoder.variant.is_machine and not is_string:
        return _RULES_OF_MACHINES.get(decoder.name, StepRule.PLAIN)
    if _is_system_call(decoder):
        return StepRule.SYSTEM_CALL
    if is_string and _is_repeated(decoder):
        return StepRule.REPEAT
    if decoder.name == "pause":
        return StepRule.YIELD
    if _is_breakpoint(decoder):
        return StepRule.BREAKPOINT
    if decoder.variant.is_processor and _is_untrapped(decoder):
        return StepRule.UNTRAPPED
    return StepRule.PLAIN


_EMULATED_BY_LINUX = frozenset(("sgdt", "sidt", "smsw", "sldt", "str"))
"""Where the processor forbids them (UMIP), the kernel does their work and returns behind them without a trap."""


def _is_untrapped(decoder: _Decoder) -> bool:
    """What the trap flag of EFLAGS does not end after, or what reads it (SDM vol. 3, 6.8.3 and 17.3.1.4)."""
    if _loads_segment(decoder):
        return bool(decoder.operands[0].reg == cs.X86_REG_SS)
    # The kernel hides the flag from the program, except that pushf stores it; after popf it takes it for the program's.
    return decoder.name in PUSHES_FLAGS | POPS_FLAGS | _EMULATED_BY_LINUX


def _is_breakpoint(decoder: _Decoder) -> bool:
    """``int3`` in both its encodings, and ``int1``: SIGTRAP, with the program counter behind them."""
    return decoder.name in ("int3", "int1") or (decoder.name == "int" and decoder.operands[0].imm & 0xFF == 3)


def _is_string(decoder: _Decoder) -> bool:
    # movsd and cmpsd are also SSE2 instructions, which have one memory operand at most.
    name = decoder.name
    return _STRING.fullmatch(name) is not None and (name[:4] not in ("movs", "cmps") or len(decoder.memory) == 2)


def _spans_of(decoder: _Decoder, is_string: bool) -> SpanFunction | None:
    name, mask = decoder.name, decoder.variant.address_mask
    if _NO_ACCESS.fullmatch(name):
        return None
    if is_string:
        return _string(decoder)
    if decoder.variant.is_machine:
        if name in _NO_ACCESS_OF_MACHINES or _SAVES_BY_XCR0.fullmatch(name):
            return None
        if with_descriptors := _spans_with_descriptors(decoder):
            return with_descriptors
    if decoder.variant.is_processor and (_SAVES_BY_XCR0.fullmatch(name) or _is_masked(decoder)):
        return None
    special = _special_spans(decoder)
    if special:
        return special
    parts: list[SpanFunction] = []
    stack = _stack_accesses(decoder)
    for operand in decoder.memory:
        # pop computes the address of its operand after it has changed the stack pointer (SDM vol. 2, POP).
        moved = name == "pop" and operand.mem.base in (cs.X86_REG_RSP, cs.X86_REG_ESP)
        address_of = decoder.address_of(operand, decoder.stack_bytes if moved else 0)
        parts.append(_spans_at(address_of, _operand_accesses(decoder, operand), mask))
    if stack:
        on_stack = _stack_spans(decoder, stack)
        parts.insert(0 if name == "pop" else len(parts), on_stack)
    spans = _joined(parts)
    return _if_privileged(decoder, spans, lambda flags: 0) if spans and name in _PRIVILEGED else spans


def _special_spans(decoder: _Decoder) -> SpanFunction | None:
    """Instructions whose accesses are not a list of fixed offsets."""
    name = decoder.name
    if name in _BIT_TESTS and decoder.memory:
        return _bit_test(decoder, _BIT_TESTS[name])
    if name == "leave":
        return _stack_spans(decoder, ((L, 0, decoder.stack_bytes),), "bp")
    if name == "enter":
        return _enter(decoder)
    if name == "xlatb":
        return _table_lookup(decoder)
    if name in ("maskmovdqu", "vmaskmovdqu", "maskmovq"):
        return _masked_store(decoder)
    if name in _MASKED_MOVE:
        return _masked_move(decoder, _MASKED_MOVE[name])
    if found := _GATHER.fullmatch(name):
        return _gather(decoder, found[1], found[2])
    if name.startswith("xsave"):
        return _extended_save(decoder, name.startswith("xsaveopt"))
    if name in ("xrstor", "xrstor64"):
        return _extended_restore(decoder)
    return None


def _operand_accesses(decoder: _Decoder, operand: capstone.x86.X86Op) -> tuple[Access, ...]:
    name = decoder.name
    if name in ("call", "jmp", "lcall", "ljmp"):
        return ((L, 0, decoder.operand_bytes + 2 if name[0] == "l" or _is_far(decoder) else decoder.stack_bytes),)
    if name in ("push", "pop"):
        return ((L if name == "push" else S, 0, decoder.stack_bytes),)
    return _fixed_accesses(decoder) or _direct_access(decoder, operand)


def _are_spans_known(decoder: _Decoder) -> bool:
    """False for what depends on the upper halves of 256-bit registers, or where the descriptor table is."""
    name, operands = decoder.name, decoder.operands
    if _GATHER.fullmatch(name):
        return not _vex_bits(decoder) & 4
    if name in _MASKED_MOVE:
        return bool(operands[0].type != cs.X86_OP_MEM or operands[0].size == 16)
    if decoder.variant.is_machine:
        return _SAVES_BY_XCR0.fullmatch(name) is None
    if decoder.variant.is_processor and (_SAVES_BY_XCR0.fullmatch(name) or _is_masked(decoder)):
        return False
    if name in _LOADS_DESCRIPTOR or _loads_segment(decoder):
        return False
    return not _is_far(decoder)


_LOADS_DESCRIPTOR = (
    frozenset(("lar", "lsl", "verr", "verw", "lds", "les", "lss", "lfs", "lgs", "lcall", "ljmp"))
    | RETURN_FAR
    | INTERRUPT_RETURN
)
SEGMENTS = frozenset((cs.X86_REG_DS, cs.X86_REG_ES, cs.X86_REG_SS, cs.X86_REG_FS, cs.X86_REG_GS))


def _loads_segment(decoder: _Decoder) -> bool:
    """``mov`` to a segment register, or ``pop`` of one."""
    if decoder.name not in ("mov", "pop"):
        return False
    target = decoder.operands[0]
    return bool(target.type == cs.X86_OP_REG and target.reg in SEGMENTS)


# --- Privileged instructions, and what a machine's segments add to others ---------------------------------------------

_RULES_OF_MACHINES: Mapping[str, StepRule] = {
    "hlt": StepRule.HALT,
    "mwait": StepRule.HALT,
    "pause": StepRule.YIELD,
}
_NO_ACCESS_OF_MACHINES = frozenset(("invlpg",))
_SAVES_BY_XCR0 = re.compile(r"x(save|rstor)\w*")
"""What they touch depends on XCR0, which neither the stub nor the monitor shows, and firmware may change it."""
_FAR_POINTERS = frozenset(("lds", "les", "lss", "lfs", "lgs"))
_TESTS_DESCRIPTOR = frozenset(("lar", "lsl", "verr", "verw"))

# What only the monitor shows (bases of segments and tables) is found out anew after these.
_RELOADS = (
    frozenset(("lgdt", "lidt", "lldt", "ltr", "sysenter", "sysexit", "sysexitq", "syscall", "sysret", "sysretq"))
    | frozenset(("int", "int1", "int3", "into", "ljmp", "lcall"))
    | RETURN_FAR
    | INTERRUPT_RETURN
    | _FAR_POINTERS
)
_IS_SYSTEM = frozenset(("lmsw", "wrmsr", "rsm", "invlpg", "invlpga", "invpcid", "vmrun", "vmload"))
_TRANSLATING = frozenset((cs.X86_REG_CR0, cs.X86_REG_CR3, cs.X86_REG_CR4))


def _moves_to(decoder: _Decoder, registers: frozenset[int]) -> bool:
    if decoder.name not in ("mov", "pop"):
        return False
    target = decoder.operands[0]
    return bool(target.type == cs.X86_OP_REG and target.reg in registers)


def _rearranges(decoder: _Decoder) -> Callable[[Registers], bool] | None:
    """What may move memory: output to a chip set's port, the end of system management mode."""
    name = decoder.name
    if name == "rsm":
        return lambda registers: True
    if name == "out" and decoder.operands[0].type == cs.X86_OP_IMM:
        is_one = rearranges_memory(decoder.operands[0].imm & 0xFF)
        return (lambda registers: True) if is_one else None
    if name == "out" or (name.startswith("outs") and _is_string(decoder)):
        port = decoder.register("dx")
        return lambda registers: rearranges_memory(registers[port] & 0xFFFF)
    return None


def _spans_with_descriptors(decoder: _Decoder) -> SpanFunction | None:
    """What reads descriptors beside its operands and the stack; None: it is none of those."""
    name = decoder.name
    pointer, size = decoder.register("sp"), decoder.operand_bytes
    stack_of = decoder.stack_of or long_stack
    if name in RETURN_FAR:
        released = decoder.operands[0].imm & 0xFFFF if decoder.operands else 0
        return lambda registers: far_return(registers, stack_of(registers), registers[pointer], size, released)
    if name in INTERRUPT_RETURN:
        is_long = decoder.variant.is_long
        return lambda registers: interrupt_return(
            registers, stack_of(registers), registers[pointer], size, is_long=is_long
        )
    if name in ("fxsave", "fxsave64", "fxrstor", "fxrstor64"):
        return _fast_state(decoder, L if name.startswith("fxr") else S)
    selector_of = _selector_of(decoder)
    if selector_of is None:
        return None
    parts: list[SpanFunction] = [
        _spans_at(decoder.address_of(operand), _operand_accesses(decoder, operand), decoder.variant.address_mask)
        for operand in decoder.memory
    ]
    if stack := _stack_accesses(decoder):
        parts.append(_stack_spans(decoder, stack))
    return _joined([*parts, _descriptor_spans(decoder, selector_of)])


_Selector = Callable[[Registers], int | None]


def _selector_of(decoder: _Decoder) -> _Selector | None:
    """The selector whose descriptor an instruction reads, if it reads one. None at run time: it cannot be read."""
    name, operands = decoder.name, decoder.operands
    if name in ("ljmp", "lcall") and len(operands) == 2:
        constant = operands[0].imm & 0xFFFF
        return lambda registers: constant
    if name in _FAR_POINTERS or name in ("ljmp", "lcall") or _is_far(decoder):
        address_of = decoder.address_of(decoder.memory[0], decoder.operand_bytes)
        return lambda registers: number_at(registers, address_of(registers), 2)
    if name == "pop" and _loads_segment(decoder):
        stack_of, pointer = decoder.stack_of or long_stack, decoder.register("sp")
        return lambda registers: number_at(registers, stack_of(registers).at(registers[pointer]), 2)
    if _loads_segment(decoder) or name in _TESTS_DESCRIPTOR or name in ("lldt", "ltr"):
        source = operands[-1]
        if source.type == cs.X86_OP_REG:
            register = _whole(decoder.variant, decoder.instruction.reg_name(source.reg))
            return lambda registers: registers[register] & 0xFFFF
        address_of = decoder.address_of(source)
        return lambda registers: number_at(registers, address_of(registers), 2)
    return None


def _descriptor_spans(decoder: _Decoder, selector_of: _Selector) -> SpanFunction:
    name = decoder.name
    loads_data = name in _FAR_POINTERS or _loads_segment(decoder)

    def spans(registers: Registers) -> list[Span]:
        if not is_protected(registers):
            return []
        selector = selector_of(registers)
        if selector is None:
            return []
        if name in ("lldt", "ltr"):
            return system_segment(registers, selector, is_task=name == "ltr") if not privilege_level(registers) else []
        return loaded_data_segment(registers, selector) if loads_data else descriptor(registers, selector)

    return spans


def _fast_state(decoder: _Decoder, kind: AccessKind) -> SpanFunction:
    """FXSAVE and FXRSTOR: without the vectors unless the operating system has said that it knows of them."""
    address_of, mask = decoder.address_of(decoder.memory[0]), decoder.variant.address_mask
    *without, mxcsr, vectors = _fxsave_area(decoder.variant, kind)

    def spans(registers: Registers) -> tuple[Span, ...]:
        accesses = list(without)
        if registers["cr4"] & FAST_SAVE_AND_RESTORE:
            accesses.append(mxcsr)
            efer = registers["efer"]
            is_fast = efer & FAST_FXSAVE and efer & LONG_MODE_ACTIVE and not privilege_level(registers)
            accesses += () if is_fast else (vectors,)
        address = address_of(registers)
        return tuple(Span(kind, (address + offset) & mask, size) for kind, offset, size in accesses)

    return spans


# --- Registers that no operand names ----------------------------------------------------------------------------------

# These have to do with the control and status words only.
_X87_CONTROL = frozenset(("fnop", "fnclex", "fnstsw", "fnstcw", "fldcw", "fdisi8087_nop", "feni8087_nop", "fsetpm"))
_X87_WORDS = ("fctrl", "fstat", "ftag")
_X87_POINTERS = ("fiseg", "fioff", "foseg", "fooff", "fop")

# SSE and AVX arithmetic: exceptions and rounding (SDM vol. 2, "SIMD Floating-Point Exceptions").
_USES_MXCSR = re.compile(
    r"v?((add|sub|mul|div|sqrt|min|max|cmp|addsub|hadd|hsub|round|dp)[ps][sd]|u?comis[sd]|cvt\w+)|vfn?m\w+|"
    r"(ld|st)mxcsr|v(ld|st)mxcsr"
)
_BRANCH = re.compile(r"l?jmp|j\w+|loop(e|ne)?|l?call|ret(f|fq)?|iret[dq]?")
_EXTENDED_STATE = re.compile(r"(fxsave|fxrstor|xsave\w*|xrstor\w*?)(64)?")


def _implied_by(decoder: _Decoder) -> tuple[str, ...]:
    """Operand registers that an instruction may read or write without capstone's naming them."""
    variant, name = decoder.variant, decoder.name
    implied = [
        *_IMPLIED_VECTORS.get(name, ()),
        *(variant.letter + register for register in _IMPLIED_GENERAL.get(name, ())),
        *_implied_segment_bases(decoder),
        *_implied_float(decoder),
    ]
    if _EXTENDED_STATE.fullmatch(name):
        implied += (*X87_STACK, *_X87_WORDS, *_X87_POINTERS, *variant.vectors, "mxcsr")
    elif name in ("vzeroall", "vzeroupper"):
        implied += variant.vectors
    elif _USES_MXCSR.fullmatch(name) and not _is_string(decoder):
        implied.append("mxcsr")
    if name in ("push", "pop", "call", "lcall", *PUSHES_FLAGS, *POPS_FLAGS):
        implied.append(variant.letter + "sp")
    if name in ("lds", "les", "lss", "lfs", "lgs"):
        implied.append(name[1:])
    if name in ("lcall", "ljmp", *RETURN_FAR, *INTERRUPT_RETURN) or _is_far(decoder):
        implied.append("cs")
    if _BRANCH.fullmatch(name):
        implied.append(variant.letter + "ip")
    if _is_system_call(decoder):
        implied.append(variant.letter + "ax")
    if name == "syscall" and variant.is_long:
        implied += ("rcx", "r11")
    return tuple(dict.fromkeys(implied))


# Implicit registers that capstone 5 leaves out, without their width letter.
_IMPLIED_GENERAL: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("aaa", "aas", "aam", "aad", "daa", "das"), ("ax",)),
    "enter": ("sp", "bp"),
    "retf": ("sp",),
    "retfq": ("sp",),
    "iret": ("sp",),
    "iretd": ("sp",),
    "iretq": ("sp",),
    "xlatb": ("ax", "bx"),
    "rdpkru": ("ax", "dx"),
    "pcmpestri": ("cx",),
    "pcmpistri": ("cx",),
    "vpcmpestri": ("cx",),
    "vpcmpistri": ("cx",),
}
_IMPLIED_VECTORS: Mapping[str, tuple[str, ...]] = dict.fromkeys(
    ("blendvps", "blendvpd", "pblendvb", "sha256rnds2", "pcmpestrm", "pcmpistrm", "vpcmpestrm", "vpcmpistrm"), ("xmm0",)
)


def _implied_segment_bases(decoder: _Decoder) -> list[str]:
    """The base of a segment that an address uses, or that an instruction loads."""
    name, found = decoder.name, []
    for segment, letter in ((cs.X86_REG_FS, "f"), (cs.X86_REG_GS, "g")):
        loads = name == f"l{letter}s" or (_loads_segment(decoder) and decoder.operands[0].reg == segment)
        prefixed = decoder.instruction.prefix[1] == (0x64 if letter == "f" else 0x65)
        if loads or prefixed or name in (f"rd{letter}sbase", f"wr{letter}sbase"):
            found.append(f"{letter}s_base")
    return found


def _implied_float(decoder: _Decoder) -> tuple[str, ...]:
    """x87 and MMX registers."""
    name, name_of = decoder.name, decoder.instruction.reg_name
    if name in ("emms", "femms"):
        return ("fstat", "ftag")
    if any(operand.type == cs.X86_OP_REG and name_of(operand.reg).startswith("mm") for operand in decoder.operands):
        return (*X87_STACK, "fstat", "ftag")
    if name == "wait":
        return ("fstat", "fctrl")
    if not name.startswith("f") or _EXTENDED_STATE.fullmatch(name):
        return ()
    if name in ("fnstenv", "fldenv", "fnsave", "frstor"):
        return (*X87_STACK, *_X87_WORDS, *_X87_POINTERS)
    if name in _X87_CONTROL:
        return ("fctrl", "fstat")
    return (*X87_STACK, *_X87_WORDS)


# --- Architectures ----------------------------------------------------------------------------------------------------


def _undecoded(variant: Variant, data: bytes) -> Behaviour:
    """What capstone does not decode and QEMU may execute.

    Measured under the oracle on 7.2's x86-64, each opcode of the legacy maps with no prefix, 66, F2 and F3 and one
    register for its operand (of x87 all): aliases of x87 that Intel does not document, reserved no-operations, and
    prefixes that have no meaning there. The oracle saw none of them touch memory. Other fields of ModRM, VEX and
    32-bit mode were not tried.
    """
    encoding = encoding_of(data, variant.code_bits)
    if encoding.opcode_map == 1 and encoding.opcode in RESERVED_NOPS:
        return Behaviour()
    is_x87 = encoding.opcode_map == 0 and 0xD8 <= encoding.opcode <= 0xDF
    return Behaviour(
        implied=(*X87_STACK, *_X87_WORDS) if is_x87 else (*X87_STACK, *_X87_WORDS, *variant.vectors, "mxcsr"),
        spans_known=not encoding.has_memory,
    )


RESERVED_NOPS = range(0x18, 0x20)
"""After 0F; those with a meaning of their own are of MPX and CET, which user mode has not switched on."""


def _behaviour_of(variant: Variant) -> Callable[[Disassembled], Behaviour]:
    def behaviour_of(disassembled: Disassembled) -> Behaviour:
        instruction = disassembled.capstone
        if not isinstance(instruction, capstone.CsInsn):
            return _undecoded(variant, disassembled.data)
        decoder = _Decoder(variant, instruction)
        is_string = _is_string(decoder)
        return Behaviour(
            rule=_rule_of(decoder, is_string),
            spans=_spans_of(decoder, is_string),
            implied=_implied_by(decoder),
            spans_known=_are_spans_known(decoder),
            always_traps=_is_breakpoint(decoder),
            traps_behind=_is_breakpoint(decoder),
        )

    return behaviour_of


def _is_masked(decoder: _Decoder) -> bool:
    """AVX-512: an opmask register says which elements are accessed (SDM vol. 2, 2.7.1: EVEX.aaa)."""
    code = decoder.instruction.bytes
    while code and code[0] in LEGACY_PREFIXES:
        code = code[1:]
    return bool(decoder.name.startswith("v") and code[0] == 0x62 and code[3] & 7)


def _may_jump_to_itself(decoder: _Decoder) -> bool:
    """What is not told from a step that did not begin: a far jump to itself is taken for one."""
    if not decoder.name.startswith("j"):
        return False
    target = decoder.operands[0]
    return bool(target.type != cs.X86_OP_IMM or target.imm == decoder.instruction.address)


def _behaviour_of_machine(variants: Sequence[Variant]) -> Callable[[Disassembled], Behaviour]:
    behaviours: dict[str | None, tuple[Variant, Callable[[Disassembled], Behaviour]]]
    behaviours = {MODE_NAMES[variant.code_bits]: (variant, _behaviour_of(variant)) for variant in variants}

    def behaviour_of(disassembled: Disassembled) -> Behaviour:
        variant, ordinary = behaviours[disassembled.mode.name]
        instruction = disassembled.capstone
        if not isinstance(instruction, capstone.CsInsn):
            return ordinary(disassembled)
        decoder = _Decoder(variant, instruction)
        return replace(
            ordinary(disassembled),
            is_system=decoder.name in _IS_SYSTEM or _moves_to(decoder, _TRANSLATING),
            reloads=decoder.name in _RELOADS or _moves_to(decoder, SEGMENTS) or _is_far(decoder),
            rearranges=_rearranges(decoder),
            may_stay=_may_jump_to_itself(decoder),
        )

    return behaviour_of


_HIGH_BYTE = re.compile(r"\b[abcd]h\b")


def _moves(disassembled: Disassembled) -> bool:
    """``mov``, ``movzx`` and ``movsx`` of anything but the second byte of a register."""
    return disassembled.mnemonic in ("mov", "movzx", "movsx") and not _HIGH_BYTE.search(disassembled.operand_text)


def _aliases(variant: Variant) -> dict[str, tuple[str, ...]]:
    """Every register name of capstone -> operand registers."""
    aliases: dict[str, tuple[str, ...]] = {}
    letter = variant.letter
    for name in "abcd":
        spellings = (f"r{name}x", f"e{name}x", f"{name}x", f"{name}l", f"{name}h")
        aliases |= dict.fromkeys(spellings, (f"{letter}{name}x",))
    for name in ("si", "di", "bp", "sp"):
        aliases |= dict.fromkeys((f"r{name}", f"e{name}", name, f"{name}l"), (letter + name,))
    for i in range(8, 16):
        whole = (f"r{i}",) if f"r{i}" in variant.general else ()
        aliases |= dict.fromkeys((f"r{i}", f"r{i}d", f"r{i}w", f"r{i}b"), whole)
    aliases |= dict.fromkeys(("rip", "eip", "ip"), (f"{letter}ip",))
    aliases |= dict.fromkeys(("rflags", "eflags", "flags"), ("eflags" if variant.bits == 32 else "rflags",))
    aliases |= dict.fromkeys(("riz", "eiz"), ())
    for i in range(32):
        whole = (f"xmm{i}",) if f"xmm{i}" in variant.vectors else ()
        aliases |= dict.fromkeys((f"xmm{i}", f"ymm{i}", f"zmm{i}"), whole)
    for i in range(8):
        aliases |= dict.fromkeys((f"st({i})", f"fp{i}", f"mm{i}"), (f"st{i}",))
        aliases[f"k{i}"] = ()
    aliases["fpsw"] = ("fstat",)
    for i in range(16):
        aliases[f"cr{i}"] = (f"cr{i}",) if i in (0, 2, 3, 4, 8) else ()
        aliases[f"dr{i}"] = ()
    aliases |= {f"bnd{i}": () for i in range(4)}
    return aliases


_ALIASES: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    variant.bits: _aliases(variant) for variant in (I386_VARIANT, X86_64_VARIANT)
}


def _registers(variant: Variant) -> tuple[Register, ...]:
    bits = variant.bits
    segment_bits = 16 if bits == 32 else 64  # as rizin's profiles have them; the stub sends 32
    bases = Group.SYSTEM if variant.implied_segment_bases else Group.CONTROL
    return (
        *(Register(name, bits) for name in variant.general),
        Register(f"{variant.letter}ip", bits, Group.CONTROL),
        *(Register(name, segment_bits, Group.CONTROL) for name in ("cs", "ss", "ds", "es", "fs", "gs")),
        *(Register(name, bits, bases) for name in ("fs_base", "gs_base") if bases is Group.CONTROL),
        # rizin's 64-bit profile has rflags at 64 bits.
        Register("eflags" if bits == 32 else "rflags", bits, Group.STATUS, "eflags"),
        *(Register(name, 80, Group.FLOAT) for name in X87_STACK),
        *(
            Register(name, 32, Group.FLOAT)
            for name in ("fctrl", "fstat", "ftag", "fiseg", "fioff", "foseg", "fooff", "fop")
        ),
        *(Register(name, 128, Group.VECTOR) for name in variant.vectors),
        Register("mxcsr", 32, Group.VECTOR),
        *(Register(name, bits, bases) for name in ("fs_base", "gs_base") if bases is Group.SYSTEM),
        *(Register(name, bits, Group.SYSTEM) for name in ("k_gs_base", "cr0", "cr2", "cr3", "cr4", "cr8", "efer")),
    )


_CAPSTONE_MODES: Mapping[Literal[16, 32, 64], int] = {
    16: capstone.CS_MODE_16,
    32: capstone.CS_MODE_32,
    64: capstone.CS_MODE_64,
}


def _mode(variant: Variant, name: str | None) -> Mode:
    bits = variant.code_bits
    sizes = tuple(range(1, LONGEST + 1))
    return Mode(name, capstone.CS_ARCH_X86, _CAPSTONE_MODES[bits], sizes, lambda data: size_of(data, bits))


def _arch(
    variant: Variant,
    name: str,
    elf_machine: str,
    frame_machine: int,
    gdb_architecture: str,
    system_calls: SystemCalls,
) -> Arch:
    return Arch(
        name=name,
        bits=variant.bits,
        byte_order="little",
        elf=ElfIdentity(elf_machine, variant.bits, "little"),
        frame_architecture=9,
        frame_machine=frame_machine,
        pc=f"{variant.letter}ip",
        sp=f"{variant.letter}sp",
        registers=_registers(variant),
        modes=(_mode(variant, None),),
        branch_of=branches.x86,
        nondeterministic=nondeterminism.X86,
        undefined=undefined.x86(f"{variant.letter}flags"),
        behaviour_of=_behaviour_of(variant),
        system_calls=system_calls,
        aliases=_ALIASES[variant.bits],
        moves=_moves,
        gdb_architecture=gdb_architecture,
        fault_address="cr2",
        unknown_operands="256-bit gathers and masked stores: QEMU's stub does not have the upper halves of their masks "
        "and indices; the descriptor table, when a segment register is loaded",
    )


I386 = _arch(
    I386_VARIANT,
    name="i386",
    elf_machine="EM_386",
    frame_machine=1,
    gdb_architecture="i386",
    system_calls=SystemCalls(
        number="eax",
        result="eax",
        arguments=("ebx", "ecx", "edx", "esi", "edi", "ebp"),
        names={**I386_CALLS, 238: "tkill", 270: "tgkill", 305: "readlinkat", 355: "getrandom", 358: "execveat"},
    ),
)

X86_64 = _arch(
    X86_64_VARIANT,
    name="x86_64",
    elf_machine="EM_X86_64",
    frame_machine=64,
    gdb_architecture="i386:x86-64",
    system_calls=SystemCalls(
        number="rax",
        result="rax",
        arguments=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
        names={
            9: "mmap",
            13: "rt_sigaction",
            15: "rt_sigreturn",
            56: "clone",
            59: "execve",
            62: "kill",
            89: "readlink",
            200: "tkill",
            234: "tgkill",
            267: "readlinkat",
            318: "getrandom",
            322: "execveat",
        },
    ),
)


def _machine(program: Arch, long_variant: Variant) -> Arch:
    """The architecture of a program as firmware sees it.

    :param long_variant: of the widest mode.
    """
    variants = {
        bits: replace(long_variant, code_bits=bits, is_machine=True)
        for bits in _CAPSTONE_MODES
        if bits <= long_variant.bits
    }
    modes = {bits: _mode(variant, MODE_NAMES[bits]) for bits, variant in variants.items()}

    def mode_of(registers: Registers) -> Mode:
        return modes[code_bits(registers)]

    return replace(
        program,
        # The address space is in every frame.
        registers=tuple(
            replace(register, group=Group.CONTROL) if register.name == "cr3" else register
            for register in program.registers
        ),
        modes=tuple(modes.values()),
        mode_of=mode_of,
        behaviour_of=_behaviour_of_machine(tuple(variants.values())),
        system=system_level(long_variant.bits),
        unknown_operands="what XSAVE and XRSTOR touch: it depends on XCR0, which QEMU does not show; the stack and the "
        "task's state, at call and task gates",
    )


I386_MACHINE = _machine(I386, I386_VARIANT)
X86_64_MACHINE = _machine(X86_64, X86_64_VARIANT)


def _processor(program: Arch, variant: Variant) -> Arch:
    """The architecture of a program that a processor runs itself."""
    return replace(
        program,
        behaviour_of=_behaviour_of(replace(variant, is_processor=True)),
        unknown_operands="256-bit gathers and masked stores; AVX-512 with a mask; what XSAVE and XRSTOR touch; the "
        "descriptor table, when a segment register is loaded",
    )


I386_PROCESSOR = _processor(I386, I386_VARIANT)
X86_64_PROCESSOR = _processor(X86_64, X86_64_VARIANT)
