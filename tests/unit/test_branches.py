"""Which instructions may go elsewhere, and their delay slots: encodings of the manuals, and whole guests elsewhere."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Branch
from gdbtrace.arch.registry import ARCHITECTURES, MACHINES

DIRECT, COMPUTED = Branch(0, is_computed=False), Branch(0, is_computed=True)
DIRECT_1, COMPUTED_1 = Branch(1, is_computed=False), Branch(1, is_computed=True)

CASES = [
    ("aarch64", "c0035fd6", None, COMPUTED),  # ret
    ("aarch64", "1f2003d5", None, None),  # nop
    ("alpha", "0180fa6b", None, COMPUTED),  # ret
    ("arm", "1eff2fe1", "arm:a32", COMPUTED),  # bx lr
    ("arm", "f080bde8", "arm:a32", COMPUTED),  # pop {r4-r7, pc}
    ("arm", "0e00a0e1", "arm:a32", None),  # mov r0, lr
    ("arm", "70bd", "arm:t32", COMPUTED),  # pop {r4, r5, r6, pc}
    ("avr", "0895", None, COMPUTED),  # ret
    ("avr", "0e940000", None, DIRECT),  # call
    ("avr", "1cfd", None, DIRECT),  # sbrc r17, 4: it may skip the next one
    ("avr", "8081", None, None),  # ld r24, Z
    ("hppa", "e840c002", None, COMPUTED),  # bv,n r0(rp)
    ("hppa", "e840c000", None, COMPUTED_1),  # bv r0(rp)
    ("m68k", "4e75", None, COMPUTED),  # rts
    ("m68k", "66fe", None, DIRECT),  # bne.s
    ("mips", "03e00008", None, COMPUTED_1),  # jr ra
    ("mips", "00000000", None, None),  # nop
    ("mips", "041f0000", None, None),  # synci
    ("mips", "e8a0", "mips:mips16e", COMPUTED),  # jrc ra
    ("mips", "e820", "mips:mips16e", COMPUTED_1),  # jr ra
    ("mips", "45bf", "mips:micromips", COMPUTED),  # jrc ra
    ("mips", "459f", "mips:micromips", COMPUTED_1),  # jr16 ra
    ("mips", "40e50000", "mips:micromips", DIRECT),  # beqzc
    ("ppc", "4e800020", "ppc:ppc", COMPUTED),  # blr
    ("ppc", "4c000064", "ppc:ppc", COMPUTED),  # rfi
    ("ppc", "4c00012c", "ppc:ppc", None),  # isync
    ("riscv64", "8280", None, COMPUTED),  # c.jr ra
    ("riscv64", "2a85", None, None),  # c.mv a0, a0
    ("riscv64", "7d37", None, None),  # c.addiw
    ("riscv32", "7d37", None, DIRECT),  # c.jal
    ("s390x", "07fe", None, COMPUTED),  # br %r14
    ("s390x", "0707", None, None),  # nopr %r7
    ("s390x", "ec2600068064", None, DIRECT),  # cgrje
    ("s390x", "e320f0000004", None, None),  # lg
    ("sh4", "0b00", None, COMPUTED_1),  # rts
    ("sh4", "fe8b", None, DIRECT),  # bf
    ("sh4", "fe8f", None, DIRECT_1),  # bf/s
    ("sparc64", "81c3e008", None, COMPUTED_1),  # retl
    ("sparc64", "30680004", None, DIRECT),  # ba,a %xcc
    ("sparc64", "22800004", None, DIRECT_1),  # be,a
    ("sparc64", "01000000", None, None),  # nop
    ("tricore", "0090", None, COMPUTED),  # ret
    ("tricore", "3c00", None, DIRECT),  # j
    ("x86_64", "c3", None, COMPUTED),  # ret
    ("x86_64", "c20400", None, COMPUTED),  # ret 4
    ("x86_64", "ffe0", None, COMPUTED),  # jmp rax
    ("x86_64", "ebfe", None, DIRECT),  # jmp
    ("x86_64", "f3a4", None, DIRECT),  # rep movsb
    ("x86_64", "a4", None, None),  # movsb
    ("x86_64", "0f05", None, COMPUTED),  # syscall
]


@pytest.mark.parametrize(("name", "code", "mode_name", "expected"), CASES)
def test_branches(name: str, code: str, mode_name: str | None, expected: Branch | None) -> None:
    arch = MACHINES[name] if name in MACHINES else ARCHITECTURES[name]
    mode = next((mode for mode in arch.modes if mode.name == mode_name), arch.modes[0])
    assert arch.branch_of(disassemble(bytes.fromhex(code), 0x1000, mode)) == expected
