"""The process that demangles: a mangled name a line of input, the demangled one a line of output, empty if it is none.

Names of a traced program are untrusted, and every demangler can be made to need exponential time or memory, or the
whole stack, by a short one. Run by its path, so that it imports nothing of gdbtrace.
"""

import resource
import sys

import pydemumble

_MOST_BYTES = 1 << 30
_MOST_SHOWN = 4096
"""Characters: nobody reads a longer name."""


def main() -> None:
    """Answer until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin.buffer:
        text = pydemumble.demangle(line.decode("ascii").rstrip("\n"))
        shown = "" if len(text) > _MOST_SHOWN else " ".join(text.split())
        sys.stdout.buffer.write(shown.encode(errors="replace") + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
