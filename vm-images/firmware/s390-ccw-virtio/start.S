/* s390x, machine s390-ccw-virtio: PSWs swapped by SVC, by program checks and by the clock comparator, a second CPU started by
 * SIGP with which a lock is shared by CS, an enabled wait that the clock comparator ends, text over the SCLP console.
 *
 * Ends by a disabled wait: at 0xfff, which shuts QEMU down, or at 0xbad, where QEMU says that the guest panicked. */
    .file "start.S"

/* The low core: storage that the CPU knows by its address. */
#define EXT_CODE        0x86
#define SVC_CODE        0x8a
#define PGM_CODE        0x8e
#define EXT_OLD         0x130
#define SVC_OLD         0x140
#define PGM_OLD         0x150
#define RESTART_NEW     0x1a0
#define EXT_NEW         0x1b0
#define SVC_NEW         0x1c0
#define PGM_NEW         0x1d0

#define CLOCK_COMPARATOR 0x1004     /* external interruption code */
#define WRITE_DATA      0x00760005  /* SCLP command */
#define SIGP_RESTART    6
#define ROUNDS          10

    .text
    .globl _start
    .type _start, @function
_start:
    larl    %r1, new_psws
    mvc     RESTART_NEW(64), 0(%r1)
    larl    %r15, stack
    stctg   %c0, %c0, 0(%r15)
    lg      %r1, 0(%r15)
    oill    %r1, 0x0800             # clock comparator
    nill    %r1, 0xf9ff             # nothing else: the SCLP's own interrupt stays pending
    stg     %r1, 0(%r15)
    lctlg   %c0, %c0, 0(%r15)

    larl    %r2, text_hello
    brasl   %r14, print

    # Supervisor call: the number in the low core.
    lghi    %r2, 21
    svc     7
    cghi    %r2, 42
    jne     failed
    lghi    %r1, 7
    ch      %r1, SVC_CODE
    jne     failed
    larl    %r2, text_svc
    brasl   %r14, print

    # Program checks: operation, divide, and the trap of compare-and-trap; the PSW is that of the next instruction.
    .short  0
    lghi    %r1, 1
    ch      %r1, PGM_CODE
    jne     failed
    lghi    %r4, 0
    lghi    %r5, 1
    lghi    %r6, 0
    dr      %r4, %r6
    lghi    %r1, 9
    ch      %r1, PGM_CODE
    jne     failed
    larl    %r1, program_checks
    lg      %r1, 0(%r1)
    cghi    %r1, 2
    jne     failed
    larl    %r2, text_program
    brasl   %r14, print

    # Storage: a block copy, a compare, an executed instruction, registers saved and restored by a recursion.
    larl    %r3, text_hello
    larl    %r4, buffer
    mvc     0(8, %r4), 0(%r3)
    clc     0(8, %r4), 0(%r3)
    jne     failed
    lghi    %r5, 3                  # 4 bytes
    mvi     3(%r4), 0
    exrl    %r5, compare
    je      failed
    lghi    %r2, 20
    brasl   %r14, sum
    cghi    %r2, 210
    jne     failed
    larl    %r2, text_storage
    brasl   %r14, print

    # The second CPU; condition code 3 where there is none.  Both take the lock ROUNDS times.
    lghi    %r2, 0
    lghi    %r3, 1
    sigp    %r2, %r3, SIGP_RESTART
    lghi    %r8, 0
    jo      1f
    lghi    %r8, 1                  # started
1:  brasl   %r14, count

    # The clock comparator, polled for.  Where interrupts are held back it does not come: then none is waited for either.
    larl    %r9, ticks
    brasl   %r14, set_comparator
    stosm   0(%r15), 0x01           # external interruptions on
    lghi    %r1, 700
poll:
    lt      %r2, 0(%r9)
    jne     polled
    brctg   %r1, poll
    stnsm   0(%r15), 0xfe
    larl    %r2, text_no_tick
    brasl   %r14, print
    j       second
polled:
    stnsm   0(%r15), 0xfe
    larl    %r2, text_tick
    brasl   %r14, print

second:                             # what the second CPU did
    ltgr    %r8, %r8
    je      wait
    larl    %r3, finished
    lghi    %r1, 700
1:  lt      %r2, 0(%r3)
    jne     2f
    brctg   %r1, 1b
    larl    %r2, text_no_second
    brasl   %r14, print
    j       wait
2:  larl    %r3, counter
    lghi    %r2, 2 * ROUNDS
    c       %r2, 0(%r3)
    jne     failed
    larl    %r2, text_second
    brasl   %r14, print

wait:
    lt      %r2, 0(%r9)
    je      end
    brasl   %r14, set_comparator
    larl    %r1, wait_psw
    lpswe   0(%r1)                  # on and waiting in one: the interruption cannot come before
    .globl woken
woken:
    lghi    %r1, 2
    c       %r1, 0(%r9)
    jne     failed
    larl    %r2, text_woken
    brasl   %r14, print

end:
    larl    %r2, text_done
    brasl   %r14, print
    larl    %r1, done_psw
    .globl done
done:
    lpswe   0(%r1)

failed:
    larl    %r15, stack
    larl    %r2, text_failed
    brasl   %r14, print
    larl    %r1, failed_psw
    lpswe   0(%r1)
    .size _start, . - _start

compare:
    clc     0(1, %r4), 0(%r3)

    .type print, @function
print:                              # %r2: a zero-terminated text
    larl    %r3, sccb
    xc      0(14, %r3), 0(%r3)
    lghi    %r1, 0                  # its length
1:  ic      %r0, 0(%r1, %r2)
    stc     %r0, 14(%r1, %r3)
    la      %r1, 1(%r1)
    nilf    %r0, 0xff
    jne     1b
    la      %r4, 13(%r1)            # header of the SCCB, header of the event, text
    sth     %r4, 0(%r3)
    la      %r4, 5(%r1)
    sth     %r4, 8(%r3)
    mvi     10(%r3), 0x1a           # for the ASCII console
    llilf   %r1, WRITE_DATA
    .insn   rre, 0xb2200000, %r1, %r3   # servc
    br      %r14
    .size print, . - print

    .type sum, @function
sum:                                # %r2 = %r2 + (%r2 - 1) + ... + 0
    ltgr    %r2, %r2
    ber     %r14
    stmg    %r13, %r15, -24(%r15)
    aghi    %r15, -24
    lgr     %r13, %r2
    aghi    %r2, -1
    brasl   %r14, sum
    agr     %r2, %r13
    lmg     %r13, %r15, 0(%r15)
    br      %r14
    .size sum, . - sum

    .type count, @function
count:                              # takes the lock and counts, ROUNDS times
    larl    %r3, lock
    larl    %r4, counter
    lghi    %r5, ROUNDS
1:  lghi    %r0, 0
    lghi    %r1, 1
2:  cs      %r0, %r1, 0(%r3)
    lghi    %r0, 0
    jne     2b
    l       %r1, 0(%r4)
    ahi     %r1, 1
    st      %r1, 0(%r4)
    bcr     15, %r0                 # all stores done
    st      %r0, 0(%r3)
    brctg   %r5, 1b
    br      %r14
    .size count, . - count

    .globl second_cpu
    .type second_cpu, @function
second_cpu:
    brasl   %r14, count
    larl    %r3, finished
    mvi     3(%r3), 1
    larl    %r1, done_psw
    lpswe   0(%r1)
    .size second_cpu, . - second_cpu

    .type set_comparator, @function
set_comparator:                     # half a microsecond from now
    stck    0(%r15)
    lg      %r1, 0(%r15)
    aghi    %r1, 2048
    stg     %r1, 0(%r15)
    sckc    0(%r15)
    br      %r14
    .size set_comparator, . - set_comparator

    .type supervisor_call, @function
supervisor_call:
    agr     %r2, %r2
    lpswe   SVC_OLD
    .size supervisor_call, . - supervisor_call

    .type program_check, @function
program_check:
    larl    %r1, program_checks
    agsi    0(%r1), 1
    lpswe   PGM_OLD
    .size program_check, . - program_check

    .type external, @function
external:
    stmg    %r1, %r2, 0x200         # the low core has no register for us, but room
    lghi    %r1, CLOCK_COMPARATOR
    ch      %r1, EXT_CODE
    jne     failed
    larl    %r1, never
    sckc    0(%r1)
    larl    %r1, ticks
    asi     0(%r1), 1
    ni      EXT_OLD + 1, 0xfd       # no longer waiting
    lmg     %r1, %r2, 0x200
    lpswe   EXT_OLD
    .size external, . - external

    .data
    .balign 4096
sccb:
    .skip   64
    .balign 8
new_psws:                           # 64 bits, nothing enabled
    .quad   0x0000000180000000, second_cpu
    .quad   0x0000000180000000, external
    .quad   0x0000000180000000, supervisor_call
    .quad   0x0000000180000000, program_check
wait_psw:
    .quad   0x0102000180000000, woken
done_psw:
    .quad   0x0002000180000000, 0xfff
failed_psw:
    .quad   0x0002000180000000, 0xbad
never:          .quad 0xffffffffffffffff
program_checks: .quad 0
ticks:          .long 0
lock:           .long 0
counter:        .long 0
finished:       .long 0
buffer:         .skip 8

text_hello:     .asciz "s390x\n"
    .balign 2
text_svc:       .asciz "supervisor call\n"
    .balign 2
text_program:   .asciz "program checks\n"
    .balign 2
text_storage:   .asciz "storage\n"
    .balign 2
text_tick:      .asciz "tick\n"
    .balign 2
text_no_tick:   .asciz "no tick\n"
    .balign 2
text_second:    .asciz "second CPU\n"
    .balign 2
text_no_second: .asciz "no second CPU\n"
    .balign 2
text_woken:     .asciz "woken\n"
    .balign 2
text_done:      .asciz "done\n"
    .balign 2
text_failed:    .asciz "failed\n"

    .bss
    .balign 8
    .skip   1024
stack:  .skip   8
