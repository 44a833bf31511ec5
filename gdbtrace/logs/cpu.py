"""Logs of QEMU's ``-d cpu,exec``: the registers before every instruction.

Each state begins ``Trace <cpu>: <block> [<data>/<pc>/<flags>/<cflags>] <symbol>``, and the dump of the CPU follows.
With ``-singlestep``, since QEMU 8.1 ``-one-insn-per-tb``, a block is one instruction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from gdbtrace.arch.model import Arch
from gdbtrace.errors import TraceFormatError, UsageError
from gdbtrace.logs.cpu_dump import READERS, Printed
from gdbtrace.logs.format import Line, damaged
from gdbtrace.logs.surplus import FOLDED, extra_of
from gdbtrace.trace.frames import Operand, RegisterLocation, StdFrame, Usage
from gdbtrace.trace.scope import Scope, never_folded

_COUNT: Final = 0x1FF
"""CF_COUNT_MASK of QEMU's include/exec/exec-all.h: how many instructions a block may have."""
_STOPPED: Final = b"Stopped execution of TB chain before"
"""An interrupt came first: the block whose state was printed last was not executed."""
_MOST_LINES: Final = 1024
"""Of a dump; SVE's has 300. What follows is another kind of log's."""
_MOST_CPUS: Final = 4096
_READ = Usage(read=True)


class CpuLog:
    """Reads states.

    A register is listed as far as the log prints it from its lowest bit on; one of which it prints other parts is not.
    There are no values after an instruction: the next state may be that of a handler.

    :raise UsageError: QEMU's dump of this architecture is not known.
    """

    pattern: Final = re.compile(rb"Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/")
    """How a state begins."""
    _LINE = re.compile(rb"Trace (\d{1,9}): 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]{1,16})/[0-9a-fx]+/([0-9a-f]{1,16})\]")

    def __init__(self, path: Path, arch: Arch, *, is_machine: bool) -> None:
        if arch.name not in READERS:
            raise UsageError(f"{path}: what QEMU prints of the registers of {arch.name} is not known; use execlog")
        self._path, self._arch, self._is_machine = path, arch, is_machine

    @property
    def scope(self) -> Scope:
        """See :class:`~gdbtrace.logs.format.LogFormat`."""
        return Scope(
            has_bytes=False,
            has_memory=False,
            has_values=False,
            has_events=False,
            has_modes=False,
            is_extra=extra_of(self._arch.name, is_machine=self._is_machine),
            is_folded=FOLDED.get(self._arch.name, never_folded),
        )

    def frames(self, lines: Iterable[Line]) -> Iterator[StdFrame]:
        """See :class:`~gdbtrace.logs.format.LogFormat`."""
        dumps: dict[int, _Dump] = {}
        state: tuple[int, int] | None = None
        dump: list[bytes] = []
        for line in lines:
            text = line.text
            if text.startswith(b"Trace "):
                if state is not None:
                    yield self._frame(state, dump, dumps)
                state = self._begun(line)
                dump = []
            elif text.startswith(_STOPPED):
                state = None
            elif state is not None and len(dump) < _MOST_LINES:
                dump.append(text)
        if state is not None:
            yield self._frame(state, dump, dumps)

    def _begun(self, line: Line) -> tuple[int, int]:
        """CPU and address."""
        found = self._LINE.match(line.text)
        if found is None:
            raise damaged(self._path, line)
        if int(found[3], 16) & _COUNT != 1:
            raise UsageError(
                f"{self._path}: its blocks have several instructions; have QEMU make it with -singlestep, since 8.1 "
                "-one-insn-per-tb, and -d nochain,exec,cpu,fpu"
            )
        return int(found[1]), int(found[2], 16)

    def _frame(self, state: tuple[int, int], lines: Sequence[bytes], dumps: dict[int, _Dump]) -> StdFrame:
        cpu, address = state
        if cpu not in dumps:
            if len(dumps) >= _MOST_CPUS:
                raise TraceFormatError(self._path, 0, f"a log of more than {_MOST_CPUS} CPUs")
            dumps[cpu] = _Dump(self._arch)
        return StdFrame(address, cpu, b"", dumps[cpu].operands(lines), None)


class _Dump:
    """The registers of a CPU as last printed. Few lines change from one dump to the next, so only those are read."""

    def __init__(self, arch: Arch) -> None:
        self._read = READERS[arch.name]
        # The state's own address says where it is; of MIPS16 and the like the program counter has the mode, too.
        self._widths = {each.name: each.bits for each in arch.registers if each.stub_name != arch.pc}
        self._lines: list[bytes] = []
        self._printed: list[list[Printed]] = []
        """What each line says, if no line before it says the same."""
        self._parts: dict[str, dict[int, int]] = {}
        """Register -> mask -> value."""
        self._operands: dict[str, Operand] = {}

    def operands(self, lines: Sequence[bytes]) -> tuple[Operand, ...]:
        """The registers after the next dump."""
        lines = _joined(lines)
        changed = [at for at, (new, old) in enumerate(zip(lines, self._lines, strict=False)) if new != old]
        changed += range(len(lines), len(self._lines))
        names = {name: None for at in changed for name, _, _ in self._printed[at]}
        for name, _, mask in chain.from_iterable(self._printed[at] for at in changed):
            del self._parts[name][mask]
        changed = [at for at in changed if at < len(lines)]
        changed += range(len(self._lines), len(lines))
        del self._printed[len(lines) :]
        self._printed += ([] for _ in range(len(lines) - len(self._printed)))
        for at in changed:
            self._printed[at] = list(self._news(lines[at]))
            names |= dict.fromkeys(name for name, _, _ in self._printed[at])
        self._lines = list(lines)
        for name in names:
            self._combine(name)
        return tuple(self._operands.values())

    def _news(self, line: bytes) -> Iterator[Printed]:
        """What a line says that none before it does: a dump of another kind (``-d int``) may follow."""
        try:
            printed = list(self._read(line.decode("latin-1")))
        except (ValueError, IndexError):
            # Another log's line that begins as one of a dump does.
            return
        for each in printed:
            parts = self._parts.setdefault(each.name, {}) if each.name in self._widths else None
            if parts is not None and each.mask not in parts:
                parts[each.mask] = each.value
                yield each

    def _combine(self, name: str) -> None:
        value = known = 0
        for mask, part in self._parts[name].items():
            value |= part & mask
            known |= mask
        bits = min(known.bit_length(), self._widths[name])
        if not known or known & known + 1:
            self._operands.pop(name, None)
            return
        data = (value & (1 << bits) - 1).to_bytes((bits + 7) // 8, "little")
        self._operands[name] = Operand(RegisterLocation(name), bits, data, _READ)


def _joined(lines: Sequence[bytes]) -> Sequence[bytes]:
    """Each line for itself: the upper half of an SVE register stands in one before the rest."""
    if not any(line.startswith(b"   [") for line in lines):
        return lines
    return b"\n".join(lines).replace(b"\n   [", b" [").splitlines()
