"""Which steps of a Cortex-M are exceptions: entries told from returns, and from what merely looks like one."""

from __future__ import annotations

import pytest

from gdbtrace.arch.arm import ARM_M
from gdbtrace.arch.disassembler import disassemble
from gdbtrace.arch.model import AddressKind, StepRule, Taken
from gdbtrace.arch.system.arm_m import M_PROFILE

NOP, BX_LR, POP_R4_PC, WFI, SVC = (bytes.fromhex(text) for text in ("00bf", "7047", "10bd", "30bf", "01df"))
POP_W_R4_PC, LDR_PC_FROM_SP = bytes.fromhex("bde81080"), bytes.fromhex("5df804fb")
TO_HANDLER, TO_THREAD, TO_THREAD_ON_PROCESS_STACK = 0xFFFFFFF1, 0xFFFFFFF9, 0xFFFFFFFD


class State(dict[str, int]):
    """Registers, the instruction at them, and memory by word."""

    def __init__(self, number: int, instruction: bytes = b"", memory: dict[int, int] | None = None, **registers: int):
        super().__init__({"xpsr": 0x01000000 | number, "sp": 0x20001000, "lr": 0, "pc": 0x100} | registers)
        self.instruction = instruction
        self.memory = memory or {}

    def anew(self, name: str) -> int:
        return self[name]

    def read_memory(self, address: int, size: int) -> bytes:
        return self.memory[address].to_bytes(size, "little")


def taken(before: State, after: State) -> Taken | None:
    return M_PROFILE.taken(before, after)


@pytest.mark.parametrize("number", [2, 14, 15, 16, 300])
def test_an_interrupt_of_the_thread(number: int) -> None:
    assert taken(State(0, NOP), State(number, lr=TO_THREAD, sp=0x20000FE0)) == Taken(number, is_interrupt=True)


@pytest.mark.parametrize("number", [3, 4, 5, 6, 11, 12])
def test_a_fault_or_call_of_the_thread(number: int) -> None:
    assert taken(State(0, SVC), State(number, lr=TO_THREAD, sp=0x20000FE0)) == Taken(number)


def test_a_plain_instruction_in_a_handler() -> None:
    assert taken(State(15, NOP, lr=TO_THREAD), State(15, lr=TO_THREAD, pc=0x102)) is None


def test_a_return_to_the_thread() -> None:
    assert taken(State(15, BX_LR, lr=TO_THREAD), State(0, pc=0x4000, sp=0x20001020)) is None


@pytest.mark.parametrize(("instruction", "popped"), [(BX_LR, 0), (POP_R4_PC, 8), (POP_W_R4_PC, 8), (LDR_PC_FROM_SP, 4)])
def test_a_handler_gives_way_to_another_that_was_active_beneath(instruction: bytes, popped: int) -> None:
    before = State(15, instruction, lr=TO_HANDLER)
    # A frame of 0x20 bytes has been popped, and the handler beneath may have the same link register.
    assert taken(before, State(14, pc=0x4000, lr=TO_THREAD, sp=0x20001020 + popped)) is None


@pytest.mark.parametrize(("instruction", "popped"), [(BX_LR, 0), (POP_R4_PC, 8), (POP_W_R4_PC, 8), (LDR_PC_FROM_SP, 4)])
def test_a_handler_is_followed_by_another_that_was_pending(instruction: bytes, popped: int) -> None:
    before = State(15, instruction, lr=TO_THREAD)
    after = State(14, pc=0x4000, lr=TO_THREAD, sp=0x20001000 + popped)
    assert taken(before, after) == Taken(14, is_executed=True)


@pytest.mark.parametrize("instruction", [NOP, BX_LR, POP_R4_PC])
def test_a_handler_is_interrupted_at_whatever_it_was_about_to_do(instruction: bytes) -> None:
    before = State(14, instruction, lr=TO_THREAD)
    after = State(15, pc=0x4000, lr=TO_HANDLER, sp=0x20000FE0)
    assert taken(before, after) == Taken(15, is_interrupt=True)


@pytest.mark.parametrize(
    ("instruction", "popped", "memory"),
    [(BX_LR, 0, {}), (POP_R4_PC, 8, {0x20001004: TO_THREAD}), (LDR_PC_FROM_SP, 4, {0x20001000: TO_THREAD})],
)
def test_an_exception_pending_again_follows_itself(instruction: bytes, popped: int, memory: dict[int, int]) -> None:
    before = State(15, instruction, lr=TO_THREAD)
    after = State(15, pc=0x100, lr=TO_THREAD, sp=0x20001000 + popped, memory=memory)
    assert taken(before, after) == Taken(15, is_executed=True)


def test_a_handler_that_loops_or_returns_from_a_function_takes_nothing() -> None:
    after = State(15, pc=0x100, lr=TO_THREAD, memory={0x20001004: 0x101})
    assert taken(State(15, bytes.fromhex("fee7"), lr=TO_THREAD), after) is None
    assert taken(State(15, POP_R4_PC, lr=0x201), after) is None
    assert taken(State(15, BX_LR, lr=0x201), after) is None


@pytest.mark.parametrize("return_address", [0x100, 0x102])
@pytest.mark.parametrize(
    ("exc_return", "frame"),
    [(TO_THREAD, 0x20000FE0), (TO_THREAD_ON_PROCESS_STACK, 0x20000FD8), (0xFFFFFFED, 0x20000F90)],
)
def test_whether_a_wait_had_begun_says_the_return_address(return_address: int, exc_return: int, frame: int) -> None:
    on_process_stack = exc_return & 4
    before = State(0, WFI, sp=0x20000FFC if on_process_stack else 0x20001000)
    after_sp = 0x20003000 if on_process_stack else 0x20000FE0
    after = State(15, lr=exc_return, sp=after_sp, memory={frame + 0x18: return_address})
    assert taken(before, after) == Taken(15, is_interrupt=True, returns_to=return_address)


@pytest.mark.parametrize("data", [WFI, bytes.fromhex("aff30380")])
def test_wfi_halts(data: bytes) -> None:
    assert ARM_M.behaviour_of(disassemble(data, 0x100, ARM_M.modes[0])).rule is StepRule.HALT


@pytest.mark.parametrize(("data", "text"), [("80f31488", "msr control, r0"), ("eff30583", "mrs r3, ipsr")])
def test_special_registers_have_their_names(data: str, text: str) -> None:
    assert disassemble(bytes.fromhex(data), 0, ARM_M.modes[0]).text == text


def test_no_address_is_translated() -> None:
    assert M_PROFILE.physical(State(0), 0x20000000, AddressKind.DATA) == 0x20000000
