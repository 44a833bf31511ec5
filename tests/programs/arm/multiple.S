/* Loads and stores of several registers: every mode, with and without writeback, the base in the list, pc in the list,
 * conditions that do not hold, pairs. */
#include "program.h"

    begin
    let     r8, data + 256
    let     r0, 0x00112233
    let     r1, 0x44556677
    let     r2, 0x8899aabb
    let     r3, 0xccddeeff

    /* Both instruction sets: increment after, decrement before. */
    stmia   r8, {r0-r3}
    ldmia   r8, {r4-r7}
    expect  r7, 0xccddeeff
    stmia   r8!, {r0, r2}
    expect  r8, data + 264
    stmdb   r8, {r1, r3, r4, r9}
    stmdb   r8!, {r1, r3, r5}
    expect  r8, data + 252
    ldmia   r8!, {r4, r6, r10}
    expect  r10, 0x44556677
    ldmdb   r8, {r4-r7}
    ldmdb   r8!, {r4, r11}
    expect  r8, data + 256
    ldmia   r8!, {r0-r7, r9-r11, lr}
    stmdb   r8!, {r0-r7, r9-r11, lr}

    /* The base is in the list. */
    let     r1, data + 300
    stmia   r1, {r0, r1, r2}
    str     r1, [r1]
    mov     r0, r1
    ldmia   r0, {r0, r3}
    expect  r0, data + 300
    let     r2, data + 304
    ldmdb   r2, {r1, r2}
    expect  r2, data + 300

#ifdef __thumb__
    /* 16-bit forms: a base in the list is not written back. */
    let     r0, data + 320
    stmia   r0!, {r0, r1, r5}
    ldmia   r0!, {r1, r5, r7}
    let     r0, data + 320
    ldmia   r0, {r0, r1, r5}
    expect  r0, data + 320
    /* Conditions in an IT block. */
    let     r8, data + 340
    cmp     r0, r0
    itete   eq
    stmiaeq r8!, {r1, r2}
    stmiane r8!, {r1, r2}
    pusheq  {r1, r2, r8}
    popne   {r1, r2, r8}
    itt     eq
    ldmdbeq r8!, {r1, r2}
    popeq   {r5, r6, r9}
    expect  r8, data + 340
    expect  r9, data + 348
#else
    /* Increment before, decrement after. */
    let     r8, data + 320
    stmib   r8, {r0-r3}
    ldmib   r8, {r4-r7}
    stmib   r8!, {r0, r2, sp, lr}
    expect  r8, data + 336
    stmda   r8, {r1, r3, r9}
    stmda   r8!, {r1, r3}
    expect  r8, data + 328
    ldmda   r8, {r4-r7}
    ldmda   r8!, {r4}
    ldmib   r8!, {r4, r5}
    expect  r8, data + 332
    /* The base lowest in the list of a store with writeback: the old value is stored. */
    stmia   r8!, {r8, r9}
    ldr     r4, [r8, #-8]
    expect  r4, data + 332
    /* A register number above the base's. */
    ldmia   r8, {r7, r8, r9}
    let     r8, data + 340
    stmia   r8, {r3, pc}
    /* Conditions. */
    cmp     r8, r8
    stmiaeq r8!, {r1, r2}
    stmiane r8!, {r1, r2}
    pushne  {r1, r2, r8}
    pushls  {r1, r2, r8}
    ldmdagt r8!, {r1, r2}
    popge   {r5, r6, r9}
    popmi   {r5, r6, r9}
    expect  r8, data + 348
    expect  r9, data + 348
#endif

    /* The stack: one register, several, high ones, pc. */
    let     r4, data + 400
    push    {r4}
    push    {r0-r3, lr}
    push    {r8-r11}
    push    {r0, r12, lr}
    pop     {r0, r12, lr}
    pop     {r8-r11}
    pop     {r0-r3, lr}
    pop     {r6}
    expect  r6, data + 400
    bl      return_by_pop
    bl      return_by_pop_alone
    bl      return_by_load_multiple
    bl      return_by_other_base

    /* Pairs. */
    let     r8, data + 400
    ldrd    r2, r3, [r8]
    strd    r2, r3, [r8, #8]
    strd    r2, r3, [r8, #-16]!
    expect  r8, data + 384
    ldrd    r4, r5, [r8], #24
    expect  r8, data + 408
    strd    r4, r5, [r8], #-8
    ldrd    r6, r7, [r8, #-8]!
    adr     r8, literal
    ldrd    r6, r7, [r8]
    ldrd    r6, r7, literal
    let     r8, data + 420
    strd    r6, r7, [r8]
#ifdef __thumb__
    /* Any two registers. */
    ldrd    r7, r1, [r8]
    strd    r1, r9, [r8, #20]!
    cmp     r8, r8
    ite     ne
    ldrdne  r0, r2, [r8]
    strdeq  r7, r7, [r8, #-4]
#else
    /* By register; one that overlaps its base. */
    mov     r9, #12
    ldrd    r2, r3, [r8, r9]
    strd    r2, r3, [r8, -r9]
    strd    r2, r3, [r8, r9]!
    ldrd    r4, r5, [r8], r9
    strd    r4, r5, [r8], -r9
    mov     r10, #8
    ldrd    r8, r9, [r8, -r10]
    let     r8, data + 440
    cmp     r8, r8
    ldrdne  r0, r1, [r8]
    strdeq  r0, r1, [r8, #8]
#endif
    finish  EXPECTED

return_by_pop:
    push    {r4-r7, lr}
    mov     r4, #0
    pop     {r4-r7, pc}

return_by_pop_alone:
    push    {lr}
    pop     {pc}

return_by_load_multiple:
    stmdb   sp!, {r4, r8, lr}
    ldmia   sp!, {r4, r8, pc}

return_by_other_base:
    let     r5, data + 480
    stmia   r5, {r4, lr}
    ldmia   r5!, {r4, pc}

    .balign 4
literal:
    .word   0x01020304, 0x05060708
