// Storage to storage: moves that overlap, logic, comparisons, translation, packing; and EXECUTE of them and of others.
#include "bare.h"
    ENTER
    // lengths
    .irp length, 1, 2, 3, 4, 7, 8, 9, 16, 17, 64, 255, 256
    mvc 512(\length,%r13), 0(%r13)
    xc 512(\length,%r13), 3(%r13)
    oc 512(\length,%r13), 5(%r13)
    nc 512(\length,%r13), 9(%r13)
    mvn 512(\length,%r13), 11(%r13)
    mvz 512(\length,%r13), 13(%r13)
    mvcin 512(\length,%r13), 256(%r13)
    clc 0(\length,%r13), 0(%r13)
    clc 0(\length,%r13), 512(%r13)
    xc 512(\length,%r13), 512(%r13)
    tr 0(\length,%r13), 1024(%r13)
    trt 0(\length,%r13), 1536(%r13)
    trt 0(\length,%r13), 1280(%r13)
    la %r4, \length(%r13)
    trtr 0(\length,%r4), 1280(%r13)
    mvc 0(256,%r13), 1024(%r13)
    .endr
    // the byte spreads, the area moves to the left and to the right
    mvi 512(%r13), 0x5a
    mvc 513(99,%r13), 512(%r13)
    mvc 512(64,%r13), 516(%r13)
    mvc 516(64,%r13), 512(%r13)
    clc 512(90,%r13), 513(%r13)
    jne bad
    xc 513(20,%r13), 512(%r13)
    mvo 520(6,%r13), 3(4,%r13)
    mvo 520(3,%r13), 3(9,%r13)
    pack 520(8,%r13), digits-data(15,%r13)
    pack 520(2,%r13), digits-data(15,%r13)
    pack 520(16,%r13), digits-data(3,%r13)
    pack 520(1,%r13), 520(1,%r13)
    unpk 540(15,%r13), packed-data(8,%r13)
    unpk 540(3,%r13), packed-data(8,%r13)
    unpk 540(16,%r13), packed-data(2,%r13)
    unpk 540(1,%r13), packed-data(1,%r13)
    .irp length, 1, 2, 15, 31, 32
    pka 560(%r13), digits-data(\length,%r13)
    unpka 560(\length,%r13), packed-data(%r13)
    .endr
    .irp length, 2, 16, 32, 62, 64
    pku 560(%r13), digits-data(\length,%r13)
    unpku 560(\length,%r13), packed-data(%r13)
    .endr
    .irp length, 1, 4, 8, 16
    tp packed-data(\length,%r13)
    .endr
    lghi %r1, -12345
    cvd %r1, 600(%r13)
    cvdy %r1, 600(%r13)
    lghi %r0, 20
    mvcrl 600(%r13), 1(%r13)
    // EXECUTE: of what QEMU does at once, and of what it only prepares
    lghi %r1, 0x25
    lghi %r2, 0
    la %r3, 512(%r13)
    lgr %r4, %r13
    .irp target, move, clear, same, compare, table, test, both, either, inverse
    exrl %r1, \target
    exrl %r2, \target
    exrl %r0, \target
    larl %r5, \target
    ex %r1, 0(%r5)
    ex %r1, 0(%r2,%r5)
    ex %r0, 0(%r5)
    .endr
    .irp target, add, add_memory, load_multiple, store_multiple, store, float_load, float_add, vector_load, immediate, shift, nines
    exrl %r2, \target
    exrl %r0, \target
    .endr
    lghi %r1, 0x11
    exrl %r1, add
    exrl %r1, store_masked
    exrl %r2, compare_masked
    exrl %r2, translate_extended
    // branches as targets
    lghi %r1, 0xf0
    cr %r1, %r1
    exrl %r2, branch
    j bad
taken:
    larl %r6, after
    exrl %r1, branch_register
    j bad
after:
    exrl %r2, link
    j linked
linked_to:
    br %r14
linked:
    cgr %r1, %r1
    jne bad
    LEAVE

    .balign 2
move:       mvc 0(1,%r3), 0(%r4)
clear:      xc 0(1,%r3), 0(%r3)
same:       xc 0(1,%r3), 0(%r4)
compare:    clc 0(1,%r4), 0(%r13)
table:      tr 0(1,%r3), 1024(%r13)
test:       trt 0(1,%r4), 1536(%r13)
both:       nc 0(1,%r3), 0(%r4)
either:     oc 0(1,%r3), 0(%r4)
inverse:    mvcin 0(1,%r3), 300(%r4)
add:        ar %r7, %r8
add_memory: ag %r7, 8(%r13)
load_multiple:  lmg %r7, %r10, 8(%r13)
store_multiple: stm %r14, %r2, 512(%r13)
store:      mvghi 512(%r13), 7
float_load: ld %f4, 8(%r13)
float_add:  adb %f4, 8(%r13)
vector_load:    vl %v20, 16(%r13)
immediate:  mvi 512(%r13), 0
shift:      sllg %r7, %r8, 3(%r0)
nines:      lgrl %r7, data
store_masked:   stcm %r7, 0, 512(%r13)
compare_masked: clm %r7, 5, 512(%r13)
translate_extended: srst %r7, %r4
branch:     brc 8, taken
branch_register:    bcr 0, %r6
link:       brasl %r14, linked_to

    .data
    .balign 16
data:
    .rept 64
    .byte 1, 7, 0x31, 0xc1, 0x40, 0, 0x9c, 0xff
    .endr
    .skip 512
    // tables: one that maps each byte to its complement, one of zeros and some others, one of zeros
    .set byte, 0
    .rept 256
    .byte 255 - byte
    .set byte, byte + 1
    .endr
    .skip 255
    .byte 3
    .skip 256
digits: .ascii "0123456789012345678901234567890123456789012345678901234567890123"
packed: .byte 0x01, 0x23, 0x45, 0x67, 0x89, 0x01, 0x23, 0x4c, 0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x5d
