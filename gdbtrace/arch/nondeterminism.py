"""Instructions whose results are not the same in each run of the same program: per family, as globs of their texts.

Two things make them so. Some read a clock, or a counter of what happens beside the program (cycles, a processor's own
performance events); some ask for random numbers, or for what is made with keys that are. Under QEMU clocks are the
host's unless it runs with ``-icount``; random numbers are those of its seed, and a processor's own are new each time.

What reads a device (a timer of a microcontroller, the PIT of a PC) is not here: its address says what it is, and so
does its mask. Nor is what tells processors apart and not runs (``cpuid``, ``mrs x0, midr_el1``).

Globs are of the texts that gdbtrace's disassemblers give, or of mnemonics; ``.byte`` stands for what capstone does not
know. A VLIW packet has one text, so it is taken whole.
"""

from __future__ import annotations

from itertools import product

# Intel SDM volume 2; AMD64 APM volume 3. RDPID and RDTSCP say on which processor they ran. QEMU has no RDPRU, nor does
# capstone know it.
X86 = ("rdtsc", "rdtscp", "rdpmc", "rdrand", "rdseed", "rdpid", ".byte 0x0f01fd")

# Arm ARM (DDI 0487), D13.8 and on (generic timer, activity and performance monitors), C6.2 (pointer authentication,
# whose keys Linux draws for each process; IRG draws a tag).
AARCH64 = (
    *("mrs *, cntvct*_el0", "mrs *, cntpct*_el0", "mrs *, cnt*_tval_el[0-3]", "mrs *, rndr*"),
    *("mrs *, pmccntr_el0", "mrs *, pmevcntr*_el0", "mrs *, pmxevcntr_el0"),
    *("mrs *, amevcntr*_el0", "pac*", "irg"),
)

# Arm ARM, G8.7: CNTPCT, CNTVCT and their self-synchronized forms, CNTx_TVAL, PMCCNTR, PMXEVCNTR, PMEVCNTRn.
ARM = (
    "mrrc* p15, #[0189], *, *, c14",
    "mrrc* p15, #0, *, *, c9",
    "mrc* p15, #0, *, c14, c[23], #0",
    "mrc* p15, #4, *, c14, c2, #0",
    "mrc* p15, #0, *, c9, c13, #[02]",
    *(f"mrc* p15, #0, *, c14, c{line}, #[0-7]" for line in (8, 9, 10, 11)),
)

_PPC_COUNTERS = (
    *("0x10[cd]", "0x16", "0x136"),  # TBL and TBU, DEC, HDEC
    *("0x20[ef]", "0x134", "0x135", "0x351", "0x350"),  # ATBL and ATBU, SPURR, PURR, VTB, IC
    *("0x30[3-8]", "0x31[3-8]", "0x3[ab][9ade]"),  # performance monitors' counters: POWER's, 7xx's
    *("0x3c[cd]", "0x3d[bcd]"),  # 40x: the user's TBH and TBL, PIT, TBH and TBL
)
# Power ISA 3.0B, book II chapter 6 and book III chapters 6 and 9; QEMU's target/ppc/cpu.h for those of older families.
PPC = ("mftb*", "darn", *(f"mfspr *, {number}" for number in _PPC_COUNTERS), "mfpmr *, [0-3]", "mfpmr *, 0x1[0-3]")

_RISCV_COUNTERS = ("time", "cycle", "instret", "hpmcounter", "mcycle", "minstret", "mhpmcounter")
# RISC-V unprivileged ISA, "Zicntr"; privileged ISA, machine counters; Zkr's seed is CSR 21. The counters' upper halves
# end in h.
RISCV = (
    *("rdtime*", "rdcycle*", "rdinstret*", "csrr* *, 21", "csrr* *, 21, *"),
    *(f"csrr* *, {counter}*" for counter in _RISCV_COUNTERS),
)

# z/Architecture Principles of Operation, chapters 4 (timing), 7 (PRNO with its TRNG, of which capstone has the older
# name), 10 (STPT, ECTG, PTFF); CPU-measurement facility for the counters.
S390X = ("stck", "stckf", "stcke", "stpt", "ptff", "ectg", "ppno", "ecctr", "epctr")

# SPARC V9, 5.2.12; UltraSPARC Architecture 2005, 5.2: ASR 24 is %stick, ASR 17 %pic.
SPARC_V9 = ("rd %tick, *", "rd %asr24, *", "rd %asr17, *", "rdpr %tick, *")
# LEON3's up-counter (GRLIB IP Core User's Manual, chapter "LEON3", ASR22 and ASR23); V8 itself has no clock.
SPARC_V8 = ("rd %asr2[23], *",)

# Alpha Architecture Handbook, 4.11: the cycle counter, and the flag that interrupts clear.
ALPHA = ("rpcc", "rc", "rs")

# PA-RISC 1.1 reference, chapter 2: control register 16, the interval timer.
HPPA = ("mfctl itmr,*",)

# MIPS32 volume II, RDHWR: 2 is CC, the count of cycles, and 4 a performance counter; volume III: CP0 registers 1
# (Random), 9 (Count) and 25 (performance counters), which capstone calls as if they were general ones. It knows RDHWR
# of 29 alone, so the encodings are here: MIPS's, then microMIPS's, big-endian and little-endian.
MIPS = (
    *(".byte 0x7c[01]?103b", ".byte 0x3b10[01]?7c", ".byte 0x7c[01]?20?b", ".byte 0x?b20[01]?7c"),
    *(".byte 0x0[0-3][02468ace][24]6b3c", ".byte 0x[02468ace][24]0[0-3]3c6b"),
    *(f"{move} *, {register}, *" for move, register in product(("mfc0", "dmfc0"), ("$at", "$t1", "$t9"))),
)

# Hexagon V67 Programmer's Reference Manual, 2.2: control registers 14, 15 (UPCYCLE), 18, 19 (PKTCOUNT), 30, 31
# (UTIMER); of the supervisor's, PCYCLE.
HEXAGON = tuple(
    f"* = {counter}[ ;]*"
    for counter in ("c15:14", "c19:18", "c31:30", "upcycle*", "pktcount*", "utimer*", "pcycle*", "s31:30")
)

# TriCore architecture volume 1, chapter "Core Debug Controller": CCNT, ICNT, M1CNT to M3CNT.
TRICORE = ("mfcr *, #0xfc04", "mfcr *, #0xfc08", "mfcr *, #0xfc0c", "mfcr *, #0xfc1[04]")
