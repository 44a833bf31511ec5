"""Misses of machines' traces against those that QEMU's own cache plugin counted in a free run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gdbtrace.cli import main
from tests.exactness.firmware_run import firmware_guests

GUESTS = {guest.name: guest for guest in firmware_guests()}
THEIRS = {
    "lm3s6965evb": ["0       699            108            15.4506%  3462           81              2.3397%"],
    "leon3_generic": ["0       405            187            46.1728%  2197           262            11.9254%"],
    "virt-riscv64": [
        "0       782            250            31.9693%  2469           154             6.2373%",
        "1       205            30             14.6341%  520            22              4.2308%",
        "sum     987            280            28.3688%  2989           176             5.8883%",
    ],
}
"""What contrib/plugins/cache.c of Debian's source of QEMU 7.2, loaded into the command line of the trace, printed with

icachesize=128,iblksize=32,iassoc=2,dcachesize=64,dblksize=16,dassoc=2

These execute where they are linked: the plugin looks fetches up by the address that QEMU has them at, a trace by the
guest's. The last one has two vCPUs, with caches of their own."""


@pytest.mark.parametrize("name", THEIRS)
def test_misses_of_a_machine_are_those_of_qemus_cache_plugin(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace"
    run, _ = GUESTS[name].told(interrupts=True)
    run.trace(trace)

    assert main(["cache", str(trace), "--l1i", "128,32,2", "--l1d", "64,16,2", "--first-block"]) == 0

    assert capsys.readouterr().out.split("\n\n")[0].splitlines()[1:] == THEIRS[name]
