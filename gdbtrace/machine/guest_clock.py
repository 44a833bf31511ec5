"""What time it is for a guest, while its machine stands still.

No command of QEMU's monitor tells its virtual clock.  But its packet filter ``dump`` notes for each packet what that
clock shows, and a packet from outside comes to it whether or not the machine runs.  They go from a socket of ours
to a hub, to which no network card of the guest's is connected.
"""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path

_PACKET = bytes(60)
"""An Ethernet frame of the least length."""
_RECORD = struct.Struct("=IIII60s")
"""pcap-savefile(5): seconds, microseconds, two lengths, the packet."""
_ANSWER_SECONDS = 1.0
_POLL_SECONDS = 0.0005


class GuestClock:
    """The virtual clock of one QEMU.

    :param directory: QEMU's private one.
    """

    def __init__(self, directory: Path) -> None:
        self._socket_path = directory / "time"
        self._dump = directory / "times"

    def arguments(self) -> list[str]:
        """What QEMU is told."""
        asked, dump = (str(path).replace(",", ",,") for path in (self._socket_path, self._dump))
        ends = f"local.type=unix,local.path={asked},remote.type=unix,remote.path={asked}-nobody"
        return [
            *("-netdev", f"dgram,id=time,{ends}", "-netdev", "hubport,id=time-hub,hubid=1,netdev=time"),
            # A hub with one port never takes a packet, and the next would wait for ever.
            *("-netdev", "hubport,id=time-end,hubid=1"),
            *("-object", f"filter-dump,id=times,netdev=time,file={dump}"),
        ]

    def read(self) -> int | None:
        """Microseconds of the guest's time, from a beginning that is the same for this QEMU; None: it does not say.

        At most once between two resumptions: until the next one a second packet waits.
        """
        try:
            known = self._dump.stat().st_size
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
                asker.setblocking(False)
                asker.sendto(_PACKET, str(self._socket_path))
            deadline = time.monotonic() + _ANSWER_SECONDS
            while self._dump.stat().st_size < known + _RECORD.size:
                if time.monotonic() > deadline:
                    return None
                time.sleep(_POLL_SECONDS)
            with self._dump.open("rb") as stream:
                stream.seek(known)
                seconds, microseconds = _RECORD.unpack(stream.read(_RECORD.size))[:2]
        except OSError:
            return None
        return int(seconds) * 1_000_000 + int(microseconds)
