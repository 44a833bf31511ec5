! Linux's restartable sequences (gUSA: r15 negative, its old value in r1, the end's address in r0), with one thread, and
! multiply-accumulate of words.
    .bss
    .balign 8
cell:
    .space  8
    .data
    .balign 4
words:
    .word   3, -4, 5, 6, -7, 8, 9, 10

    .text
    .globl _start
_start:
    mov.l   a_cell, r2
    mov     #5, r6
1:  ! fetch and add
    mova    2f, r0
    mov     r15, r1
    .balign 4
    nop
    mov     #(0f-2f), r15
0:  mov.l   @r2, r3
    mov     r3, r4
    add     #7, r4
    mov.l   r4, @r2
2:  mov     r1, r15
    ! compare and swap, which fails where the value is odd
    mova    4f, r0
    mov     #14, r5
    mov     r15, r1
    .balign 4
    nop
    mov     #(3f-4f), r15
3:  mov.l   @r2, r3
    cmp/eq  r3, r5
    bf      4f
    mov.l   r6, @r2
4:  mov     r1, r15
    ! exchange of a byte
    mova    6f, r0
    mov     r15, r1
    .balign 4
    nop
    mov     #(5f-6f), r15
5:  mov.b   @r2, r3
    mov.b   r6, @r2
6:  mov     r1, r15
    dt      r6
    bf      1b
    ! words
    mov.l   a_words, r8
    mov     r8, r9
    add     #8, r9
    clrmac
    mac.w   @r8+, @r9+              ! QEMU 7.2 wants both on a multiple of four
    sets
    add     #2, r8
    add     #2, r9
    mac.w   @r9+, @r8+
    clrs
    mov     #9, r4
    mov     #1, r3                  ! exit
    trapa   #0x11
    sleep
    .balign 4
a_cell:
    .long   cell
a_words:
    .long   words
