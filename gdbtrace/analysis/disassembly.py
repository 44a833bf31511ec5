"""What the instructions of a trace are: text, mnemonic, groups. Each is decoded once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

import capstone

from gdbtrace.arch.disassembler import at_and_t_text, disassemble
from gdbtrace.arch.model import Arch, Branch, Disassembled, Mode
from gdbtrace.errors import TraceFormatError
from gdbtrace.objdump import problem_of, texts_of
from gdbtrace.trace.frames import Frame, StdFrame

Key = tuple[int, bytes, str | None]
"""What tells instructions apart: address, bytes, mode; as :class:`~gdbtrace.trace.frames.StdFrame` has them."""

_MOST_KEPT = 1 << 16
_BATCH = 1 << 12
"""Frames that are looked at together where objdump has to be asked: a run of it costs some ten milliseconds."""


_UNKNOWN = "(bytes unknown)"
_NO_ARCHITECTURE = "instructions are shown as bytes: the trace does not say of which architecture; --arch says it"


class Syntax(Enum):
    """How x86 is written."""

    INTEL = "intel"
    ATT = "att"


@dataclass(frozen=True, slots=True)
class Instruction:
    """What is known of an instruction."""

    text: str
    """As a disassembler prints it; ``.byte 0x...`` where none knows it, and other words where it has no bytes."""
    operations: tuple[str, ...]
    """Its mnemonic, as the disassembler prints it; of a packet, that of each instruction in it."""
    groups: tuple[str, ...]
    """capstone's groups by name (``jump``, ``call``, ``fpu``); empty where it has none."""
    branch: Branch | None = None
    """What is known of it as a branch; None: it always goes to the next instruction, or nobody knows."""

    @property
    def is_branch(self) -> bool:
        """It may go elsewhere than to the next instruction."""
        return self.branch is not None


class Disassembly:
    """Decodes the instructions of one trace.

    :param arch: None: nobody knows how to disassemble it.
    """

    def __init__(self, arch: Arch | None) -> None:
        self._arch = arch
        self._modes = {mode.name: mode for mode in arch.modes} if arch else {}
        self._default_mode = arch.modes[0] if arch else None
        self._known: dict[Key, Instruction] = {}
        self.asks_objdump = any(mode.objdump for mode in self._modes.values())
        """Some instructions cost a run of a program: ask for many at once."""

    @property
    def address_mask(self) -> int:
        """All the bits that an address of the trace may have."""
        return self._arch.address_mask if self._arch else (1 << 64) - 1

    @property
    def stack_pointer(self) -> str | None:
        """The register's name in frames."""
        return self._arch.sp if self._arch else None

    @property
    def structure_return(self) -> int:
        """Bytes behind its call that a function may skip when it returns."""
        return self._arch.structure_return if self._arch else 0

    @property
    def knows_branches(self) -> bool:
        """Whether an instruction that is no branch is known to be none."""
        return self._arch is not None

    @property
    def problem(self) -> str:
        """Why the instructions have no text on this machine; empty: they have."""
        return problem_of(self._arch) if self._arch else _NO_ARCHITECTURE

    def look_ahead(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The same frames; where objdump has to be asked, it has been asked for many of them at once."""
        return self._asked_ahead(iter(frames)) if self.asks_objdump else iter(frames)

    def _asked_ahead(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        known = self._known
        for first in frames:
            # Frames are kept only where something new is met: megabytes of them are slow to read.
            if type(first) is not StdFrame or (first.address, first.rawbytes, first.mode) in known:
                yield first
                continue
            batch: list[Frame] = [first]
            failure: TraceFormatError | None = None
            try:
                for frame in itertools.islice(frames, _BATCH - 1):
                    batch.append(frame)
            except TraceFormatError as error:
                # Those before the damage come first.
                failure = error
            self.learn((frame.address, frame.rawbytes, frame.mode) for frame in batch if isinstance(frame, StdFrame))
            yield from batch
            if failure is not None:
                raise failure

    def at(self, address: int, rawbytes: bytes, mode: str | None) -> Instruction:
        """An instruction. One at a time is slow where objdump is asked: see :meth:`look_ahead` and :meth:`learn`."""
        key = address, rawbytes, mode
        try:
            return self._known[key]
        except KeyError:
            self.learn([key])
            return self._known[key]

    def text_of(self, address: int, rawbytes: bytes, mode: str | None, syntax: Syntax) -> str:
        """The text of an instruction; not kept where it is not the one of :meth:`at`."""
        known = self._modes.get(mode, self._default_mode)
        if syntax is Syntax.ATT and known is not None and (text := at_and_t_text(rawbytes, address, known)):
            return text
        return self.at(address, rawbytes, mode).text

    def learn(self, keys: Iterable[Key]) -> None:
        """Find out about instructions; those that only objdump knows, all at once."""
        found: dict[Key, Instruction] = {}
        unknown: dict[str | None, list[Key]] = {}
        for key in dict.fromkeys(keys):
            if key in self._known:
                continue
            instruction = self._decoded(key)
            if instruction is None:
                unknown.setdefault(key[2], []).append(key)
            else:
                found[key] = instruction
        for name, some in unknown.items():
            mode = self._modes.get(name, self._default_mode)
            assert self._arch is not None
            assert mode is not None
            texts = texts_of(self._arch, mode, [key[:2] for key in some])
            found |= {key: self._of_text(texts.get(key[:2]), key, mode) for key in some}
        if len(self._known) + len(found) > _MOST_KEPT:
            self._known.clear()
        self._known |= found

    def _decoded(self, key: Key) -> Instruction | None:
        """What is known without objdump; None: that may know more."""
        address, rawbytes, name = key
        entry = self._arch.entry_points.get(address) if self._arch and not rawbytes else None
        if entry is not None:
            return Instruction(entry.name, (entry.name,), (), Branch(0, is_computed=True))
        mode = self._modes.get(name, self._default_mode)
        if not rawbytes:
            # A log need not have them.
            return Instruction(_UNKNOWN, (_UNKNOWN,), ())
        if self._arch is None or mode is None:
            return self._of_text(None, key, mode)
        decoded = disassemble(rawbytes, address, mode)
        found = decoded.capstone
        if not isinstance(found, capstone.CsInsn):
            return None if mode.objdump else self._of_text(decoded.text, key, mode)
        # Some of TriCore's have no name.
        groups = tuple(name for group in found.groups if (name := found.group_name(group)))
        return Instruction(decoded.text, (decoded.mnemonic,), groups, self._arch.branch_of(decoded))

    def _of_text(self, text: str | None, key: Key, mode: Mode | None) -> Instruction:
        address, rawbytes, _ = key
        branch = None
        if self._arch is not None and mode is not None:
            branch = self._arch.branch_of(Disassembled(address, rawbytes, mode, "", "", None))
        if text and mode and mode.objdump and mode.objdump.operations_of:
            return Instruction(text, mode.objdump.operations_of(text), (), branch)
        text = text or f".byte 0x{rawbytes.hex()}"
        return Instruction(text, (text.split(maxsplit=1)[0],), (), branch)
