"""Programs that look at a clock: two runs differ there, and in what comes of it, and a diff knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace import RunOptions
from gdbtrace.analysis.diff import Diff
from gdbtrace.analysis.divergence import DivergenceKind
from gdbtrace.analysis.tolerance import STRICT, Tolerance
from gdbtrace.opening import open_reading
from gdbtrace.record.engines import EngineChoice
from gdbtrace.trace import StdFrame
from tests.toolchain import Workshop, traced_with
from tests.tracing import NULL, quiet_record

pytestmark = [pytest.mark.qemu, pytest.mark.cross]

CLOCKS = {
    # Each is followed by a move of what was read, to memory or another register: that differs, too.
    "x86_64": ("rdtsc; movl %eax, -8(%rsp); addl -8(%rsp), %ecx; shrl $3, %ecx", "rdtsc"),
    "i386": ("rdtscp; pushl %eax; popl %ecx", "rdtscp"),
    "aarch64": ("mrs x0, cntvct_el0; str x0, [sp, -16]; ldr x1, [sp, -16]", "mrs x0, cntvct_el0"),
    "aarch64_be": ("mrs x0, cntvct_el0; eor x2, x0, x0, lsr 1", "mrs x0, cntvct_el0"),
    "ppc": ("mftb 3; stw 3, -8(1); lwz 4, -8(1)", "mftb r3, 0x10c"),
    "ppc64": ("mftb 3; std 3, -16(1); lbz 4, -16(1)", "mfspr r3, 0x10c"),
    "ppc64le": ("mfspr 3, 268; mr 5, 3", "mfspr r3, 0x10c"),
    "riscv64": ("rdtime a0; sd a0, -16(sp); lw a1, -16(sp)", "rdtime a0"),
    "riscv32": ("rdinstret a0; addi a1, a0, 5", "rdinstret a0"),
    "s390x": ("stck 160(%r15); lg %r3, 160(%r15); stckf 160(%r15); stcke 168(%r15)", "stck 0xa0(%r15)"),
    "sparc64": ("rd %tick, %o0; stx %o0, [%sp + 2047 + 128]; rd %asr24, %o1", "rd %tick, %o0"),
    "sparc32plus": ("rd %tick, %o0; mov %o0, %o1", "rd %tick, %o0"),
    "alpha": ("rpcc $0; addq $0, $0, $1", "rpcc v0"),
    "hppa": ("mfctl %cr16, %r28; copy %r28, %r26", "mfctl itmr,ret0"),
}
"""What a program executes first (GNU as), and the text of the clock."""
FLAGS = {"sparc64": ("-Wa,-Av9b",), "sparc32plus": ("-mcpu=v9", "-Wa,-Av9b")}
INSTRUCTIONS = 40


@pytest.mark.parametrize("arch", CLOCKS)
def test_only_the_clock_and_what_comes_of_it_differ(arch: str, workshop: Workshop, tmp_path: Path) -> None:
    # Given two traces of a program that looks at a clock and does something with the time
    code, clock = CLOCKS[arch]
    lines = "".join(f"{line.strip()}\\n\\t" for line in code.replace("%", "%%").split(";"))
    source = tmp_path / "clock.c"
    source.write_text(
        f'void _start(void)\n{{\n    __asm__ volatile("{lines}" : : : "memory");\n    for (;;) {{ }}\n}}\n'
    )
    program = workshop.program(arch, source, "-nostdlib", *FLAGS.get(arch, ()))
    traces = [tmp_path / "first.frames", tmp_path / "second.frames"]
    for trace in traces:
        quiet_record(
            RunOptions(
                program,
                output=trace,
                arch=arch,
                engine=EngineChoice.RSP,
                limit=INSTRUCTIONS,
                stdin=NULL,
                qemu=traced_with(arch),
            )
        )

    # When they are compared strictly, the clock is where they diverge
    with open_reading(traces[0]) as left, open_reading(traces[1]) as right:
        found = Diff(left, right, STRICT).first()
        assert found is not None
        frame = found.left.frame
        assert isinstance(frame, StdFrame)
        assert found.kind in (DivergenceKind.REGISTER, DivergenceKind.MEMORY)
        assert left.disassembly.at(frame.address, frame.rawbytes, frame.mode).text == clock

    # And when clocks may differ, they do not
    with open_reading(traces[0]) as left, open_reading(traces[1]) as right:
        assert Diff(left, right, Tolerance()).first() is None
