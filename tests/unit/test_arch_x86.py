"""x86: how an instruction is stepped and which memory it touches, by its bytes (encodings from GNU as)."""

from __future__ import annotations

import capstone
import pytest

from gdbtrace.arch.disassembler import disassemble, named_registers
from gdbtrace.arch.model import AccessKind, Arch, Behaviour, Disassembled, Span, StepRule
from gdbtrace.arch.x86 import I386, X86_64

L, S = AccessKind.LOAD, AccessKind.STORE
PC = 0x1000

Spans = list[tuple[AccessKind, int, int]]


class State(dict[str, int]):
    """Registers at a stop, and eight bytes of memory that are the same wherever they are read."""

    memory = bytes(8)

    def read_memory(self, address: int, size: int, /) -> bytes:
        return self.memory[:size]


VALUES = {
    "ax": 0x11,
    "bx": 0x8000,
    "cx": 3,
    "dx": 0,
    "sp": 0xC000,
    "bp": 0x9000,
    "si": 0x5000,
    "di": 0x6000,
}
SYSTEM = {"eflags": 0x202, "fs_base": 0x7_0000, "gs_base": 0xF_0000}
# Lanes 1 and 3 of xmm0 have their top bit set, and bytes 7 and 15 with them.
VECTORS = {"xmm0": 0x80000001_00000002_80000003_00000004, "xmm1": 0x00000010_00000000_FFFFFFF0_00000000}


def state(arch: Arch, **changes: int) -> State:
    letter = "r" if arch.bits == 64 else "e"
    base = {letter + name: value for name, value in VALUES.items()}
    extended = {f"r{i}": i << 12 for i in range(8, 16)} if arch.bits == 64 else {}
    registers = State(base | extended | SYSTEM | VECTORS | {"cs": 0x33, "st1": 0x80_00_00_00_00_00_00_80})
    return State(registers | {(letter + name if name in VALUES else name): value for name, value in changes.items()})


def decoded(arch: Arch, code: str) -> Disassembled:
    return disassemble(bytes.fromhex(code), PC, arch.modes[0])


def behaviour(arch: Arch, code: str) -> Behaviour:
    return arch.behaviour_of(decoded(arch, code))


def spans(arch: Arch, code: str, **changes: int) -> Spans:
    function = behaviour(arch, code).spans
    return [(kind, address, size) for kind, address, size in function(state(arch, **changes))] if function else []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("488b4310", [(L, 0x8010, 8)]),  # mov rax, [rbx+0x10]
        ("48894c83f0", [(S, 0x8034, 8)]),  # mov [rbx+rax*4-0x10], rcx
        ("8b0510000000", [(L, 0x1016, 4)]),  # mov eax, [rip+0x10]: from the end of the instruction
        ("c7051000000001000000", [(S, 0x101A, 4)]),  # mov dword [rip+0x10], 1
        ("8b042500000080", [(L, 0xFFFFFFFF80000000, 4)]),  # mov eax, [-0x80000000]
        ("678b4310", [(L, 0x8010, 4)]),  # mov eax, [ebx+0x10]
        ("64488b042528000000", [(L, 0x70028, 8)]),  # mov rax, fs:[0x28]
        ("64488b0425f8ffffff", [(L, 0x6FFF8, 8)]),  # mov rax, fs:[-8]
        ("65678b03", [(L, 0xF8000, 4)]),  # mov eax, gs:[ebx]
        ("36488b03", [(L, 0x8000, 8)]),  # mov rax, ss:[rbx]: a prefix without effect
        ("48a188776655443322 11", [(L, 0x1122334455667788, 8)]),  # movabs rax, [0x1122334455667788]
        ("490fa308", [(L, 0x8000, 8)]),  # bt [r8], rcx
        ("488d4310", []),  # lea rax, [rbx+0x10]
        ("0f1f4310", []),  # nop [rbx+0x10]
        ("0f180b", []),  # prefetcht0 [rbx]
        ("0fae3b", []),  # clflush [rbx]
        ("f30f1b03", []),  # bndmk bnd0, [rbx]
    ],
)
def test_addresses(code: str, expected: Spans) -> None:
    assert spans(X86_64, code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("678b4310", [(L, 0xF010, 4)]),  # mov eax, [bp+di+0x10]
        ("678b00", [(L, 0xD000, 4)]),  # mov eax, [bx+si]
        ("67a13492", [(L, 0x9234, 4)]),  # mov eax, [0x9234]
        ("65a114000000", [(L, 0xF0014, 4)]),  # mov eax, gs:[0x14]
        ("658b83f0ffffff", [(L, 0xF7FF0, 4)]),  # mov eax, gs:[ebx-0x10]
        ("8b04451000 0080", [(L, 0x80000032, 4)]),  # mov eax, [eax*2+0x80000010]
    ],
)
def test_addresses_of_i386(code: str, expected: Spans) -> None:
    assert spans(I386, code) == expected


def test_addresses_wrap() -> None:
    assert spans(I386, "8b4310", bx=0xFFFFFFF8) == [(L, 8, 4)]
    assert spans(X86_64, "678b4310", bx=0x1_FFFFFFF8) == [(L, 8, 4)]
    assert spans(X86_64, "8b4310", bx=0xFFFFFFFFFFFFFFF8) == [(L, 8, 4)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0103", [(L, 4), (S, 4)]),  # add [rbx], eax
        ("0303", [(L, 4)]),  # add eax, [rbx]
        ("3903", [(L, 4)]),  # cmp [rbx], eax
        ("8503", [(L, 4)]),  # test [rbx], eax, of which capstone knows no access
        ("c02301", [(L, 1), (S, 1)]),  # shl byte [rbx], 1
        ("f0480fc103", [(L, 8), (S, 8)]),  # lock xadd [rbx], rax
        ("8703", [(L, 4), (S, 4)]),  # xchg [rbx], eax
        ("f00fb10b", [(L, 4), (S, 4)]),  # lock cmpxchg [rbx], ecx: stores on a mismatch too
        ("480fc70b", [(L, 16), (S, 16)]),  # cmpxchg16b [rbx]
        ("0f9403", [(S, 1)]),  # sete [rbx]
        ("0fc303", [(S, 4)]),  # movnti [rbx], eax
        ("0f38f103", [(S, 4)]),  # movbe [rbx], eax
        ("66480fbc03", [(L, 8)]),  # bsf rax, [rbx] with a useless 66
        ("8c23", [(S, 2)]),  # mov [rbx], fs
        ("0f0103", [(S, 10)]),  # sgdt [rbx]
        ("f30f1003", [(L, 4)]),  # movss xmm0, [rbx]
        ("f20f1103", [(S, 8)]),  # movsd [rbx], xmm0
        ("0f1703", [(S, 8)]),  # movhps [rbx], xmm0
        ("0f2903", [(S, 16)]),  # movaps [rbx], xmm0
        ("660f3a160301", [(S, 4)]),  # pextrd [rbx], xmm0, 1
        ("660f3a200301", [(L, 1)]),  # pinsrb xmm0, [rbx], 1
        ("660f3a0b0301", [(L, 8)]),  # roundsd xmm0, [rbx], 1, of which capstone knows no access
        ("660f2f03", [(L, 8)]),  # comisd xmm0, [rbx]: not 16
        ("f20f5a03", [(L, 8)]),  # cvtsd2ss xmm0, [rbx]
        ("c5fe7f03", [(S, 32)]),  # vmovdqu [rbx], ymm0
        ("c4e37d190301", [(S, 16)]),  # vextractf128 [rbx], ymm0, 1
        ("c4e27d5a03", [(L, 16)]),  # vbroadcasti128 ymm0, [rbx]
        ("c4e3791d0300", [(S, 8)]),  # vcvtps2ph [rbx], xmm0, 0
        ("c4e27918 03", [(L, 4)]),  # vbroadcastss xmm0, [rbx]
        # Wider than the manual, as QEMU does it:
        ("0f6003", [(L, 8)]),  # punpcklbw mm0, [rbx]
        ("f30fe603", [(L, 16)]),  # cvtdq2pd xmm0, [rbx]
        ("c4e2f99903", [(L, 16)]),  # vfmadd132sd xmm0, xmm0, [rbx]
        ("c5fdd103", [(L, 32)]),  # vpsrlw ymm0, ymm0, [rbx]
        # x87
        ("d903", [(L, 4)]),  # fld dword [rbx]
        ("db2b", [(L, 10)]),  # fld tbyte [rbx]
        ("db3b", [(S, 10)]),  # fstp tbyte [rbx]
        ("df23", [(L, 10)]),  # fbld [rbx]
        ("df33", [(S, 10)]),  # fbstp [rbx]
        ("df3b", [(S, 8)]),  # fistp qword [rbx]
        ("de03", [(L, 2)]),  # fiadd word [rbx]
        ("d93b", [(S, 2)]),  # fnstcw [rbx]
        ("d933", [(S, 28)]),  # fnstenv [rbx]
        ("0fae1b", [(S, 4)]),  # stmxcsr [rbx]
    ],
)
def test_directions_and_sizes(code: str, expected: list[tuple[AccessKind, int]]) -> None:
    assert spans(X86_64, code) == [(kind, 0x8000, size) for kind, size in expected]


@pytest.mark.parametrize(
    ("arch", "code", "expected"),
    [
        (X86_64, "50", [(S, 0xBFF8, 8)]),  # push rax
        (X86_64, "6650", [(S, 0xBFFE, 2)]),  # push ax
        (X86_64, "6a01", [(S, 0xBFF8, 8)]),  # push 1
        (X86_64, "0fa0", [(S, 0xBFF8, 8)]),  # push fs
        (X86_64, "ff33", [(L, 0x8000, 8), (S, 0xBFF8, 8)]),  # push [rbx]
        (X86_64, "ff742408", [(L, 0xC008, 8), (S, 0xBFF8, 8)]),  # push [rsp+8]
        (X86_64, "8f442408", [(L, 0xC000, 8), (S, 0xC010, 8)]),  # pop [rsp+8]: after rsp has moved
        (X86_64, "e800000000", [(S, 0xBFF8, 8)]),  # call
        (X86_64, "ff13", [(L, 0x8000, 8), (S, 0xBFF8, 8)]),  # call [rbx]
        (X86_64, "ff1b", [(L, 0x8000, 6), (S, 0xBFF8, 8)]),  # call far [rbx]
        (X86_64, "48ff2b", [(L, 0x8000, 10)]),  # jmp far [rbx], REX.W
        (X86_64, "ff23", [(L, 0x8000, 8)]),  # jmp [rbx]
        (X86_64, "f2c3", [(L, 0xC000, 8)]),  # bnd ret
        (X86_64, "cb", [(L, 0xC000, 8)]),  # retf: 32 bits wide
        (X86_64, "48cf", [(L, 0xC000, 40)]),  # iretq
        (X86_64, "9c", [(S, 0xBFF8, 8)]),  # pushfq
        (X86_64, "c9", [(L, 0x9000, 8)]),  # leave
        (X86_64, "c8100000", [(S, 0xBFF8, 8)]),  # enter 16, 0
        (
            X86_64,
            "c8100003",  # enter 16, 3: two enclosing frames are copied
            [(L, 0x8FF8, 8), (L, 0x8FF0, 8), (S, 0xBFF8, 8), (S, 0xBFF0, 8), (S, 0xBFE8, 8), (S, 0xBFE0, 8)],
        ),
        (I386, "50", [(S, 0xBFFC, 4)]),  # push eax
        (I386, "1e", [(S, 0xBFFC, 4)]),  # push ds
        (I386, "60", [(S, 0xBFE0, 32)]),  # pusha
        (I386, "61", [(L, 0xC000, 12), (L, 0xC010, 16)]),  # popa: not the slot of esp
        (I386, "cf", [(L, 0xC000, 12)]),  # iret
        (I386, "8f0424", [(L, 0xC000, 4), (S, 0xC004, 4)]),  # pop [esp]
        (I386, "9a112233441100", [(S, 0xBFF8, 8)]),  # lcall 0x11:0x44332211
        (I386, "c533", [(L, 0x8000, 6)]),  # lds esi, [ebx]
        (I386, "6203", [(L, 0x8000, 8)]),  # bound eax, [ebx]
    ],
)
def test_the_stack(arch: Arch, code: str, expected: Spans) -> None:
    assert spans(arch, code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a4", [(L, 0x5000, 1), (S, 0x6000, 1)]),  # movsb
        ("48a5", [(L, 0x5000, 8), (S, 0x6000, 8)]),  # movsq
        ("66a7", [(L, 0x6000, 2), (L, 0x5000, 2)]),  # cmpsw
        ("af", [(L, 0x6000, 4)]),  # scasd
        ("ab", [(S, 0x6000, 4)]),  # stosd
        ("64ac", [(L, 0x75000, 1)]),  # lodsb fs:[rsi]
        ("65a4", [(L, 0xF5000, 1), (S, 0x6000, 1)]),  # movsb: the destination's segment is fixed
        ("f20f1003", [(L, 0x8000, 8)]),  # movsd xmm0, [rbx] shares its name with a string instruction
        ("6c", []),  # insb: a general protection fault at privilege level 3
    ],
)
def test_string_instructions(code: str, expected: Spans) -> None:
    assert spans(X86_64, code) == expected
    assert spans(X86_64, code, eflags=0x602) == expected  # the direction is that of the step after


def test_a_repeated_string_instruction_is_one_iteration_a_step() -> None:
    assert behaviour(X86_64, "f3a4").rule is StepRule.REPEAT
    assert spans(X86_64, "f3a4") == [(L, 0x5000, 1), (S, 0x6000, 1)]
    assert spans(X86_64, "f3a4", cx=0) == []
    assert spans(X86_64, "f2ae", cx=0) == []  # repne scasb
    assert spans(X86_64, "f3aa", cx=1 << 32) == [(S, 0x6000, 1)]  # rep stosb counts with rcx
    assert spans(X86_64, "67f3aa", cx=1 << 32) == []  # and with ecx under an address-size prefix
    assert spans(I386, "67f3aa", cx=1 << 16) == []
    assert behaviour(X86_64, "a4").rule is behaviour(X86_64, "f3c3").rule is StepRule.PLAIN


def test_port_input_stores_where_it_is_allowed() -> None:
    assert spans(X86_64, "6c", eflags=0x3202) == [(S, 0x6000, 1)]  # IOPL 3
    assert spans(X86_64, "f36f", cs=0) == [(L, 0x5000, 4)]  # rep outsd in the kernel


@pytest.mark.parametrize(
    ("code", "offset", "address"),
    [
        ("0fa303", 0x1F, 0x8000),  # bt [rbx], eax
        ("0fa303", 0x20, 0x8004),
        ("0fa303", 0xFFFFFFFF, 0x7FFC),  # -1
        ("660fa303", 0x7FFF, 0x8FFE),
        ("660fa303", 0x8000, 0x7000),  # the most negative 16-bit offset
        ("0fba233f", 0, 0x8000),  # bt dword [rbx], 63: an immediate offset stays in the operand
    ],
)
def test_a_bit_offset_in_a_register_reaches_beyond_the_operand(code: str, offset: int, address: int) -> None:
    assert [span[1] for span in spans(X86_64, code, ax=offset)] == [address]


def test_bit_changes_load_and_store() -> None:
    assert spans(X86_64, "f0480fab03", ax=1 << 63) == [
        (L, 0x8000 - (1 << 60) + (1 << 64), 8),
        (S, 0x8000 - (1 << 60) + (1 << 64), 8),
    ]
    assert spans(I386, "640fbb03", ax=32) == [(L, 0x78004, 4), (S, 0x78004, 4)]  # btc fs:[ebx], eax


def test_table_lookup() -> None:
    assert spans(X86_64, "d7", ax=0x12FF) == [(L, 0x80FF, 1)]
    assert spans(I386, "65d7", ax=1) == [(L, 0xF8001, 1)]


def test_masked_accesses() -> None:
    assert spans(X86_64, "660ff7c8") == [(S, 0x6007, 1), (S, 0x600F, 1)]  # maskmovdqu xmm1, xmm0
    assert spans(X86_64, "0ff7c1") == [(S, 0x6000, 1), (S, 0x6007, 1)]  # maskmovq mm0, mm1
    assert spans(X86_64, "c4e2792e0b") == [(S, 0x8004, 4), (S, 0x800C, 4)]  # vmaskmovps [rbx], xmm0, xmm1
    assert spans(X86_64, "c4e2792c0b") == [(L, 0x8000, 16)]  # vmaskmovps xmm1, xmm0, [rbx]: QEMU loads all of it
    # vgatherdps xmm2, [rbx+xmm1*4], xmm0: lanes 1 (index -16) and 3 (index 16)
    assert spans(X86_64, "c4e27992148b") == [(L, 0x7FC0, 4), (L, 0x8040, 4)]
    assert behaviour(X86_64, "c4e27992148b").spans_known
    assert not behaviour(X86_64, "c4e27d92148b").spans_known  # 256 bits: half of the mask is hidden
    assert not behaviour(X86_64, "c4e27d2e0b").spans_known
    assert behaviour(X86_64, "c4e27d2c0b").spans_known


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("66d933", [(S, 0, 14)]),  # fnstenv, 16-bit
        ("d923", [(L, 0, 2), (L, 4, 2), (L, 8, 2)]),  # fldenv: QEMU loads three words
        ("dd33", [(S, 0, 28), (S, 28, 80)]),  # fnsave
        ("dd23", [(L, 0, 2), (L, 4, 2), (L, 8, 2), (L, 28, 80)]),  # frstor
    ],
)
def test_x87_state(code: str, expected: Spans) -> None:
    assert spans(I386, code) == [(kind, 0x8000 + offset, size) for kind, offset, size in expected]


def test_fxsave_stores_the_vector_registers_of_the_mode() -> None:
    x87 = [(S, 0x8000, 6), (S, 0x8008, 16), *((S, 0x8020 + 16 * i, 10) for i in range(8)), (S, 0x8018, 8)]
    assert spans(X86_64, "0fae03") == [*x87, (S, 0x80A0, 256)]
    assert spans(I386, "0fae03") == [*x87, (S, 0x80A0, 128)]


def test_xsave_stores_what_edx_eax_asks_for() -> None:
    header = [(L, 0x8200, 8), (S, 0x8200, 8)]
    assert spans(X86_64, "0fae23", ax=0) == header
    assert spans(X86_64, "0fae23", ax=6) == [*header, (S, 0x8018, 8), (S, 0x80A0, 256), (S, 0x8240, 256)]
    assert spans(I386, "0fae23", ax=4) == [*header, (S, 0x8240, 128)]
    assert spans(X86_64, "0fae33", ax=0x208) == [*header, (S, 0x8A80, 8)]  # xsaveopt: MPX is not in use


def test_xrstor_loads_what_the_header_has() -> None:
    function = behaviour(X86_64, "0fae2b").spans
    assert function is not None
    registers = state(X86_64, ax=7)
    registers.memory = (4).to_bytes(8, "little")
    assert list(function(registers)) == [Span(L, 0x8200, 24), Span(L, 0x8018, 4), Span(L, 0x8240, 256)]


@pytest.mark.parametrize(
    ("arch", "code", "rule"),
    [
        (X86_64, "0f05", StepRule.SYSTEM_CALL),  # syscall
        (X86_64, "cd80", StepRule.SYSTEM_CALL),  # int 0x80
        (I386, "cd80", StepRule.SYSTEM_CALL),
        (I386, "0f34", StepRule.SYSTEM_CALL),  # sysenter
        (I386, "cd03", StepRule.BREAKPOINT),  # int 3
        (I386, "cc", StepRule.BREAKPOINT),  # int3
    ],
)
def test_step_rules(arch: Arch, code: str, rule: StepRule) -> None:
    assert behaviour(arch, code).rule is rule


def test_a_segment_load_reads_a_descriptor_nobody_can_find() -> None:
    assert not behaviour(I386, "8ee8").spans_known  # mov gs, eax
    assert not behaviour(X86_64, "48cf").spans_known  # iretq
    assert behaviour(X86_64, "8ce8").spans_known  # mov eax, gs


STACK = {f"st{i}" for i in range(8)}


@pytest.mark.parametrize(
    ("arch", "code", "implied"),
    [
        (X86_64, "d8c1", STACK | {"fctrl", "fstat", "ftag"}),  # fadd st, st(1)
        (X86_64, "0fefc1", STACK | {"fstat", "ftag"}),  # pxor mm0, mm1
        (X86_64, "dfe0", {"fctrl", "fstat"}),  # fnstsw ax
        (X86_64, "f30f58c1", {"mxcsr"}),  # addss xmm0, xmm1
        (X86_64, "0f28c1", set()),  # movaps xmm0, xmm1
        (X86_64, "f3480faed0", {"fs_base"}),  # wrfsbase rax
        (X86_64, "0f05", {"rax", "rcx", "r11"}),  # syscall
        (I386, "65a114000000", {"gs_base"}),  # mov eax, gs:[0x14]
        (I386, "8ee8", {"gs_base"}),  # mov gs, eax
        (X86_64, "660f3a63c118", {"rcx"}),  # pcmpistri xmm0, xmm1, 0x18
        (X86_64, "660f3a62c118", {"xmm0"}),  # pcmpistrm xmm0, xmm1, 0x18
        (X86_64, "c8100000", {"rsp", "rbp"}),  # enter 16, 0
    ],
)
def test_implied_registers(arch: Arch, code: str, implied: set[str]) -> None:
    assert set(behaviour(arch, code).implied) == implied


@pytest.mark.parametrize("arch", [I386, X86_64], ids=lambda arch: arch.name)
def test_every_register_name_of_capstone_leads_to_operand_registers(arch: Arch) -> None:
    engine = capstone.Cs(arch.modes[0].capstone_arch, arch.modes[0].capstone_mode)
    printed = {name for i in range(1, capstone.x86.X86_REG_ENDING) if (name := engine.reg_name(i))}
    named = {operand for name in printed for operand in arch.aliases.get(name, (name,))}
    assert named <= {register.name for register in arch.registers}


def test_operand_registers_have_the_widths_that_rizin_has() -> None:
    bits = {register.name: register.bits for register in I386.registers}
    assert (bits["eip"], bits["eflags"], bits["cs"], bits["st0"], bits["xmm7"]) == (32, 32, 16, 80, 128)
    bits = {register.name: register.bits for register in X86_64.registers}
    assert (bits["rip"], bits["rflags"], bits["cs"], bits["fs_base"], bits["xmm15"]) == (64, 64, 64, 64, 128)


def test_parts_of_registers_name_the_whole() -> None:
    assert named_registers(X86_64, decoded(X86_64, "88e0")) == ("rax",)  # mov al, ah
    assert named_registers(X86_64, decoded(X86_64, "c5fd6fc1")) == ("xmm0", "xmm1")  # vmovdqa ymm0, ymm1


def test_what_capstone_cannot_decode_may_use_any_register() -> None:
    # Given an opcode whose second byte is missing
    undecoded = behaviour(X86_64, "0f")

    # Then nobody can say what it touches, and every register that is not always listed may be its operand
    assert not undecoded.spans_known
    assert undecoded.spans is None
    assert {"st0", "fctrl", "xmm0", "xmm15", "mxcsr"} <= set(undecoded.implied)


def test_x87_alias_that_capstone_cannot_decode_touches_no_memory() -> None:
    assert behaviour(X86_64, "dcd1").spans_known  # fcom2
    assert decoded(X86_64, "dcd1").data.hex() == "dcd1"


@pytest.mark.parametrize("code", ["0f1cc1", "f30f1e08", "0f1d8000000000"])
def test_reserved_no_operation_touches_nothing(code: str) -> None:
    assert decoded(X86_64, code).data.hex() == code
    assert behaviour(X86_64, code).spans is None
    assert behaviour(X86_64, code).spans_known
