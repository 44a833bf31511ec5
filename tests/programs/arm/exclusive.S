/* Exclusive loads and stores of all sizes: loops, loads and stores and branches in between, sequences that are given up,
 * stores that fail because nothing was loaded or another address was. */
#include "program.h"

    /* Three times: load, add, store. */
    .macro  count load, store, base
    mov     r5, #3
1:  \load   r1, [\base]
    add     r1, r1, #0x11
    \store  r2, r1, [\base]
    cmp     r2, #0
    bne     1b
    subs    r5, r5, #1
    bne     1b
    .endm

    .macro  count_pair load, store
    mov     r5, #2
1:  \load   r2, r3, [r8]
    adds    r2, r2, #0x11
    adc     r3, r3, #0
    \store  r1, r2, r3, [r8]
    cmp     r1, #0
    bne     1b
    subs    r5, r5, #1
    bne     1b
    .endm

    begin
    let     r8, data + 256
    mov     r6, #0
    str     r6, [r8]
    str     r6, [r8, #4]

    add     r9, r8, #14
    add     r11, r8, #23
    strh    r6, [r9]
    strb    r6, [r11]
    count   ldrex, strex, r8
    count   ldaex, stlex, r8
    count   ldrexh, strexh, r9
    count   ldaexh, stlexh, r9
    count   ldrexb, strexb, r11
    count   ldaexb, stlexb, r11
    ldr     r1, [r8]
    ldrh    r2, [r9]
    ldrb    r3, [r11]
    expect  r1, 0x66
    expect  r2, 0x66
    expect  r3, 0x66
    count_pair ldrexd, strexd
    count_pair ldaexd, stlexd
    ldr     r1, [r8]
    ldr     r2, [r8, #4]
    add     r1, r1, r2
    expect  r1, 0xaa
#ifdef __thumb__
    /* With an offset. */
    ldrex   r1, [r8, #12]
    strex   r2, r1, [r8, #12]
    expect  r2, 0
#endif

    /* Loads and stores elsewhere in between, and a loop. */
    mov     r5, #4
1:  ldrex   r1, [r8]
    mov     r3, #3
2:  str     r3, [r8, #64]
    ldr     r4, [r8, #64]
    add     r1, r1, r4
    subs    r3, r3, #1
    bne     2b
    push    {r1, r4}
    pop     {r1, r4}
    strex   r2, r1, [r8]
    cmp     r2, #0
    bne     1b
    subs    r5, r5, #1
    bne     1b

    /* A compare-and-swap that gives up, with and without clrex, and then one that does not. */
    mov     r5, #0
3:  ldrex   r1, [r8]
    cmp     r5, #2
    beq     4f
    bhi     5f
    add     r5, r5, #1
    b       3b
4:  clrex
    strex   r2, r1, [r8]
    expect  r2, 1
    add     r5, r5, #1
    b       3b
5:  strex   r2, r5, [r8]
    expect  r2, 0

    /* No load before the store. */
    strex   r2, r5, [r8]
    expect  r2, 1
    strexd  r2, r4, r5, [r8]
    expect  r2, 1

    /* Another address. */
    ldrex   r1, [r8]
    add     r9, r8, #32
    strex   r2, r1, [r9]
    expect  r2, 1
    strex   r2, r1, [r8]
    expect  r2, 1

    /* The second of two loads counts. */
    ldrex   r1, [r8]
    ldrex   r1, [r9]
    strex   r2, r1, [r9]
    expect  r2, 0

    /* A store to the same place in between: of another value, QEMU fails; of the same value, it does not. */
    ldrex   r1, [r8]
    add     r3, r1, #1
    str     r3, [r8]
    strex   r2, r1, [r8]
    expect  r2, 1
    ldrex   r1, [r8]
    str     r1, [r8]
    strex   r2, r3, [r8]
    str     r2, [r8, #4]

    /* A condition that does not hold. */
    ldrex   r1, [r8]
    mov     r2, #5
    cmp     r8, r8
#ifdef __thumb__
    itt     ne
#endif
    strexne r2, r1, [r8]
    ldrexne r1, [r8]
    expect  r2, 5
    strex   r2, r1, [r8]
    expect  r2, 0
    finish  EXPECTED
