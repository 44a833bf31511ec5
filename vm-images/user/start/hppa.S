/* A system call is a branch to the kernel's gateway page at 0x100 in space 2, with the number in %r20 in its delay slot;
 * a negative result is an error.  The stack grows upwards. */
    .file "start/hppa.S"
    .level  1.1
    .text
    .globl _start
    .type _start, @function
_start:
    .proc
    .callinfo frame=0, no_calls
    .entry
    ldo     128(%r30), %r30
    depi    0, 31, 6, %r30      /* aligned to 64 */
    copy    %r0, %r3
    ldil    L'$global$, %r27
    ldo     R'$global$(%r27), %r27
    bl      guest_main, %r2
    nop
    bl      guest_exit, %r2
    copy    %r28, %r26
    .exit
    .procend
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .proc
    .callinfo frame=0, no_calls
    .entry
    ble     0x100(%sr2, %r0)
    ldi     4, %r20             /* write */
    bv,n    %r0(%r2)
    .exit
    .procend
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .proc
    .callinfo frame=0, no_calls
    .entry
    ble     0x100(%sr2, %r0)
    ldi     1, %r20             /* exit */
    break   0, 0
    .exit
    .procend
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
