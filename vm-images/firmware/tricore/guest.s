# TriCore, machine tricore_testboard: contexts saved by calls and traps in a list of our own, a system call, an illegal
# instruction, loads and stores of all sizes, a read-modify-write, the hardware loop.  QEMU has no interrupts for it and no
# console: the exit status, given to QEMU's test device, is 42, or the number of the check that failed.

TEST_DEVICE = 0xf0000000
CSA         = 0xd0000000        # context save areas, of 64 bytes each, in the core's data memory
CSA_COUNT   = 32
DATA        = 0xd0002000
STACK       = 0xd0004000
PSW         = 0xfe04            # numbers of core registers
PCXI        = 0xfe00
BTV         = 0xfe24
ISP         = 0xfe28
FCX         = 0xfe38
LCX         = 0xfe3c

_start:
    movh.a  %a10, hi:STACK
    lea     %a10, [%a10] lo:STACK
    movh    %d0, hi:trap_table
    addi    %d0, %d0, lo:trap_table
    mtcr    BTV, %d0
    movh    %d0, hi:STACK-0x400
    addi    %d0, %d0, lo:STACK-0x400
    mtcr    ISP, %d0
    isync

    # The free list: each area's first word links to the next (segment in bits 19:16, index in bits 15:0).
    movh.a  %a2, hi:CSA
    lea     %a2, [%a2] lo:CSA
    movh    %d0, 0xd            # the link to CSA itself
    mtcr    FCX, %d0
    mov     %d1, CSA_COUNT-2
    mov.a   %a3, %d1
link:
    add     %d0, 1
    st.w    %d0, [%a2] 0
    lea     %a2, [%a2] 64
    loop    %a3, link
    mov     %d1, 0
    st.w    %d1, [%a2] 0        # the last
    mtcr    LCX, %d0
    isync

    # Calls save the upper context in an area, returns give it back.
    mov     %d8, 0x777
    mov     %d4, 20
    call    sum
    mov     %d15, 210
    mov     %d14, 1
    jne     %d2, %d15, failed
    mov     %d15, 0x777
    mov     %d14, 2
    jne     %d8, %d15, failed   # sum overwrites %d8, its caller's is in the area
    movh.a  %a4, hi:sum
    lea     %a4, [%a4] lo:sum
    mov     %d4, 3
    calli   %a4
    mov     %d14, 3
    jne     %d2, 6, failed

    # The lower context, saved and restored by hand.
    mov     %d1, 5
    svlcx
    mov     %d1, 6
    rslcx
    mov     %d14, 4
    jne     %d1, 5, failed

    # Loads and stores.
    movh.a  %a2, hi:DATA
    lea     %a2, [%a2] lo:DATA
    movh    %d0, 0x89ab
    addi    %d0, %d0, 0x4def
    mov     %d1, -2
    st.d    %d0, [%a2] 0        # the pair %d0, %d1
    st.b    %d0, [%a2] 8
    st.h    %d0, [%a2] 10
    st.w    %d0, [%a2] 12
    st.a    %a2, [%a2] 16
    ld.d    %d2, [%a2] 0
    mov     %d14, 5
    jne     %d2, %d0, failed
    jne     %d3, %d1, failed
    ld.bu   %d2, [%a2] 8
    mov     %d15, 0xef
    mov     %d14, 6
    jne     %d2, %d15, failed
    ld.b    %d2, [%a2] 8
    mov     %d15, -17
    jne     %d2, %d15, failed
    ld.hu   %d2, [%a2] 10
    mov     %d15, 0x4def
    mov     %d14, 7
    jne     %d2, %d15, failed
    ld.h    %d2, [%a2] 14
    movh    %d15, 0x89ab
    sh      %d3, %d2, 8
    sh      %d3, %d3, 8
    mov     %d14, 8
    jne     %d3, %d15, failed
    ld.a    %a5, [%a2] 16
    mov.d   %d3, %a5
    mov.d   %d4, %a2
    mov     %d14, 9
    jne     %d3, %d4, failed

    # A copy with the hardware loop and addresses that count on.
    mov.aa  %a4, %a2
    lea     %a5, [%a2] 64
    mov     %d3, 4
    mov.a   %a6, %d3
copy:
    ld.w    %d3, [%a4+] 4
    st.w    %d3, [%a5+] 4
    loop    %a6, copy
    ld.w    %d3, [%a2] 76
    mov     %d14, 10
    jne     %d3, %d0, failed

    # Read-modify-write.
    mov     %d4, 7
    swap.w  %d4, [%a2] 76
    ld.w    %d5, [%a2] 76
    mov     %d14, 11
    jne     %d4, %d0, failed
    jne     %d5, 7, failed
    mov     %d6, 0x55           # the value
    mov     %d7, 0x0f           # and the mask
    ldmst   %d6, [%a2] 76
    ld.w    %d5, [%a2] 76
    mov     %d14, 12
    jne     %d5, 5, failed

    # A system call: class 6, and its number in %d15.  QEMU 7.2 executes it as a nop.
    mov     %d2, 0
    syscall 9
    jeq     %d2, 0, illegal
    mov     %d14, 13
    mov     %d15, 18
    jne     %d2, %d15, failed

    # An illegal instruction: class 2, number 1.
illegal:
    mov     %d2, 0
    .word   0x0550002d
    mov     %d14, 14
    jne     %d2, 1, failed

    # An invalid operand, half of a pair: class 2, number 3.
    mov     %d2, 0
    ld.d    %d3, [%a2] 0
    mov     %d14, 15
    jne     %d2, 3, failed

    mov     %d14, 42
failed:
    movh.a  %a2, hi:TEST_DEVICE
    st.w    %d14, [%a2] 0
done:
    j       done

sum:                            # %d2 = %d4 + (%d4 - 1) + ... + 0
    mov     %d8, %d4
    mov     %d2, 0
    jeq     %d8, 0, sum_end
    add     %d4, -1
    call    sum
    add     %d2, %d2, %d8
sum_end:
    ret

# Traps: eight classes, 32 bytes each.
    .align  256
trap_table:
    j       unexpected_trap     # 0: memory management
    .align  32
    j       unexpected_trap     # 1: protection
    .align  32
instruction_trap:               # 2: instruction errors
    mov     %d2, %d15
    lea     %a11, [%a11] 4      # return behind it
    rfe
    .align  32
    j       unexpected_trap     # 3: context management
    .align  32
    j       unexpected_trap     # 4: bus
    .align  32
    j       unexpected_trap     # 5: assertion
    .align  32
system_call:                    # 6: system call
    add     %d2, %d15, %d15
    rfe
    .align  32
    j       unexpected_trap     # 7: not maskable
unexpected_trap:
    mov     %d14, 100
    j       failed
