// Strings whose addresses and lengths are in registers: to their end, to an end character, to a difference, padded,
// across pages, and in the steps that QEMU takes; conversions between the forms of Unicode; SHA-512.
#include "bare.h"
#define PAIR(even, odd, address, length) \
    la even, address(%r13); \
    lghi odd, length
    ENTER
    // MVCL, CLCL: padding in the top byte of the second length
    PAIR(%r2, %r3, 512, 40)
    PAIR(%r4, %r5, 0, 40)
    mvcl %r2, %r4
    PAIR(%r2, %r3, 512, 40)
    PAIR(%r4, %r5, 0, 9)
    iilh %r5, 0x5a00
    mvcl %r2, %r4
    jno bad_unless_short
bad_unless_short:
    PAIR(%r2, %r3, 512, 9)
    PAIR(%r4, %r5, 0, 40)
    mvcl %r2, %r4
    PAIR(%r2, %r3, 512, 0)
    PAIR(%r4, %r5, 0, 0)
    mvcl %r2, %r4
    PAIR(%r2, %r3, 520, 40) // the destination begins in the source
    PAIR(%r4, %r5, 512, 40)
    mvcl %r2, %r4
    PAIR(%r2, %r3, 0, 40)
    PAIR(%r4, %r5, 0, 30)
    clcl %r2, %r4
    PAIR(%r2, %r3, 0, 40)
    PAIR(%r4, %r5, 0, 40)
    clcl %r2, %r4
    jne bad
    // The extended ones, which end with cc 3 where a page does
    .irp size, 5, 300
    PAIR(%r2, %r3, 4000, \size)
    PAIR(%r4, %r5, 100, \size + 3)
1:  mvcle %r2, %r4, 0x40
    jo 1b
    PAIR(%r2, %r3, 4000, \size + 100)
    PAIR(%r4, %r5, 0, \size - 4)
1:  mvcle %r2, %r4, 0x40(%r0)
    jo 1b
    PAIR(%r2, %r3, 4000, \size / 2 * 2)
    PAIR(%r4, %r5, 0, \size / 4 * 2)
1:  mvclu %r2, %r4, 0x40
    jo 1b
    PAIR(%r2, %r3, 0, \size)
    PAIR(%r4, %r5, 256, \size - 1)
1:  clcle %r2, %r4, 0
    jo 1b
    PAIR(%r2, %r3, 0, \size / 2 * 2)
    PAIR(%r4, %r5, 0, \size / 2 * 2)
1:  clclu %r2, %r4, 0
    jo 1b
    jne bad
    PAIR(%r4, %r5, 3, \size)
    lghi %r7, 0
1:  cksm %r7, %r4
    jo 1b
    .endr
    // End characters
    lghi %r0, 0xff
    la %r2, 64(%r13)
    la %r4, 2(%r13)
1:  srst %r2, %r4
    jo 1b
    la %r2, 6(%r13)
    la %r4, 2(%r13)
1:  srst %r2, %r4
    jo 1b
    lghi %r0, 0x3131
    la %r2, 64(%r13)
    la %r4, 2(%r13)
1:  srstu %r2, %r4
    jo 1b
    lghi %r0, 0
    la %r2, text-data(%r13)
    la %r4, text+20-data(%r13)
1:  clst %r2, %r4
    jo 1b
    la %r2, text-data(%r13)
    la %r4, text-data(%r13)
1:  clst %r2, %r4
    jo 1b
    jne bad
    la %r2, 4090(%r13)
    la %r4, text-data(%r13)
1:  mvst %r2, %r4
    jo 1b
    // Translation
    lghi %r0, 0
    PAIR(%r2, %r3, 600, 20)
    la %r4, 1024(%r13)
1:  tre %r2, %r4
    jo 1b
    la %r1, 1024(%r13)
    .irp unconditional, 0, 1
    lghi %r0, 0xfe
    PAIR(%r2, %r3, 3000, 10)
    la %r4, 0(%r13)
1:  troo %r2, %r4, \unconditional
    jo 1b
    PAIR(%r2, %r3, 3000, 10)
    la %r4, 0(%r13)
1:  trot %r2, %r4, \unconditional
    jo 1b
    PAIR(%r2, %r3, 3000, 10)
    la %r4, zeros-data(%r13)
1:  trto %r2, %r4, \unconditional
    jo 1b
    PAIR(%r2, %r3, 3000, 10)
    la %r4, zeros-data(%r13)
1:  trtt %r2, %r4, \unconditional
    jo 1b
    // Unicode: there and back
    PAIR(%r2, %r3, 3000, 200)
    PAIR(%r4, %r5, text-data, 20)
1:  cu12 %r2, %r4, \unconditional
    jo 1b
    jnz bad
    PAIR(%r2, %r3, 3300, 200)
    PAIR(%r4, %r5, 3000, 22)
1:  cu21 %r2, %r4, \unconditional
    jo 1b
    PAIR(%r2, %r3, 3300, 200)
    PAIR(%r4, %r5, text-data, 20)
1:  cu14 %r2, %r4, \unconditional
    jo 1b
    PAIR(%r2, %r3, 3600, 200)
    PAIR(%r4, %r5, 3300, 40)
1:  cu41 %r2, %r4
    jo 1b
    PAIR(%r2, %r3, 3600, 200)
    PAIR(%r4, %r5, 3300, 40)
1:  cu42 %r2, %r4
    jo 1b
    PAIR(%r2, %r3, 3300, 30) // no room for all
    PAIR(%r4, %r5, 3600, 20)
1:  cu24 %r2, %r4, \unconditional
    jo 1b
    .endr
    // Whole pages
    larl %r2, page
    larl %r4, page + 4096
    lghi %r0, 0
    mvpg %r2, %r4
    // What the machine has
    lghi %r0, 5
    stfle 2048(%r13)
    lghi %r0, 0
    stfle 2048(%r13)
    // Queries of the cryptographic assist, and SHA-512
    lghi %r0, 0
    la %r1, 2048(%r13)
    kmc %r2, %r4
    km %r2, %r4
    kmac %r2, %r4
    kimd %r2, %r4
    klmd %r2, %r4
    kmctr %r2, %r6, %r4
    kmf %r2, %r4
    kmo %r2, %r4
    pcc
    lghi %r0, 3
    PAIR(%r4, %r5, 0, 256)
1:  kimd %r2, %r4
    jo 1b
    PAIR(%r4, %r5, 0, 200)
1:  klmd %r2, %r4
    jo 1b
    LEAVE

    .data
    .balign 4096
data:
    .rept 64
    .byte 1, 7, 0x31, 0x31, 0x40, 2, 0x9c, 0xff
    .endr
    .skip 512
    .set byte, 0
    .rept 512
    .byte 255 - byte & 255
    .set byte, byte + 1
    .endr
zeros:
    .skip 256
text:
    .asciz "abc \303\204\342\202\254\360\220\215\210 ABC def"
    .skip 8192
    .balign 4096
page:
    .skip 8192, 0x77
