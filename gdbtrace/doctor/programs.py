"""The programs of ``gdbtrace doctor``: a few hand-assembled instructions per architecture, in a minimal ELF file.

Each makes a system call (getpid), does nothing twice, adds 1 to a 41 in memory, by an exclusive sequence where the
architecture has one, and exits with the sum.  A line of a listing is an instruction (Hexagon: a packet) and its
assembly; all of them run once, in this order.  The bytes are those of binutils 2.40 and LLVM 14 (Hexagon)::

    ARCH-linux-gnu-as -o probe.o probe.s && ARCH-linux-gnu-objdump -dz probe.o
    clang --target=hexagon -mv67 -c -o probe.o probe.s && llvm-objdump -d probe.o
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from elftools.elf.enums import ENUM_E_MACHINE

from gdbtrace.arch.model import Arch, ByteOrder

EXIT_STATUS = 42
"""What all of them exit with."""


@dataclass(frozen=True, slots=True)
class ProbeProgram:
    """One architecture's."""

    listing: str
    """An instruction a line: its bytes in hexadecimal, then the assembly."""
    code_order: ByteOrder = "big"
    """``little``: the listing shows instructions as numbers, and memory has their bytes the other way round."""
    returns_to: int = 2
    """The instruction that the first system call returns to, counted from 0."""
    executed_elsewhere: int = 0
    """Instructions that are executed outside it."""
    has_exclusives: bool = False
    """Whether it adds by an exclusive sequence."""
    elf_flags: int = 0
    """``e_flags``: what QEMU needs to load it."""

    @property
    def instructions(self) -> tuple[bytes, ...]:
        """Each one, in memory order."""
        codes = (bytes.fromhex(line.split()[0]) for line in self.listing.strip().splitlines())
        return tuple(code if self.code_order == "big" else code[::-1] for code in codes)

    @property
    def executed(self) -> int:
        """How many instructions are executed, from the first to the exiting system call."""
        return len(self.instructions) + self.executed_elsewhere


_BASE = 0x100000
"""A page's start, whatever the page size, above the least address that Linux lets a program have."""
_ET_EXEC, _PT_LOAD, _PF_R_X, _EV_CURRENT = 2, 1, 5, 1


def elf_program(arch: Arch, program: ProbeProgram) -> bytes:
    """An executable ELF file: its header, one segment, the code (gABI, "ELF Header" and "Program Header")."""
    order, word = ("<", ">")[arch.byte_order == "big"], ("I", "Q")[arch.bits == 64]
    machine = ENUM_E_MACHINE.get(arch.elf.machine) or int(arch.elf.machine)
    header, segment = f"{order}16sHHI{word * 3}I6H", order + ("IIQQQQQQ" if arch.bits == 64 else "8I")
    header_bytes, segment_bytes = struct.calcsize(header), struct.calcsize(segment)
    code = b"".join(program.instructions)
    start = header_bytes + segment_bytes
    size = start + len(code)
    identity = b"\x7fELF" + bytes([arch.bits // 32, 1 + (arch.byte_order == "big"), _EV_CURRENT])
    tables = (header_bytes, 0, program.elf_flags, header_bytes, segment_bytes, 1, 0, 0, 0)
    flags_first = (_PF_R_X,) if arch.bits == 64 else ()
    flags_last = () if arch.bits == 64 else (_PF_R_X,)
    return (
        struct.pack(header, identity, _ET_EXEC, machine, _EV_CURRENT, _BASE + start, *tables)
        + struct.pack(segment, _PT_LOAD, *flags_first, 0, _BASE, _BASE, size, size, *flags_last, 1 << 16)
        + code
    )


def addresses(arch: Arch, program: ProbeProgram) -> tuple[int, ...]:
    """Where each instruction is once it is loaded."""
    starts = [_BASE + len(elf_program(arch, program)) - len(b"".join(program.instructions))]
    for code in program.instructions:
        starts.append(starts[-1] + len(code))
    return tuple(starts[:-1])


_SPARC64 = """
82102014  mov 20, %g1
91d0206d  ta 0x6d
01000000  nop
01000000  nop
84102029  mov 41, %g2
c423a7bf  st %g2, [%sp + 0x7bf]
8603a7bf  add %sp, 0x7bf, %g3
8800a001  add %g2, 1, %g4
c9e0d002  cas [%g3], %g2, %g4
d000c000  ld [%g3], %o0
82102001  mov 1, %g1
91d0206d  ta 0x6d
"""
_SPARC32PLUS = """
82102014  mov 20, %g1
91d02010  ta 0x10
01000000  nop
01000000  nop
84102029  mov 41, %g2
c423bfc0  st %g2, [%sp - 64]
8603bfc0  add %sp, -64, %g3
8800a001  add %g2, 1, %g4
c9e0d002  cas [%g3], %g2, %g4
d000c000  ld [%g3], %o0
82102001  mov 1, %g1
91d02010  ta 0x10
"""
_SPARC_V8 = """
82102014  mov 20, %g1
91d02010  ta 0x10
01000000  nop
01000000  nop
84102029  mov 41, %g2
c423bfc0  st %g2, [%sp - 64]
8400a001  add %g2, 1, %g2
c47bbfc0  swap [%sp - 64], %g2
d003bfc0  ld [%sp - 64], %o0
82102001  mov 1, %g1
91d02010  ta 0x10
"""
_POWERPC = """
38000014  li 0, 20
44000002  sc
60000000  nop
60000000  nop
38800029  li 4, 41
38a1ffc0  addi 5, 1, -64
90850000  stw 4, 0(5)
7cc02828  1: lwarx 6, 0, 5
38c60001  addi 6, 6, 1
7cc0292d  stwcx. 6, 0, 5
4082fff4  bne 1b
80650000  lwz 3, 0(5)
38000001  li 0, 1
44000002  sc
"""
_ARM = """
e3a07014  mov r7, #20
ef000000  svc 0
e320f000  nop
e320f000  nop
e3a00029  mov r0, #41
e24d1040  sub r1, sp, #64
e5810000  str r0, [r1]
e1912f9f  1: ldrex r2, [r1]
e2822001  add r2, r2, #1
e1813f92  strex r3, r2, [r1]
e3530000  cmp r3, #0
1afffffa  bne 1b
e5910000  ldr r0, [r1]
e3a07001  mov r7, #1
ef000000  svc 0
"""
_AARCH64 = """
d2801588  mov x8, #172
d4000001  svc #0
d503201f  nop
d503201f  nop
52800520  mov w0, #41
d10103e1  sub x1, sp, #64
b9000020  str w0, [x1]
885f7c22  1: ldxr w2, [x1]
11000442  add w2, w2, #1
88037c22  stxr w3, w2, [x1]
35ffffa3  cbnz w3, 1b
b9400020  ldr w0, [x1]
d2800ba8  mov x8, #93
d4000001  svc #0
"""
_X86_64 = """
b827000000        mov eax, 39
0f05              syscall
90                nop
90                nop
c74424c029000000  mov dword ptr [rsp-64], 41
f0ff4424c0        lock inc dword ptr [rsp-64]
8b7c24c0          mov edi, [rsp-64]
b83c000000        mov eax, 60
0f05              syscall
"""
_I386 = """
b814000000        mov eax, 20
cd80              int 0x80
90                nop
90                nop
c74424c029000000  mov dword ptr [esp-64], 41
f0ff4424c0        lock inc dword ptr [esp-64]
8b5c24c0          mov ebx, [esp-64]
b801000000        mov eax, 1
cd80              int 0x80
"""
_MIPS = """
24020fb4  li $2, 4020
0000000c  syscall
00000000  nop
00000000  nop
24080029  li $8, 41
afa8ffc0  sw $8, -64($29)
c3a9ffc0  1: ll $9, -64($29)
25290001  addiu $9, $9, 1
e3a9ffc0  sc $9, -64($29)
1120fffc  beqz $9, 1b
00000000  nop
8fa4ffc0  lw $4, -64($29)
24020fa1  li $2, 4001
0000000c  syscall
"""
_MIPS64 = """
240213ae  li $2, 5038
0000000c  syscall
00000000  nop
00000000  nop
24080029  li $8, 41
afa8ffc0  sw $8, -64($29)
c3a9ffc0  1: ll $9, -64($29)
25290001  addiu $9, $9, 1
e3a9ffc0  sc $9, -64($29)
1120fffc  beqz $9, 1b
00000000  nop
8fa4ffc0  lw $4, -64($29)
240213c2  li $2, 5058
0000000c  syscall
"""
_RISCV = """
0ac00893  li a7, 172
00000073  ecall
00000013  nop
00000013  nop
02900513  li a0, 41
fc010593  addi a1, sp, -64
00a5a023  sw a0, 0(a1)
1005a62f  1: lr.w a2, (a1)
00160613  addi a2, a2, 1
18c5a6af  sc.w a3, a2, (a1)
fe069ae3  bnez a3, 1b
0005a503  lw a0, 0(a1)
05d00893  li a7, 93
00000073  ecall
"""
_S390X = """
a7180014      lhi %r1, 20
0a00          svc 0
0700          nopr
0700          nopr
a7380029      lhi %r3, 41
e350ffc0ff71  lay %r5, -64(%r15)
50305000      st %r3, 0(%r5)
a748002a      lhi %r4, 42
ba345000      cs %r3, %r4, 0(%r5)
58205000      l %r2, 0(%r5)
0a01          svc 1
"""
_HEXAGON = """
86d50078          { r6 = #172 }
04c00054          { trap0(#1) }
00c0007f          { nop }
00c0007f          { nop }
2045007801f8fdbf  { r0 = #41 ; r1 = add(r29, #-64) }
00c081a1          { memw(r1+#0) = r0 }
02c00192          1: { r2 = memw_locked(r1) }
22c002b0          { r2 = add(r2, #1) }
00c2a1a0          { memw_locked(r1, p0) = r2 }
fae0ff5c          { if (!p0) jump:nt 1b }
a64b007800c08191  { r0 = memw(r1+#0); r6 = #93 }
04c00054          { trap0(#1) }
"""
_M68K = """
7014      moveq #20, %d0
4e40      trap #0
4e71      nop
4e71      nop
7429      moveq #41, %d2
2f42ffc0  move.l %d2, -64(%sp)
762a      moveq #42, %d3
41efffc0  lea -64(%sp), %a0
0ed000c2  cas.l %d2, %d3, (%a0)
2210      move.l (%a0), %d1
7001      moveq #1, %d0
4e40      trap #0
"""
_SH4 = """
e314  mov #20, r3
c310  trapa #0x10
0009  nop
0009  nop
61f3  mov r15, r1
71c0  add #-64, r1
e229  mov #41, r2
2122  mov.l r2, @r1
6412  mov.l @r1, r4
7401  add #1, r4
e301  mov #1, r3
c311  trapa #0x11
"""
_ALPHA = """
201f0014  lda $0, 20($31)
00000083  callsys
47ff041f  bis $31,$31,$31
47ff041f  bis $31,$31,$31
203f0029  lda $1, 41($31)
205effc0  lda $2, -64($30)
b0220000  stl $1, 0($2)
a8620000  1: ldl_l $3, 0($2)
40603003  addl $3, 1, $3
b8620000  stl_c $3, 0($2)
e47ffffc  beq $3, 1b
a2020000  ldl $16, 0($2)
201f0001  lda $0, 1($31)
00000083  callsys
"""
_HPPA = """
34140028  ldi 20, %r20
e4008200  be,l 0x100(%sr2,%r0), %sr0, %r31
08000240  nop
08000240  nop
08000240  nop
34130052  ldi 41, %r19
6bd30080  stw %r19, 64(%sp)
4bda0080  ldw 64(%sp), %r26
b75a0002  addi 1, %r26, %r26
e4008200  be,l 0x100(%sr2,%r0), %sr0, %r31
34140002  ldi 1, %r20
"""

PROGRAMS: Mapping[str, ProbeProgram] = {
    "sparc64": ProbeProgram(_SPARC64),
    "sparc32plus": ProbeProgram(_SPARC32PLUS, elf_flags=0x100),
    "sparc": ProbeProgram(_SPARC_V8),
    "ppc": ProbeProgram(_POWERPC, has_exclusives=True),
    # Version 2 of the ABI: the entry point is code, not a function descriptor.
    "ppc64": ProbeProgram(_POWERPC, has_exclusives=True, elf_flags=2),
    "ppc64le": ProbeProgram(_POWERPC, "little", has_exclusives=True, elf_flags=2),
    "arm": ProbeProgram(_ARM, "little", has_exclusives=True, elf_flags=0x5000000),
    # BE8: big-endian data, little-endian code.
    "armeb": ProbeProgram(_ARM, "little", has_exclusives=True, elf_flags=0x5800000),
    "aarch64": ProbeProgram(_AARCH64, "little", has_exclusives=True),
    "aarch64_be": ProbeProgram(_AARCH64, "little", has_exclusives=True),
    "x86_64": ProbeProgram(_X86_64),
    "i386": ProbeProgram(_I386),
    "mips": ProbeProgram(_MIPS, has_exclusives=True, elf_flags=0x70001001),
    "mipsel": ProbeProgram(_MIPS, "little", has_exclusives=True, elf_flags=0x70001001),
    "mips64": ProbeProgram(_MIPS64, has_exclusives=True, elf_flags=0x80000001),
    "mips64el": ProbeProgram(_MIPS64, "little", has_exclusives=True, elf_flags=0x80000001),
    "riscv64": ProbeProgram(_RISCV, "little", has_exclusives=True),
    "riscv32": ProbeProgram(_RISCV, "little", has_exclusives=True),
    "s390x": ProbeProgram(_S390X),
    "hexagon": ProbeProgram(_HEXAGON, has_exclusives=True, elf_flags=0x67),
    "m68k": ProbeProgram(_M68K),
    "sh4": ProbeProgram(_SH4, "little"),
    "alpha": ProbeProgram(_ALPHA, "little", has_exclusives=True),
    # The call branches to the gateway page, which has one instruction, and the one after it is in its delay slot.
    "hppa": ProbeProgram(_HPPA, returns_to=3, executed_elsewhere=2, elf_flags=0x210),
}
"""By the architecture's name."""

__all__ = ["EXIT_STATUS", "PROGRAMS", "ProbeProgram", "addresses", "elf_program"]
