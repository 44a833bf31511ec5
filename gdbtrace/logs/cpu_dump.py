"""What QEMU prints of its CPU (``-d cpu``; ``*_cpu_dump_state`` of each target): one reader a family says which of our
operand registers a printed number is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from gdbtrace.arch.hppa import GENERAL as HPPA_GENERAL


class Printed(NamedTuple):
    """What a line of the log says of a register."""

    name: str
    """Operand register."""
    value: int
    mask: int
    """The bits that it speaks of."""


Reader = Callable[[str], Iterator[Printed]]
"""The registers in one line of a dump."""


def _printed(name: str, digits: str) -> Printed:
    return Printed(name, int(digits, 16), (1 << 4 * len(digits)) - 1)


def _riscv(line: str) -> Iterator[Printed]:
    if line.startswith(" pc"):
        yield _printed("pc", line.split()[1])
    for name, digits in re.findall(r"[xf]\d+/(\w+)\s+([0-9a-f]+)", line):
        yield _printed("fp" if name == "s0" else name, digits)


_X86_SEGMENT = re.compile(r"([CDEFGS]S) =([0-9a-f]{4}) ([0-9a-f]+) ")


def _x86(general_prefix: str) -> Reader:
    """``general_prefix``: ``e`` or ``r``, as in ``eax`` and ``rax``."""
    flags = f"{general_prefix}flags"

    def read(line: str) -> Iterator[Printed]:
        if segment := _X86_SEGMENT.match(line):
            name, selector, base = segment.groups()
            yield _printed(name.lower(), selector)
            yield _printed(f"{name.lower()}_base", base)
        elif line.startswith("YMM"):
            yield _printed(f"xmm{int(line[3:5])}", "".join(line[6:].split()[2:]))
        elif line.startswith("FPR"):
            for number, mantissa, exponent in re.findall(r"FPR(\d)=(\w+) (\w+)", line):
                yield _printed(f"st{number}", exponent + mantissa)
        else:
            for name, digits in re.findall(r"(\w+) *=([0-9a-f]+)", line):
                if name in ("RFL", "EFL"):
                    yield _printed(flags, digits)
                elif name in _X86_NAMES:
                    yield _printed(_X86_NAMES[name], digits)
                elif re.fullmatch(r"[ER][A-DSI][XPI]|R\d+|CR\d|EFER", name):
                    yield _printed(name.lower(), digits)

    return read


_X86_NAMES = {"FCW": "fctrl", "FSW": "fstat", "MXCSR": "mxcsr"}


def _ppc(line: str) -> Iterator[Printed]:
    if line.startswith("NIP"):
        names = {"NIP": "pc", "LR": "LR", "CTR": "CTR", "XER": "XER"}
        for name, digits in re.findall(r"(\w+) ([0-9a-f]+)", line):
            if name in names:
                yield _printed(names[name], digits)
            if name == "XER":
                value = int(digits, 16)
                yield from (Printed(bit, value >> at & 1, 1) for bit, at in (("so", 31), ("ov", 30), ("ca", 29)))
    elif line.startswith("MSR"):
        yield _printed("msr", line.split()[1])
    elif line.startswith("FPSCR"):
        yield _printed("fpscr", line.split()[1])
    elif line.startswith("CR "):
        yield from (_printed(f"crf{field}", digit) for field, digit in enumerate(line.split()[1]))
    elif line.startswith(("GPR", "FPR")):
        letter = "r" if line.startswith("G") else "f"
        for number, digits in enumerate(line[5:].split(), int(line[3:5])):
            yield _printed(f"{letter}{number}", digits)


_SPARC_NAMES = {"o6": "sp", "i6": "fp"}


def _sparc(line: str) -> Iterator[Printed]:
    if line.startswith("%f"):
        for first, digits in zip(range(int(line[2:4]), 64, 2), line[5:].split(), strict=False):
            if first < 32:
                yield _printed(f"f{first}", digits[:8])
                yield _printed(f"f{first + 1}", digits[8:])
            else:
                yield _printed(f"f{first}", digits)
    elif line.startswith("%"):
        for number, digits in enumerate(line[6:].split(), int(line[2])):
            name = f"{line[1]}{number}"
            yield _printed(_SPARC_NAMES.get(name, name), digits)
    else:
        for name, digits in re.findall(r"(\w+): +([0-9a-f]+)", line):
            if name in ("pc", "npc", "psr", "wim", "tbr", "fsr", "y", "fprs"):
                yield _printed(name, digits)
            elif name in _SPARC_STATE:
                # TSTATE's layout, which is what the stub sends as `state`.
                shift, bits, base = _SPARC_STATE[name]
                yield Printed("state", int(digits, base) << shift, ((1 << bits) - 1) << shift)
            if name == "ccr":
                yield Printed("psr", (int(digits, 16) & 0xF) << 20, 0xF << 20)


_SPARC_STATE = {"ccr": (32, 8, 16), "asi": (24, 8, 16), "pstate": (8, 12, 16), "cwp": (0, 5, 10)}


def _arm(line: str) -> Iterator[Printed]:
    for letter, number, digits in re.findall(r"([Rd])(\d\d)=([0-9a-f]+)", line):
        name = f"{letter.lower()}{int(number)}"
        yield _printed({"r13": "sp", "r14": "lr"}.get(name, name), digits)
    if line.startswith(("PSR=", "FPSCR:")):
        yield _printed("cpsr" if line.startswith("P") else "fpscr", re.split("[= ]+", line)[1])


def _aarch64(line: str) -> Iterator[Printed]:
    if line.startswith(("Z", "Q")):
        # Z: the registers of a CPU with SVE, from the highest quadword down; Q: of one without.
        for number, digits in re.findall(r"[ZQ](\d\d)(?:\[\w+-\w+\])?=([0-9a-f:]+(?: *\[\w+-\w+\]=[0-9a-f:]+)*)", line):
            digits = re.sub(r"\[\w+-\w+\]=|[: ]", "", digits)
            yield _printed(f"z{int(number)}", digits)
            yield _printed(f"v{int(number)}", digits[-32:])
    else:
        for name, digits in re.findall(r"\b([XP]\d\d|PC|SP|FPCR|FPSR|FFR|PSTATE)=([0-9a-f]+)", line):
            if name == "PSTATE":
                value = int(digits, 16)
                yield from (
                    Printed(f"{flag}F", value >> at & 1, 1) for flag, at in zip("VCZN", range(28, 32), strict=True)
                )
            else:
                yield _printed(re.sub(r"0(\d)", r"\1", name).lower(), digits)


def _mips(line: str) -> Iterator[Printed]:
    if line.startswith("GPR"):
        for name, digits in re.findall(r"(\w\w) ([0-9a-f]+)", line[6:]):
            yield _printed({"r0": "zero", "s8": "fp"}.get(name, name), digits)
    elif found := re.match(r" ?(f\d+): w:(\w+) d:(\w+)", line):
        yield _printed(found[1], found[3])
    else:
        for name, digits in re.findall(r"(\w+) *[ =]0x([0-9a-f]+)", line):
            if name in _MIPS_NAMES:
                yield _printed(_MIPS_NAMES[name], digits)


_MIPS_NAMES = {
    **{"pc": "pc", "HI": "hi", "LO": "lo", "Status": "sr", "Cause": "cause", "FCR0": "fir", "FCR31": "fcsr"},
}


def _s390x(line: str) -> Iterator[Printed]:
    if line.startswith("PSW"):
        _, mask, _, address, _, condition = line.split()
        yield _printed("pswa", address)
        yield Printed("pswm", int(mask, 16), (1 << 64) - 1 & ~_S390X_CC)
        if condition.isdigit():
            # Otherwise QEMU has not computed the condition code yet, and prints how it would.
            yield Printed("pswm", int(condition) << 44, _S390X_CC)
    for letter, number, digits in re.findall(r"([RV])(\d\d)=([0-9a-f]+)", line):
        name = f"{letter.lower()}{int(number)}"
        if letter == "V" and int(number) < 16:
            yield _printed(f"f{int(number)}", digits[:16])
            yield _printed(f"{name}l", digits[16:])
        else:
            yield _printed(name, digits)


_S390X_CC = 3 << 44


def _hexagon(line: str) -> Iterator[Printed]:
    # In user mode what it prints of cause, badva, cs0 and cs1 are constants.
    if found := re.match(r"  (?!c|b)(\w+) = 0x([0-9a-f]+)", line):
        name = re.sub(r"^r(\d)$", r"r0\1", found[1])
        yield _printed(name, found[2])
        if name == "p3_0":
            yield from (_printed(f"p{number}", found[2][6 - 2 * number :][:2]) for number in range(4))


def _alpha(line: str) -> Iterator[Printed]:
    for name, digits in re.findall(r"(\w+) +([0-9a-f]{16})", line):
        yield _printed(name.lower(), digits)


def _hppa(line: str) -> Iterator[Printed]:
    if line.startswith(("IA_F", "IA_B", "PSW")):
        for name, digits in re.findall(r"(IA_F|IA_B|PSW) +(?:[0-9a-f]{8}:)?([0-9a-f]{8})\b", line):
            # The low bits of an address are the privilege level, which no frame has.
            bits = (1 << 32) - 1 if name == "PSW" else ~3 & (1 << 32) - 1
            yield Printed(_HPPA_NAMES[name], int(digits, 16) & bits, bits)
    else:
        for number, digits in re.findall(r"GR(\d\d) ([0-9a-f]{8})", line):
            yield _printed(HPPA_GENERAL[int(number)], digits)


_HPPA_NAMES = {"IA_F": "pcoqh", "IA_B": "pcoqt", "PSW": "flags"}
_M68K_NAMES = {"PC": "pc", "SR": "ps", "FPSR": "fpstatus", "FPCR": "fpcontrol", "A6": "fp", "A7": "sp"}
_M68K_FLOAT_BITS = 0xFFFF << 80 | (1 << 64) - 1
"""An extended number in its twelve bytes."""


def _m68k(line: str) -> Iterator[Printed]:
    for name, digits in re.findall(r"\b([DA]\d|PC|SR|FPSR|FPCR) = +([0-9a-f]+)", line):
        yield _printed(_M68K_NAMES.get(name, name.lower()), digits)
    for number, exponent, mantissa in re.findall(r"\bF(\d) = ([0-9a-f]{4}) ([0-9a-f]{16})", line):
        yield Printed(f"fp{number}", int(exponent, 16) << 80 | int(mantissa, 16), _M68K_FLOAT_BITS)


def _sh4(line: str) -> Iterator[Printed]:
    for name, digits in re.findall(r"\b(\w+)=0x([0-9a-f]+)", line):
        yield _printed(name, digits)


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("sparc64", "sparc32plus", "sparc"), _sparc),
    **dict.fromkeys(("ppc", "ppc64", "ppc64le"), _ppc),
    **dict.fromkeys(("arm", "armeb"), _arm),
    **dict.fromkeys(("aarch64", "aarch64_be"), _aarch64),
    **dict.fromkeys(("mips", "mipsel", "mips64", "mips64el"), _mips),
    **dict.fromkeys(("riscv64", "riscv32"), _riscv),
    "x86_64": _x86("r"),
    "i386": _x86("e"),
    "s390x": _s390x,
    "hexagon": _hexagon,
    "alpha": _alpha,
    "hppa": _hppa,
    "m68k": _m68k,
    "sh4": _sh4,
}
