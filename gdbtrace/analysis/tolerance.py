"""Which differences between two traces are to be expected, and are therefore none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gdbtrace.analysis.reading import AddressRange


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is not compared.

    Command line (``--mask-register NAME[:BITS]``...), suites (TOML) and the pytest plugin write masks in the same words:
    see :meth:`parse`.
    """

    registers: Mapping[str, int] = field(default_factory=dict)
    """Glob of a register's name -> its bits that are not compared; -1: none of it is."""
    memory: Sequence[AddressRange] = ()
    """Addresses whose contents are not compared."""
    instructions: Sequence[str] = ()
    """Globs of instructions' texts (``rdtsc``, ``mrs *, cntvct_el0``) whose results are not compared."""
    nondeterministic: bool = True
    """Nor are those of the instructions that the architecture's table says are never the same."""
    undefined: bool = True
    """Nor flags that the architecture leaves undefined."""
    events: bool = True
    """Frames that are no instructions are compared; False: passed over."""
    is_relocated: bool = False
    """Modules, stack and heap may be elsewhere: addresses are compared by their place in these."""

    @staticmethod
    def parse(
        registers: Sequence[str] = (), memory: Sequence[str] = (), instructions: Sequence[str] = (), **flags: bool
    ) -> Tolerance:
        """Masks as a user writes them.

        :param registers: ``NAME[:BITS]``, the name a glob, BITS ``7``, ``3-0``, a list of these or a mask in hexadecimal.
        :param memory: ``LOW-HIGH`` or ``ADDRESS``.
        :param instructions: globs.
        :param flags: the other fields.
        :raise UsageError: one of them is not well-formed.
        """
        raise NotImplementedError


STRICT = Tolerance(nondeterministic=False, undefined=False)
"""Nothing is expected to be different."""
