/* Where a program goes on: interworking by each instruction that can, every condition with all flags, IT blocks, table
 * branches, code that crosses or ends a page, code that is rewritten. */
#include "program.h"

    /* A label as a pointer to code of this program's instruction set. */
    .macro  here register, label
    adr     \register, \label
#ifdef __thumb__
    orr     \register, \register, #1
#endif
    .endm

    begin
    let     r8, data
    mov     r10, #0

    /* r10 counts the calls. */
    blx     other_set
    bl      same_set
    let     r0, other_set
    blx     r0
    here    r0, same_set
    blx     r0
    here    lr, 1f
    let     r0, other_set
    bx      r0
    .balign 4
1:  str     r0, [r8]
    here    lr, 2f
    ldr     pc, [r8]
    .balign 4
2:  here    lr, 3f
    mov     r9, #0
    ldr     pc, [r8, r9, lsl #2]
    .balign 4
3:  str     r0, [r8, #4]
    here    lr, 4f
    ldmia   r8, {r9, pc}
    .balign 4
4:  here    lr, 5f
    push    {r0}
    pop     {pc}
    .balign 4
5:  here    lr, 6f
    push    {r1-r3, r8}
    str     r0, [sp, #12]
    pop     {r1-r3, pc}
    .balign 4
6:  expect  r10, 10

    /* The flags from r4's top, 16 times. */
    mov     r4, #0
    mov     r5, #0
7:  msr     apsr_nzcvq, r4
    .irp    condition, eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le
#ifdef __thumb__
    itt     \condition
#endif
    str\condition r4, [r8, #8]
    add\condition r5, r5, #1
    .endr
    adds    r4, r4, #0x10000000
    bcc     7b
    /* Half of the sixteen settings for each of fourteen conditions. */
    expect  r5, 112

    bl      at_page_end
    expect  r0, 112

    /* Giving way: each is one step. */
    yield
    add     r0, r0, #1
    wfe
    add     r0, r0, #1
    wfi
    sev
    cmp     r0, r0
#ifdef __thumb__
    itt     ne
#endif
    yieldne
    wfene
    add     r0, r0, #1
    expect  r0, 115

    /* Called, rewritten, flushed, called. */
    mov     r4, #3
8:  bl      rewritten
    str     r0, [r8, r4, lsl #2]
    let     r5, rewritten
#ifdef __thumb__
    bic     r5, r5, #1
    ldrh    r1, [r5]            /* movs r0, #n: the number is the first byte */
    ldrb    r1, [r5]
#else
    ldrb    r1, [r5]            /* mov r0, #n: the same */
#endif
    add     r1, r1, #2
    strb    r1, [r5]
    mov     r0, r5
    add     r1, r5, #4
    mov     r2, #0
    let     r7, 0x0f0002        /* cacheflush */
    svc     #0
    subs    r4, r4, #1
    bne     8b
    /* As a whole, and again without a system call. */
    ldr     r1, other_code
    str     r1, [r5]
    bl      rewritten
    expect  r0, 77
    ldr     r2, [r5]
    mov     r3, #0
    str     r3, [r8, #60]
    strh    r2, [r8, #60]

#ifdef __thumb__
    /* Blocks of up to four. */
    cmp     r8, r8
    ittee   eq
    ldreq   r0, [r8]
    ldrbeq  r1, [r8, #1]
    ldrne   r2, [r9]
    strne   r2, [r9]
    iteet   ne
    ldrne.w r0, [r9]
    ldrdeq  r0, r1, [r8]
    streq   r0, [r8, #64]
    strne   r0, [r9]
    ittt    hi
    addhi   r0, #1
    strhi   r0, [r9]
    pophi   {r4, pc}
    /* The flags change within. */
    ittt    eq
    cmpeq   r8, r9
    streq   r8, [r9]
    ldreq   r8, [r9]
    itt     ne
    movne   r0, #1
    bne     9f
    b       failed
9:
    /* Table branches: bytes, from the program counter; halfwords, from a register. */
    mov     r4, #2
10: tbb     [pc, r4]
bytes:
    .byte   (12f - bytes) / 2, (13f - bytes) / 2, (11f - bytes) / 2, 0
11: let     r5, halves
    mov     r6, #1
    tbh     [r5, r6, lsl #1]
halves_from:
12: movs    r4, #1
    b       10b
    .balign 4
halves:
    .short  0, (12b - halves_from) / 2
13: cbz     r4, failed_here
    cbnz    r4, 14f
failed_here:
    b       failed
14:
#endif
    mov     r0, #0
    str     r0, [r8]
    str     r0, [r8, #4]
    finish  EXPECTED

    .balign 4
other_code:
#ifdef __thumb__
    movs    r0, #77
    bx      lr
#else
    mov     r0, #77
#endif

    .type   same_set, %function
#ifdef __thumb__
    .thumb_func
#endif
same_set:
    add     r10, r10, #1
    bx      lr

    .balign 4
    .type   other_set, %function
#ifdef __thumb__
    .arm
other_set:
    add     r10, r10, #1
    bx      lr
    .thumb
#else
    .thumb
    .thumb_func
other_set:
    add     r10, #1
    bx      lr
    .arm
#endif

    .section .text.pages, "ax"
    .balign 4096
#ifdef __thumb__
    /* A 32-bit instruction on both pages. */
    .space  4096 - 4
    .type   at_page_end, %function
    .thumb_func
at_page_end:
    mov     r0, r5
    str     r5, [r8, #12]
    ldr.w   r0, [r8, #12]
    bx      lr
#else
    /* A page's last word, whose first half could be a 16-bit instruction's, and goes on with the next page. */
    .space  4096 - 8
at_page_end:
    str     r5, [r8, #12]
    ldr     r0, [r8, #12]
    bx      lr
#endif

    .section .rewritten, "awx"
    .balign 4
    .type   rewritten, %function
#ifdef __thumb__
    .thumb_func
#endif
rewritten:
#ifdef __thumb__
    movs    r0, #5
#else
    mov     r0, #5
#endif
    bx      lr
