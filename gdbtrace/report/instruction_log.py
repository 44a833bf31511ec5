"""One line per instruction: QEMU execlog's fields with the symbol, or exactly the memtrace oracle's line."""

from __future__ import annotations

from gdbtrace.analysis.disassembly import Disassembly
from gdbtrace.analysis.symbols import Symbols
from gdbtrace.trace.frames import MemoryLocation, Operand, StdFrame


class LogLines:
    """Formats std frames."""

    def __init__(self, disassembly: Disassembly, symbols: Symbols) -> None:
        self._disassembly = disassembly
        self._symbols = symbols

    def line(self, frame: StdFrame) -> str:
        """``vCPU, 0xaddress, 0xbytes, "disassembly"[, load|store, 0xaddress[, device]]...[, symbol]``."""
        instruction = self._disassembly.at(frame.address, frame.rawbytes, frame.mode)
        parts = [
            str(frame.thread_id),
            f"{frame.address:#x}",
            f"0x{frame.rawbytes.hex()}",
            f'"{instruction.text}"',
        ]
        parts += [f"load, {_place(operand)}" for operand in frame.memory_reads()]
        parts += [f"store, {_place(operand)}" for operand in frame.memory_writes()]
        if symbol := self._symbols.name_at(frame.address):
            parts.append(symbol)
        return ", ".join(parts)


def _place(operand: Operand) -> str:
    """Where an access went. As execlog has it: a device's is the physical address, with the device's name."""
    location = operand.location
    if not (isinstance(location, MemoryLocation) and location.device):
        return f"{operand.address:#x}"
    return f"{operand.address if location.physical is None else location.physical:#x}, {location.device}"


def memtrace_line(frame: StdFrame) -> str:
    """``<vcpu> <pc> <bytes> [L<address>:<size> | S<address>:<size>]...``, as the QEMU plugin in our tests prints it."""
    parts = [f"{frame.thread_id} {frame.address:x} {frame.rawbytes.hex()}"]
    parts += [_access("L", operand) for operand in frame.memory_reads()]
    parts += [_access("S", operand) for operand in frame.memory_writes()]
    return " ".join(parts)


def _access(letter: str, operand: Operand) -> str:
    return f"{letter}{operand.address:x}:{operand.bits // 8}"
