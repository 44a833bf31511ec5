"""x86 as firmware sees it: modes, segments, descriptors, exceptions (encodings from GNU as)."""

from __future__ import annotations

import re

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, AddressKind, Arch, Behaviour, StepRule, Taken
from gdbtrace.arch.system.x86 import MONITORED, SYSTEM_MANAGEMENT_INTERRUPT, rearranges_memory
from gdbtrace.arch.x86 import I386_MACHINE, X86_64_MACHINE
from gdbtrace.errors import ProtocolError

L, S = AccessKind.LOAD, AccessKind.STORE
PC = 0xF0100
PROTECTED, PAGED = 0x11, 0x8000_0011
TRACED, ENABLED, V86 = 0x102, 0x202, 0x23002
LONG = 0x500
CODE_64, CODE_32, CODE_16 = 0xAF9B00, 0xCF9B00, 0x9B00
BIG, SMALL = 0xCF9300, 0x9300
NOP = b"\x90"


class State(dict[str, int]):
    """Registers at a stop in real mode, with memory of which some bytes are known; the rest cannot be read."""

    def __init__(self, instruction: bytes = NOP, memory: dict[int, str] | None = None, **registers: int) -> None:
        letter = "e" if "esp" in registers or "rsp" not in registers else "r"
        own = dict.fromkeys(
            ("cs_base", "ss_base", "ds_base", "es_base", "fs_base", "gs_base", "ldt_base", "ldt_limit", "tr_base"), 0
        )
        own |= dict.fromkeys(("cs", "ss", "efer", "cr2", "cr3", "cr4", "smm", "idt_base"), 0)
        own |= {letter + name: 0 for name in ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp", "ip")}
        own |= {"cr0": 0x10, "eflags": 2, "a20": 1, "cs_flags": CODE_16, "ss_flags": SMALL}
        own |= {"gdt_base": 0x9000, "gdt_limit": 0x7F, "idt_limit": 0xFFFF}
        super().__init__(own | registers)
        self.instruction = instruction
        self.memory = {
            start + at: byte for start, text in (memory or {}).items() for at, byte in enumerate(bytes.fromhex(text))
        }

    def anew(self, name: str) -> int:
        if name not in self:
            raise ProtocolError("", "a machine without it")
        return self[name]

    def read_under(self, name: str, other: str, value: int) -> int:
        raise AssertionError

    def read_memory(self, address: int, size: int) -> bytes:
        try:
            return bytes(self.memory[address + at] for at in range(size))
        except KeyError:
            raise KeyError(address) from None


def behaviour(arch: Arch, bits: int, code: str) -> Behaviour:
    mode = next(mode for mode in arch.modes if mode.name == f"x86:{bits}")
    disassembled = disassemble(bytes.fromhex(code), PC, mode)
    assert disassembled.data == bytes.fromhex(code)
    return arch.behaviour_of(disassembled)


def spans(bits: int, code: str, state: State) -> list[tuple[AccessKind, int, int]]:
    function = behaviour(I386_MACHINE if "esp" in state else X86_64_MACHINE, bits, code).spans
    return [(kind, address, size) for kind, address, size in function(state)] if function else []


@pytest.mark.parametrize(
    ("flags", "efer", "name"),
    [
        (CODE_16, 0, "x86:16"),
        (CODE_32, 0, "x86:32"),
        (CODE_64, LONG, "x86:64"),
        (CODE_32, LONG, "x86:32"),
        (CODE_16, LONG, "x86:16"),
        (CODE_64, 0, "x86:16"),  # CS.L means nothing before long mode is active
    ],
)
def test_the_mode_is_the_code_segment_s(flags: int, efer: int, name: str) -> None:
    mode_of = X86_64_MACHINE.mode_of
    assert mode_of is not None
    assert mode_of(State(rsp=0, cs_flags=flags, efer=efer)).name == name


@pytest.mark.parametrize(
    ("code", "changes", "expected"),
    [
        ("8b07", {"ebx": 0x1_8000}, [(L, 0x38000, 2)]),  # mov ax, [bx]: 16 bits of it
        ("8b4602", {"ebp": 0x8000}, [(L, 0x28002, 2)]),  # mov ax, [bp+2]: the stack's segment
        ("8b42fe", {"ebp": 0x10, "esi": 0xFFF8}, [(L, 0x20006, 2)]),  # mov ax, [bp+si-2] wraps
        ("3e8b4600", {"ebp": 0x10}, [(L, 0x30010, 2)]),  # mov ax, ds:[bp]
        ("2ea1f0ff", {}, [(L, 0xFFFF0, 2)]),  # mov ax, cs:[0xfff0]
        ("66678b4304", {"ebx": 0xFEE0_0000}, [(L, 0xFEE3_0004, 4)]),  # mov eax, [ebx+4]
        ("678b0424", {"esp": 0x1_0010}, [(L, 0x30010, 2)]),  # mov ax, [esp]
        ("50", {"esp": 0}, [(S, 0x2FFFE, 2)]),  # push ax: the stack pointer wraps
        ("6650", {"esp": 0x1_0010}, [(S, 0x2000C, 4)]),  # push eax
        ("60", {"esp": 0x20}, [(S, 0x20010, 16)]),  # pusha
        ("60", {"esp": 4}, [(S, 0x20000 + (at & 0xFFFF), 2) for at in range(-12, 4, 2)]),
        ("cf", {"esp": 0x10}, [(L, 0x20010, 6)]),  # iret
        ("66cf", {"esp": 0x10}, [(L, 0x20010, 12)]),  # iretd
        ("66ca0400", {"esp": 0xFFFC}, [(L, 0x2FFFC, 8)]),  # retf 4: no wrap within
        ("9a341200f0", {"esp": 0x10}, [(S, 0x2000C, 4)]),  # lcall 0xf000, 0x1234
        ("ff1e0006", {"esp": 0x10}, [(L, 0x30600, 4), (S, 0x2000C, 4)]),  # lcall [0x600]
        ("ea5be000f0", {}, []),  # ljmp 0xf000:0xe05b
        ("8ed8", {"eax": 0x18}, []),  # mov ds, ax: no descriptors in real mode
        ("c51e0006", {}, [(L, 0x30600, 4)]),  # lds bx, [0x600]
        ("a4", {"esi": 0x1_0002, "edi": 4}, [(L, 0x30002, 1), (S, 0x40004, 1)]),  # movsb
        ("26a4", {"esi": 2, "edi": 4}, [(L, 0x40002, 1), (S, 0x40004, 1)]),  # es movsb
        ("f3a4", {"ecx": 0x1_0000}, []),  # rep movsb: 16 bits of the count
        ("6c", {"edi": 4}, [(S, 0x40004, 1)]),  # insb
        ("2ed7", {"ebx": 0x100, "eax": 0x20}, [(L, 0xF0120, 1)]),  # cs xlatb
        ("0f01160006", {}, [(L, 0x30600, 6)]),  # lgdt [0x600]
        ("0fae060006", {}, [(L, 0, 0)]),  # fxsave [0x600]: see below
        ("c9", {"ebp": 0x1_0010}, [(L, 0x20010, 2)]),  # leave
        ("c8040002", {"esp": 0x20, "ebp": 0x40}, [(L, 0x2003E, 2), *((S, 0x2001E - 2 * i, 2) for i in range(3))]),
        ("cd13", {"esp": 0x10}, []),  # int 0x13: what is pushed is the exception's doing
    ],
)
def test_real_mode(code: str, changes: dict[str, int], expected: list[tuple[AccessKind, int, int]]) -> None:
    bases = {"ss_base": 0x20000, "ds_base": 0x30000, "es_base": 0x40000, "cs_base": 0xF0000}
    found = spans(16, code, State(**{"esp": 0, **bases, **changes}))
    if code == "0fae060006":
        # Without CR4.OSFXSR: no vectors.
        assert max(address + size for _, address, size in found) == 0x30600 + 32 + 7 * 16 + 10
    else:
        assert found == expected


GDT = {0x9018: "ffff000003 92 cf00", 0x9020: "ffff000000 93 cf00", 0x9028: "ffff000000 9b cf00"}
GDT = {address: text.replace(" ", "") for address, text in GDT.items()}
FLAT = {"cr0": PROTECTED, "cs": 8, "ss_flags": BIG, "cs_flags": CODE_32}


@pytest.mark.parametrize(
    ("code", "changes", "memory", "expected"),
    [
        ("8ed8", {"eax": 0x18}, GDT, [(L, 0x9018, 8), (S, 0x901C, 4)]),  # mov ds, eax: accessed for the first time
        ("8ed8", {"eax": 0x20}, GDT, [(L, 0x9020, 8)]),
        ("8ed8", {"eax": 3}, GDT, []),  # the null selector
        ("8ed8", {"eax": 0x80}, GDT, []),  # beyond the table
        ("1f", {"esp": 0x100}, GDT | {0x100: "1800"}, [(L, 0x100, 4), (L, 0x9018, 8), (S, 0x901C, 4)]),  # pop ds
        ("0f02c1", {"ecx": 0x28}, GDT, [(L, 0x9028, 8)]),  # lar eax, ecx
        ("ea785634122800", {}, GDT, [(L, 0x9028, 8)]),  # ljmp 0x28, 0x12345678
        ("9a785634122800", {"esp": 0x100}, GDT, [(S, 0xF8, 8), (L, 0x9028, 8)]),  # lcall
        ("cb", {"esp": 0x100}, GDT | {0x104: "2800"}, [(L, 0x100, 8), (L, 0x9028, 8)]),  # retf
        (
            "ca0800",  # retf 8, to ring 3
            {"esp": 0x100},
            GDT | {0x104: "2b00", 0x114: "2300"},
            [(L, 0x100, 8), (L, 0x9028, 8), (L, 0x110, 8), (L, 0x9020, 8)],
        ),
        (
            "cf",
            {"esp": 0x100},
            GDT | {0x100: "0000000028000000020000002b000000"},
            [(L, 0x100, 12), (L, 0x9028, 8)],
        ),
        (
            "cf",
            {"esp": 0x100},
            GDT | {0x100: "00000000 00f00000 02300200".replace(" ", "")},
            [(L, 0x100, 36)],
        ),  # to V86
        ("0f00d8", {"eax": 0x18}, GDT, [(L, 0x9018, 8), (S, 0x901C, 4)]),  # ltr eax
        ("0f00d0", {"eax": 0x18}, GDT, [(L, 0x9018, 8)]),  # lldt eax
        ("0f00d8", {"eax": 0x18, "cs": 0xB}, GDT, []),  # not in ring 3
        ("0f013d00000000", {}, GDT, []),  # invlpg
        ("6d", {"edi": 0x600, "cs": 0xB}, GDT, []),  # insd in ring 3, without I/O privilege
        ("6d", {"edi": 0x600, "cs": 0xB, "eflags": 0x3002}, GDT, [(S, 0x600, 4)]),
        ("8ed8", {"eax": 0x18, "eflags": V86}, GDT, []),  # virtual 8086 mode has no descriptors
    ],
)
def test_protected_mode(
    code: str, changes: dict[str, int], memory: dict[int, str], expected: list[tuple[AccessKind, int, int]]
) -> None:
    assert spans(32, code, State(memory=memory, **{"esp": 0x100, **FLAT, **changes})) == expected


@pytest.mark.parametrize(
    ("code", "changes", "memory", "expected"),
    [
        (
            "48cf",  # iretq: the stack pointer and its segment at any rate
            {},
            GDT | {0x108: "2800", 0x110: "02" + 7 * "00", 0x120: "0000"},
            [(L, 0x100, 24), (L, 0x9028, 8), (L, 0x118, 16)],
        ),
        ("0f00d8", {"rax": 0x18}, GDT, [(L, 0x9018, 16), (S, 0x901C, 4)]),  # ltr: 16 bytes in long mode
        ("50", {"ss_base": 0x5000}, GDT, [(S, 0xF8, 8)]),  # no segment but fs and gs has a base
        ("64488b03", {"rbx": 8, "fs_base": 0x1000}, GDT, [(L, 0x1008, 8)]),
    ],
)
def test_long_mode(
    code: str, changes: dict[str, int], memory: dict[int, str], expected: list[tuple[AccessKind, int, int]]
) -> None:
    state = State(memory=memory, **{"rsp": 0x100, "cr0": PAGED, "cs": 8, "efer": LONG, "cs_flags": CODE_64, **changes})
    assert spans(64, code, state) == expected


@pytest.mark.parametrize(
    ("code", "rule", "is_system", "reloads"),
    [
        ("f4", StepRule.HALT, False, False),
        ("f390", StepRule.YIELD, False, False),
        ("0f22c0", StepRule.PLAIN, True, False),  # mov cr0, eax
        ("0f20c0", StepRule.PLAIN, False, False),  # mov eax, cr0
        ("0f30", StepRule.PLAIN, True, False),  # wrmsr
        ("8ed8", StepRule.PLAIN, False, True),
        ("0f011e0006", StepRule.PLAIN, False, True),  # lidt
        ("cf", StepRule.PLAIN, False, True),
        ("cd80", StepRule.PLAIN, False, True),  # int 0x80 is no system call of Linux
        ("f3a4", StepRule.REPEAT, False, False),
    ],
)
def test_privileged_instructions(code: str, rule: StepRule, is_system: bool, reloads: bool) -> None:
    found = behaviour(I386_MACHINE, 16, code)
    assert (found.rule, found.is_system, found.reloads) == (rule, is_system, reloads)


@pytest.mark.parametrize(("code", "stays"), [("ebfe", True), ("eb00", False), ("ffe0", True), ("90", False)])
def test_only_a_jump_to_itself_stays(code: str, stays: bool) -> None:
    assert behaviour(I386_MACHINE, 16, code).may_stay is stays


def test_output_to_the_chip_set_moves_memory() -> None:
    by_register = behaviour(I386_MACHINE, 16, "ef").rearranges  # out dx, ax
    assert by_register is not None
    assert [by_register(State(edx=port)) for port in (0xCFC, 0x1_0CFC, 0x402, 0xC000)] == [True, True, False, True]
    assert behaviour(I386_MACHINE, 16, "e692").rearranges is not None  # port 92: the A20 gate
    assert behaviour(I386_MACHINE, 16, "e680").rearranges is None
    assert not rearranges_memory(0x3F8)


def test_physical_addresses() -> None:
    system = I386_MACHINE.system
    assert system is not None
    assert system.physical(State(), 0x10_0610, AddressKind.DATA) == 0x10_0610
    assert system.physical(State(a20=0), 0x10_0610, AddressKind.DATA) == 0x610
    assert system.physical(State(cr0=PAGED), 0x10_0610, AddressKind.DATA) is None


def test_an_address_that_is_not_canonical_is_not_mapped() -> None:
    system = X86_64_MACHINE.system
    assert system is not None
    assert system.translate is not None
    state = State(rsp=0)
    assert system.translate(lambda _: "gpa: 0x10", state, 1 << 63, AddressKind.DATA) is None
    assert system.translate(lambda _: "gpa: 0x10", state, 0xFFFF_8000_0000_0000, AddressKind.DATA) == 0x10


# --- Exceptions -------------------------------------------------------------------------------------------------------


def real(
    instruction: bytes, handlers: dict[int, int], *, flags: int = 2, saved: int = 0x100, moved: int = 6
) -> Taken | None:
    """A step in real mode from f000:0100 to f000:0200, of which ``handlers`` says whose handler that is."""
    system = I386_MACHINE.system
    assert system is not None
    table = b"".join((handlers.get(vector, 0x300)).to_bytes(2, "little") + b"\0\xf0" for vector in range(256))
    frame = saved.to_bytes(2, "little") + b"\0\xf0" + (flags & 0xFFFF).to_bytes(2, "little")
    before = State(instruction, esp=0x1000, cs=0xF000, eip=0x100, eflags=flags)
    memory = {0: table.hex(), 0x1000 - moved: frame.hex()}
    after = State(memory=memory, esp=0x1000 - moved, cs=0xF000, eip=0x200, idt_limit=0x3FF)
    return system.taken(before, after)


def test_a_fault_returns_to_its_instruction() -> None:
    assert real(b"\x0f\x0b", {6: 0x200}) == Taken(6)
    assert real(b"\xf6\xf3", {0: 0x200}) == Taken(0, refused=-1)


def test_a_software_interrupt_is_executed() -> None:
    assert real(b"\xcd\x21", {0x20: 0x200, 0x21: 0x200}, saved=0x102) == Taken(0x21, is_executed=True)
    assert real(b"\xcc", {3: 0x200}, saved=0x101) == Taken(3, is_executed=True)


def test_an_interrupt_comes_before_its_instruction() -> None:
    assert real(NOP, {8: 0x200}, flags=ENABLED) == Taken(8, is_interrupt=True, returns_to=0x100)
    assert real(b"\xf4", {0x70: 0x200}, flags=ENABLED, saved=0x101) == Taken(0x70, is_interrupt=True, returns_to=0x101)
    assert real(NOP, {2: 0x200}) == Taken(2, is_interrupt=True, returns_to=0x100)


def test_a_call_is_no_exception() -> None:
    assert real(b"\x9a\0\x02\0\xf0", {6: 0x200}, moved=4) is None
    assert real(NOP, {}) is None
    assert real(NOP, {6: 0x200}, saved=0x180) is None


def test_the_trap_flag_traps_after_any_instruction() -> None:
    assert real(b"\x50", {1: 0x200}, flags=TRACED, saved=0x101, moved=8) == Taken(1, is_executed=True)
    assert real(b"\xeb\x7e", {1: 0x200}, flags=TRACED, saved=0x180) == Taken(1, is_executed=True)
    assert real(b"\xeb\x7e", {6: 0x200}, flags=TRACED, saved=0x180) is None


def gate(selector: int, offset: int, kind: int, size: int) -> bytes:
    low = offset & 0xFFFF | selector << 16 | kind << 40 | (offset >> 16 & 0xFFFF) << 48
    return (low | offset >> 32 << 64).to_bytes(size, "little")


@pytest.mark.parametrize(
    ("vector", "error", "kind", "expected"),
    [
        (13, 4, 0x8E, Taken(13, refused=-1)),
        (14, 4, 0x8F, Taken(14, refused=0x1234)),
        (6, 0, 0x8E, Taken(6)),
        (13, 0, 0x8E, Taken(13, is_interrupt=True, returns_to=0x2000)),  # IRQ 5 of a BIOS: without an error code
        (0x21, 0, 0x8E, Taken(0x21, is_interrupt=True, returns_to=0x2000)),
        (6, 0, 0x85, None),  # a task gate
    ],
)
def test_protected_mode_s_exceptions(vector: int, error: int, kind: int, expected: Taken | None) -> None:
    system = I386_MACHINE.system
    assert system is not None
    frame = bytes(error) + b"".join(word.to_bytes(4, "little") for word in (0x2000, 8, ENABLED))
    before = State(NOP, esp=0x1000, **FLAT, ss=0x10, eip=0x2000, eflags=ENABLED)
    memory = {
        0x1000 - len(frame): frame.hex(),
        0x8000: (bytes(8 * vector) + gate(8, 0x12_3000, kind, 8)).ljust(2048, b"\0").hex(),
    }
    changed = {"esp": 0x1000 - len(frame), "ss": 0x10, "eip": 0x12_3000, "idt_base": 0x8000, "idt_limit": 0x7FF}
    assert system.taken(before, State(memory=memory, **FLAT, **changed, cr2=0x1234)) == expected


def test_long_mode_may_change_the_stack() -> None:
    system = X86_64_MACHINE.system
    assert system is not None
    handler = 0xFFFF_8000_0012_3000
    frame = b"".join(word.to_bytes(8, "little") for word in (0, 0x2000, 8, 2, 0x1008, 0))
    memory = {0xFFD0: frame.hex(), 0x8000: (bytes(16 * 13) + gate(8, handler, 0x8E, 16)).ljust(4096, b"\0").hex()}
    common = {"cr0": PAGED, "efer": LONG, "cs": 8, "cs_flags": CODE_64}
    before = State(NOP, **common, rsp=0x1008, rip=0x2000)
    after = State(memory=memory, **common, rsp=0xFFD0, rip=handler, idt_base=0x8000, idt_limit=0xFFF)
    assert system.taken(before, after) == Taken(13, refused=-1)
    assert system.taken(before, State(memory=memory, **common, rsp=0x1000, rip=handler)) is None


def test_several_vectors_of_one_handler_are_told_by_the_interrupt_controller() -> None:
    system = I386_MACHINE.system
    assert system is not None
    table = b"\0\x02\0\xf0" * 256
    before = State(NOP, esp=0x1000, cs=0xF000, eip=0x100, eflags=ENABLED)
    pic = {"pic0_in_service": 4, "pic0_vectors": 0x20, "pic1_in_service": 0x10, "pic1_vectors": 0x70}
    memory = {0: table.hex(), 0xFFA: "0001 00f0 0202".replace(" ", "")}
    after = State(memory=memory, esp=0xFFA, cs=0xF000, eip=0x200, idt_limit=0x3FF, **pic)
    assert system.taken(before, after) == Taken(0x22, is_interrupt=True, returns_to=0x100)


def test_a_system_management_interrupt_moves_no_stack() -> None:
    system = I386_MACHINE.system
    assert system is not None

    class Entering(State):
        def anew(self, name: str) -> int:
            return 1 if name == "smm" else self[name]

    before = State(esp=0x1000, eip=0x100)
    assert system.taken(before, Entering(esp=0x1000, eip=0x8000)) == Taken(
        SYSTEM_MANAGEMENT_INTERRUPT, is_interrupt=True
    )
    assert system.taken(before, Entering(esp=0x1000, eip=0x8000, smm=1)) is None


PRINTED = """
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
CS =f000 ffff0000 0000ffff 00009b00
SS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
DS =0000 00000000 0000ffff 00009300
LDT=0048 0000b000 00000007 00008200 DPL=0 LDT
TR =0030 0000a000 00000067 00008b00 DPL=0 TSS32-busy
GDT=     00009000 00000067
IDT=     00008000 000007ff
pic1: irr=00 imr=00 isr=02 hprio=0 irq_base=70 rr_sel=0 elcr=00 fnm=0
pic0: irr=01 imr=b8 isr=01 hprio=0 irq_base=08 rr_sel=0 elcr=00 fnm=0
"""


def test_what_only_the_monitor_shows() -> None:
    found = {name: re.search(pattern, PRINTED, re.MULTILINE) for name, pattern in MONITORED.items()}
    values = {name: int(match[1], 16) for name, match in found.items() if match}
    assert values == {
        **{"cs_base": 0xFFFF0000, "cs_flags": 0x9B00, "ss_base": 0, "ss_flags": 0xCF9300},
        **{"ds_base": 0, "ds_flags": 0x9300, "es_base": 0, "es_flags": 0x9300},
        **{"gdt_base": 0x9000, "gdt_limit": 0x67, "idt_base": 0x8000, "idt_limit": 0x7FF},
        **{"ldt_base": 0xB000, "ldt_limit": 7, "tr_base": 0xA000, "a20": 1, "smm": 0},
        **{"pic0_in_service": 1, "pic0_vectors": 8, "pic1_in_service": 2, "pic1_vectors": 0x70},
    }
