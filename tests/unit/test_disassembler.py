"""Cutting one instruction off a run of bytes, and the registers that it names."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import at_and_t_text, disassemble, moved_operand, named_registers, size_of_undecoded
from gdbtrace.arch.model import Mode
from gdbtrace.arch.registry import ARCHITECTURES


def mode_of(name: str) -> Mode:
    """``arch`` or, of one with several, ``arch/mode``."""
    arch, _, mode = name.partition("/")
    modes = ARCHITECTURES[arch].modes
    return next(found for found in modes if found.name == mode) if mode else modes[0]


def code(text: str) -> bytes:
    return bytes.fromhex(text)


# -- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "data", "size"),
    [
        ("sparc64", "01000000 01000000", 4),  # nop
        ("mips", "00000000 00000000", 4),
        ("riscv64", "0100 13000000", 2),  # c.nop
        ("riscv64", "13000000 0100", 4),  # nop
        ("s390x", "0707 0707 0707", 2),  # nopr
        ("s390x", "a7f40002 0707", 4),  # j .+4
        ("s390x", "c00000000000 0707", 6),  # larl
        ("arm/arm:a32", "0000a0e1 00bf", 4),  # nop
        ("arm/arm:t32", "00bf 00bf 00bf", 2),  # nop
        ("arm/arm:t32", "aff30080 00bf", 4),  # nop.w
        ("x86_64", "90 90", 1),
        ("x86_64", "48b8 1122334455667788 90", 10),  # movabs
        ("i386", "666690 90", 3),
        ("ppc64", "60000000 60000000", 4),
    ],
)
def test_one_instruction_is_cut_off(mode: str, data: str, size: int) -> None:
    disassembled = disassemble(code(data), 0x1000, mode_of(mode))
    assert disassembled.mnemonic
    assert disassembled.data == code(data)[:size]


@pytest.mark.parametrize(
    ("mode", "data", "size"),
    [
        # s390x: the top two bits of the first byte.
        ("s390x", "0000 ffffffffffff", 2),
        ("s390x", "3fff ffffffffffff", 2),
        ("s390x", "40ff ffffffffffff", 4),
        ("s390x", "80ff ffffffffffff", 4),
        ("s390x", "bfff ffffffffffff", 4),
        ("s390x", "c0ff ffffffffffff", 6),
        ("s390x", "ffff ffffffffffff", 6),
        # RISC-V: the bottom two bits of the first byte.
        ("riscv64", "0000 ffffffff", 2),
        ("riscv64", "01ff ffffffff", 2),
        ("riscv64", "feff ffffffff", 2),
        ("riscv64", "ffff ffffffff", 4),
        ("riscv64", "0b00 00000000", 4),
        # T32: the top five bits of the first halfword, which is little-endian.
        ("arm/arm:t32", "00de 0000 0000", 2),
        ("arm/arm:t32", "ffe7 0000 0000", 2),
        ("arm/arm:t32", "00e8 0000 0000", 4),
        ("arm/arm:t32", "00f0 0000 0000", 4),
        ("arm/arm:t32", "fff8 0000 0000", 4),
        ("arm/arm:t32", "ffff ffff ffff", 4),
        # Power: primary opcode 1 in the first word, which is big-endian or little-endian.
        ("ppc64", "07ffffff ffffffff", 8),
        ("ppc64", "04000000 00000000", 8),
        ("ppc64", "00000000 00000000", 4),
        ("ppc64", "08000000 00000000", 4),
        ("ppc64", "ffffff07 ffffffff", 4),
        ("ppc64le", "ffffff07 ffffffff", 8),
        ("ppc64le", "00000004 00000000", 8),
        ("ppc64le", "07ffff00 ffffffff", 4),
        # The rest: the smallest there is.
        ("arm/arm:a32", "ffffffff ffffffff", 4),
        ("sparc64", "ffffffff ffffffff", 4),
        ("mips", "ffffffff ffffffff", 4),
        ("x86_64", "06 06", 1),
    ],
)
def test_encoding_says_the_size_of_what_cannot_be_decoded(mode: str, data: str, size: int) -> None:
    assert size_of_undecoded(code(data), mode_of(mode)) == size


@pytest.mark.parametrize(
    ("mode", "data", "size"),
    [
        ("s390x", "0000 0707 0707", 2),
        ("s390x", "ffffffffffff 0707", 6),
        ("riscv64", "ffffffff 0100", 4),
        ("arm/arm:t32", "ffffffff 00bf", 4),
        ("ppc64", "07ffffff ffffffff 60000000", 8),
        ("ppc64", "00000000 60000000", 4),
        ("arm/arm:a32", "ffffffff 0000a0e1", 4),
        ("x86_64", "06 90", 1),
    ],
)
def test_undecodable_bytes_are_an_instruction_without_a_mnemonic(mode: str, data: str, size: int) -> None:
    found = disassemble(code(data), 0x1000, mode_of(mode))
    assert found.data == code(data)[:size]
    assert (found.mnemonic, found.capstone) == ("", None)
    assert found.text == f".byte 0x{found.data.hex()}"


@pytest.mark.parametrize(
    ("mode", "data"), [("s390x", "ffff"), ("riscv64", "ffff"), ("arm/arm:t32", "fff8"), ("ppc64", "07ffffff")]
)
def test_instruction_cut_short_by_the_end_of_memory_is_what_is_there(mode: str, data: str) -> None:
    assert disassemble(code(data), 0x1000, mode_of(mode)).data == code(data)


def test_text_is_the_disassemblers() -> None:
    assert disassemble(code("8e020004"), 0x1000, mode_of("mips")).text == "lw $v0, 4($s0)"


def test_branch_target_depends_on_the_address() -> None:
    assert disassemble(code("10000001"), 0x1000, mode_of("mips")).text == "b 0x1008"


# -- registers -----------------------------------------------------------------------------------------------------


def named(name: str, data: str) -> tuple[str, ...]:
    arch = ARCHITECTURES[name.partition("/")[0]]
    return named_registers(arch, disassemble(code(data), 0x1000, mode_of(name)))


@pytest.mark.parametrize(
    ("arch", "data", "expected"),
    [
        ("mips", "8e020004", {"v0", "s0"}),  # lw v0, 4(s0)
        ("mips", "03c0f025", {"fp"}),  # move s8, s8: not as capstone and the stub name it
        ("mips", "46020000", {"f0", "f2"}),  # add.s f0, f0, f2
        ("sparc64", "86004001", {"g3", "g1"}),  # add %g1, %g1, %g3
        ("ppc", "7c221a14", {"r1", "r2", "r3"}),  # add r1, r2, r3
        ("ppc", "7c0802a6", {"r0", "LR"}),  # mflr r0
        ("aarch64", "2000028b", {"x0", "x1", "x2"}),  # add x0, x1, x2
        ("aarch64", "2000020b", {"x0", "x1", "x2"}),  # add w0, w1, w2: the same registers
        ("aarch64", "e00340f9", {"x0", "sp"}),  # ldr x0, [sp]
        ("arm/arm:a32", "020091e7", {"r0", "r1", "r2"}),  # ldr r0, [r1, r2]
        ("x86_64", "488b04cb", {"rax", "rbx", "rcx"}),  # mov rax, [rbx+rcx*8]
        ("x86_64", "88c4", {"rax"}),  # mov ah, al
        ("riscv64", "33855500", {"a0", "a1", "t0"}),  # add a0, a1, t0
        ("s390x", "1a12", {"r1", "r2"}),  # ar r1, r2
    ],
)
def test_operands_are_named_as_the_trace_names_them(arch: str, data: str, expected: set[str]) -> None:
    assert expected <= set(named(arch, data))
    known = {register.name for register in ARCHITECTURES[arch.partition("/")[0]].registers}
    assert set(named(arch, data)) <= known


def test_implied_registers_are_named_where_capstone_knows() -> None:
    assert {"rax", "rdx", "rcx"} <= set(named("x86_64", "48f7e1"))  # mul rcx


@pytest.mark.parametrize(("arch", "data"), [("mips", "8e020004"), ("x86_64", "4801c0"), ("sparc64", "86004001")])
def test_no_register_is_named_twice(arch: str, data: str) -> None:
    names = named(arch, data)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("arch", "data"), [("s390x", "0000"), ("riscv64", "ffffffff"), ("ppc64", "00000000"), ("x86_64", "06")]
)
def test_undecodable_bytes_name_nothing(arch: str, data: str) -> None:
    assert named(arch, data) == ()


@pytest.mark.parametrize(
    ("arch", "data", "moved"),
    [
        ("riscv64", "03a54500", "a0"),  # lw a0, 4(a1)
        ("riscv64", "88c1", "a0"),  # c.sw a0, 0(a1)
        ("riscv64", "2fa0b500", None),  # amoadd.w zero, a1, (a1)
        ("aarch64", "1f0000b9", "wzr"),  # str wzr, [x0]
        ("aarch64", "200440a9", None),  # ldp x0, x1, [x1]
        ("ppc", "7c64292e", "r3"),  # stwx r3, r4, r5
        ("ppc", "7c642d2c", None),  # stwbrx r3, r4, r5
        ("i386", "8b03", "eax"),  # mov eax, [ebx]
        ("i386", "8823", None),  # mov [ebx], ah
        ("i386", "0303", None),  # add eax, [ebx]
        ("i386", "c70378563412", 0x12345678),  # mov dword [ebx], 0x12345678
        ("mips", "88430000", None),  # lwl $v1, ($v0)
        ("s390x", "58102000", None),  # l %r1, 0(%r2)
    ],
)
def test_operand_that_is_moved_as_it_is(arch: str, data: str, moved: str | int | None) -> None:
    assert moved_operand(ARCHITECTURES[arch], disassemble(code(data), 0x1000, mode_of(arch))) == moved


@pytest.mark.parametrize(
    ("code", "text"),
    [
        # What QEMU 7.2's execlog prints of them.
        ("48c7c0ffffffff", "movq $-1, %rax"),
        ("48c7c3f0ffffff", "movq $-0x10, %rbx"),
        ("48c7c100000090", "movq $-0x70000000, %rcx"),
        ("48c70424ffffffff", "movq $-1, (%rsp)"),
        ("48ba157c4a7fb979379e", "movabsq $0x9e3779b97f4a7c15, %rdx"),
        ("48ba0900000000000000", "movabsq $9, %rdx"),
        ("4883e4f0", "andq $0xfffffffffffffff0, %rsp"),
        ("c70424ffffffff", "movl $0xffffffff, (%rsp)"),
    ],
)
def test_at_and_t_writes_negative_numbers_as_qemu_does(code: str, text: str) -> None:
    assert at_and_t_text(bytes.fromhex(code), 0, mode_of("x86_64")) == text
