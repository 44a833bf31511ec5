/* SWP and SWPB, which Armv8 does not have. */
#include "program.h"
    .arch   armv7-a

    begin
    let     r8, data + 256
    let     r1, 0x01020304
    swp     r2, r1, [r8]
    swp     r1, r1, [r8]
    expect  r1, 0x01020304
    add     r8, r8, #3
    swpb    r3, r2, [r8]
    swpb    r4, r3, [r8]
    cmp     r1, r1
    swpne   r5, r1, [r0]
    finish  EXPECTED
