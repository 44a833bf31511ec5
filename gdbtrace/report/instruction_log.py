"""One line per instruction: QEMU execlog's fields with the symbol, or exactly the memtrace oracle's line."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Arch, Mode
from gdbtrace.image import Image
from gdbtrace.objdump import Instruction, problem_of, texts_of
from gdbtrace.report.symbols import Symbols
from gdbtrace.trace.frames import Frame, MemoryLocation, ModloadFrame, Operand, StdFrame

_MOST_TEXTS = 1 << 16
_BATCH = 1 << 12
"""Frames that are looked at together where objdump has to be asked: a run of it costs some ten milliseconds."""


class LogLines:
    """Formats std frames.

    :param arch: None: nobody knows how to disassemble the trace.
    :param image: the program, for symbols.
    """

    def __init__(self, arch: Arch | None, image: Image | None) -> None:
        self._arch = arch
        self._modes = {mode.name: mode for mode in arch.modes} if arch else {}
        self._default_mode = arch.modes[0] if arch else None
        self._symbols = Symbols(arch, image)
        self._texts: dict[tuple[int, bytes, str | None], str] = {}

    @property
    def problem(self) -> str:
        """Why the instructions have no text on this machine; empty: they have."""
        return problem_of(self._arch) if self._arch else ""

    def lines(self, frames: Iterable[Frame]) -> Iterator[str]:
        """The line of each std frame (:meth:`line`), with one look ahead for many of them where objdump is asked.

        Modload frames say where symbols are from there on; other frames are passed over.
        """
        batch_size = _BATCH if any(_is_for_objdump(mode) for mode in self._modes.values()) else 1
        remaining = iter(frames)
        while batch := list(itertools.islice(remaining, batch_size)):
            self._ask_objdump([frame for frame in batch if isinstance(frame, StdFrame)])
            for frame in batch:
                if isinstance(frame, StdFrame):
                    yield self.line(frame)
                elif isinstance(frame, ModloadFrame):
                    self._symbols.add(frame)

    def line(self, frame: StdFrame) -> str:
        """``vCPU, 0xaddress, 0xbytes, "disassembly"[, load|store, 0xaddress[, device]]...[, symbol]``."""
        parts = [
            str(frame.thread_id),
            f"{frame.address:#x}",
            f"0x{frame.rawbytes.hex()}",
            f'"{self._text(frame)}"',
        ]
        parts += [f"load, {_place(operand)}" for operand in frame.memory_reads()]
        parts += [f"store, {_place(operand)}" for operand in frame.memory_writes()]
        if symbol := self._symbols.name_at(frame.address):
            parts.append(symbol)
        return ", ".join(parts)

    def _text(self, frame: StdFrame) -> str:
        key = frame.address, frame.rawbytes, frame.mode
        if key not in self._texts:
            self._ask_objdump([frame])
        text = self._texts.get(key)
        if text is None:
            mode = self._mode_of(frame)
            entry = self._arch.entry_points.get(frame.address) if self._arch and not frame.rawbytes else None
            if entry is not None:
                return entry.name
            text = disassemble(frame.rawbytes, frame.address, mode).text if mode else _bytes_as_text(frame.rawbytes)
            self._add({key: text})
        return text

    def _ask_objdump(self, frames: Sequence[StdFrame]) -> None:
        """Learn the texts that only objdump knows, of all these frames at once."""
        unknown: dict[str | None, dict[Instruction, None]] = {}
        for frame in frames:
            mode = self._mode_of(frame)
            if (
                frame.rawbytes
                and mode
                and _is_for_objdump(mode)
                and (frame.address, frame.rawbytes, frame.mode) not in self._texts
            ):
                unknown.setdefault(frame.mode, {})[frame.address, frame.rawbytes] = None
        for name, instructions in unknown.items():
            mode = self._modes.get(name, self._default_mode)
            if self._arch and mode:
                texts = texts_of(self._arch, mode, list(instructions))
                self._add({(*each, name): texts.get(each) or _bytes_as_text(each[1]) for each in instructions})

    def _add(self, texts: dict[tuple[int, bytes, str | None], str]) -> None:
        if len(self._texts) + len(texts) > _MOST_TEXTS:
            self._texts.clear()
        self._texts |= texts

    def _mode_of(self, frame: StdFrame) -> Mode | None:
        return self._modes.get(frame.mode, self._default_mode)


def _place(operand: Operand) -> str:
    """Where an access went. As execlog has it: a device's is the physical address, with the device's name."""
    location = operand.location
    if not (isinstance(location, MemoryLocation) and location.device):
        return f"{operand.address:#x}"
    return f"{operand.address if location.physical is None else location.physical:#x}, {location.device}"


def _bytes_as_text(data: bytes) -> str:
    return f".byte 0x{data.hex()}"


def _is_for_objdump(mode: Mode) -> bool:
    return mode.capstone_arch is None and mode.objdump is not None


def memtrace_line(frame: StdFrame) -> str:
    """``<vcpu> <pc> <bytes> [L<address>:<size> | S<address>:<size>]...``, as the QEMU plugin in our tests prints it."""
    parts = [f"{frame.thread_id} {frame.address:x} {frame.rawbytes.hex()}"]
    parts += [_access("L", operand) for operand in frame.memory_reads()]
    parts += [_access("S", operand) for operand in frame.memory_writes()]
    return " ".join(parts)


def _access(letter: str, operand: Operand) -> str:
    return f"{letter}{operand.address:x}:{operand.bits // 8}"
