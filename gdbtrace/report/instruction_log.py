"""One line per instruction: QEMU execlog's fields with the symbol, or exactly the memtrace oracle's line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import Arch, Mode
from gdbtrace.image import Image
from gdbtrace.trace.frames import Operand, StdFrame

_MOST_TEXTS = 1 << 16


class LogLines:
    """Formats std frames.

    :param arch: None: nobody knows how to disassemble the trace.
    :param image: the program, for symbols.
    """

    def __init__(self, arch: Arch | None, image: Image | None, load_offset: int = 0) -> None:
        self._modes = {mode.name: mode for mode in arch.modes} if arch else {}
        self._default_mode = arch.modes[0] if arch else None
        self._symbol_of: Callable[[int], str] = cache(lambda address: self._locate(image, address, load_offset))
        self._texts: dict[tuple[int, bytes, str | None], str] = {}

    def line(self, frame: StdFrame) -> str:
        """``vCPU, 0xaddress, 0xbytes, "disassembly"[, load|store, 0xaddress]...[, symbol]``."""
        parts = [
            str(frame.thread_id),
            f"{frame.address:#x}",
            f"0x{frame.rawbytes.hex()}",
            f'"{self._text(frame)}"',
        ]
        parts += [f"load, {operand.address:#x}" for operand in frame.memory_reads()]
        parts += [f"store, {operand.address:#x}" for operand in frame.memory_writes()]
        if symbol := self._symbol_of(frame.address):
            parts.append(symbol)
        return ", ".join(parts)

    def _text(self, frame: StdFrame) -> str:
        key = frame.address, frame.rawbytes, frame.mode
        text = self._texts.get(key)
        if text is None:
            mode: Mode | None = self._modes.get(frame.mode, self._default_mode)
            text = disassemble(frame.rawbytes, frame.address, mode).text if mode else f".byte 0x{frame.rawbytes.hex()}"
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            self._texts[key] = text
        return text

    @staticmethod
    def _locate(image: Image | None, address: int, load_offset: int) -> str:
        location = image.locate(address, load_offset) if image else None
        return str(location) if location else ""


def memtrace_line(frame: StdFrame) -> str:
    """``<vcpu> <pc> <bytes> [L<address>:<size> | S<address>:<size>]...``, as the QEMU plugin in our tests prints it."""
    parts = [f"{frame.thread_id} {frame.address:x} {frame.rawbytes.hex()}"]
    parts += [_access("L", operand) for operand in frame.memory_reads()]
    parts += [_access("S", operand) for operand in frame.memory_writes()]
    return " ".join(parts)


def _access(letter: str, operand: Operand) -> str:
    return f"{letter}{operand.address:x}:{operand.bits // 8}"
