"""x86 as a processor runs it: where what is known of QEMU does not hold."""

from __future__ import annotations

import pytest

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AccessKind, Behaviour, StepRule
from gdbtrace.arch.x86 import X86_64, X86_64_PROCESSOR

L, S = AccessKind.LOAD, AccessKind.STORE
RDI = 0x1000


def behaviour_of(code: str) -> Behaviour:
    return X86_64_PROCESSOR.behaviour_of(disassemble(bytes.fromhex(code), 0x400000, X86_64.modes[0]))


def spans_of(code: str) -> list[tuple[AccessKind, int, int]]:
    spans = behaviour_of(code).spans
    return [(kind, address - RDI, size) for kind, address, size in spans({"rdi": RDI})] if spans else []


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("9c", StepRule.UNTRAPPED),  # pushfq
        ("9d", StepRule.UNTRAPPED),  # popfq
        ("8ed0", StepRule.UNTRAPPED),  # mov ss, eax
        ("8ed8", StepRule.PLAIN),  # mov ds, eax
        ("0f00c0", StepRule.UNTRAPPED),  # sldt eax
        ("0f0107", StepRule.UNTRAPPED),  # sgdt [rdi]
        ("0f01e0", StepRule.UNTRAPPED),  # smsw eax
        ("0f05", StepRule.SYSTEM_CALL),
        ("cc", StepRule.BREAKPOINT),
    ],
)
def test_what_the_trap_flag_does_not_end_after(code: str, rule: StepRule) -> None:
    assert behaviour_of(code).rule is rule


def test_only_a_processor_has_such() -> None:
    for code in ("9c", "8ed0", "0f00c0"):
        plain = X86_64.behaviour_of(disassemble(bytes.fromhex(code), 0x400000, X86_64.modes[0]))
        assert plain.rule is StepRule.PLAIN


@pytest.mark.parametrize(
    ("code", "spans"),
    [
        ("62f17f487f4701", [(S, 0x40, 64)]),  # vmovdqu8 [rdi + 0x40], zmm0
        ("62f17d58fe0f", [(L, 0, 4)]),  # vpaddd zmm1, zmm0, [rdi]{1to16}
        ("62e17d28fe0f", [(L, 0, 32)]),  # vpaddd ymm17, ymm0, [rdi]
        ("62f27e48310f", [(S, 0, 16)]),  # vpmovdb [rdi], zmm1
        ("c4e1f9910f", [(S, 0, 4)]),  # kmovd [rdi], k1
        ("c4e1f8900f", [(L, 0, 8)]),  # kmovq k1, [rdi]
        ("f30fe607", [(L, 0, 8)]),  # cvtdq2pd xmm0, [rdi]
        ("0f6007", [(L, 0, 4)]),  # punpcklbw mm0, [rdi]
    ],
)
def test_memory_as_the_manual_has_it(code: str, spans: list[tuple[AccessKind, int, int]]) -> None:
    assert behaviour_of(code).spans_known
    assert spans_of(code) == spans


@pytest.mark.parametrize("code", ["62f17f497f4701", "62f27d498b0f", "0fae27", "0fae2f"])
def test_what_a_mask_or_xcr0_decides_is_not_known(code: str) -> None:
    # vmovdqu8 [rdi + 0x40]{k1}, zmm0; vpcompressd [rdi]{k1}, zmm1; xsave [rdi]; xrstor [rdi]
    assert not behaviour_of(code).spans_known
    assert spans_of(code) == []
