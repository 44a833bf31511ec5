! What the SH-4A adds: load-linked and store-conditional, unaligned loads, and a few more.
    .bss
    .balign 8
cell:
    .space  16

    .text
    .globl _start
_start:
    mov.l   a_cell, r2
    mov     #5, r6
1:  movli.l @r2, r0
    add     #3, r0
    movco.l r0, @r2
    bf      1b
    dt      r6
    bf      1b
    movco.l r0, @r2                 ! without a load before it
    bt      fail
    movli.l @r2, r0
    mov     r2, r3
    add     #4, r3
    mov.l   r0, @r3                 ! a store elsewhere
    movco.l r0, @r2
    mov.l   @r2, r4
    mov     #15, r5
    cmp/eq  r4, r5
    bf      fail
    add     #1, r3
    movua.l @r3, r0
    movua.l @r3+, r0
    synco
    prefi   @r2
    icbi    @r2
    mov     #9, r4
leave:
    mov     #1, r3                  ! exit
    trapa   #0x11
    sleep
fail:
    bra     leave
    mov     #1, r4
    .balign 4
a_cell:
    .long   cell
