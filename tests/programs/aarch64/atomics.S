/* The single-instruction atomics of the Large System Extensions, of all sizes and orders, on values that make each of them
 * differ; compare-and-swap that succeeds and that fails, of pairs too. */
#include "program.h"
    .arch   armv8.1-a

    begin
    let     x8, data + 512
    mov     x10, #-7
    mov     x11, #0x55

    ldadd   x10, x0, [x8]
    ldadda  w11, w0, [x8]
    ldaddl  x11, xzr, [x8]
    ldaddal w10, w0, [x8]
    ldaddb  w11, w0, [x8]
    ldaddalh w11, w0, [x8]
    ldaddah w10, w0, [x8]
    ldaddlb w10, w0, [x8]
    stadd   x11, [x8]
    staddl  w10, [x8]
    staddb  w10, [x8]
    staddlh w11, [x8]
    str     x0, [x8, #16]!

    ldclr   x10, x0, [x8]
    ldclra  w11, w0, [x8]
    ldclrl  x11, xzr, [x8]
    ldclral w10, w0, [x8]
    ldclrb  w11, w0, [x8]
    ldclralh w11, w0, [x8]
    ldclrah w10, w0, [x8]
    ldclrlb w10, w0, [x8]
    stclr   x11, [x8]
    stclrl  w10, [x8]
    stclrb  w10, [x8]
    stclrlh w11, [x8]
    str     x0, [x8, #16]!

    ldeor   x10, x0, [x8]
    ldeora  w11, w0, [x8]
    ldeorl  x11, xzr, [x8]
    ldeoral w10, w0, [x8]
    ldeorb  w11, w0, [x8]
    ldeoralh w11, w0, [x8]
    ldeorah w10, w0, [x8]
    ldeorlb w10, w0, [x8]
    steor   x11, [x8]
    steorl  w10, [x8]
    steorb  w10, [x8]
    steorlh w11, [x8]
    str     x0, [x8, #16]!

    ldset   x10, x0, [x8]
    ldseta  w11, w0, [x8]
    ldsetl  x11, xzr, [x8]
    ldsetal w10, w0, [x8]
    ldsetb  w11, w0, [x8]
    ldsetalh w11, w0, [x8]
    ldsetah w10, w0, [x8]
    ldsetlb w10, w0, [x8]
    stset   x11, [x8]
    stsetl  w10, [x8]
    stsetb  w10, [x8]
    stsetlh w11, [x8]
    str     x0, [x8, #16]!

    ldsmax   x10, x0, [x8]
    ldsmaxa  w11, w0, [x8]
    ldsmaxl  x11, xzr, [x8]
    ldsmaxal w10, w0, [x8]
    ldsmaxb  w11, w0, [x8]
    ldsmaxalh w11, w0, [x8]
    ldsmaxah w10, w0, [x8]
    ldsmaxlb w10, w0, [x8]
    stsmax   x11, [x8]
    stsmaxl  w10, [x8]
    stsmaxb  w10, [x8]
    stsmaxlh w11, [x8]
    str     x0, [x8, #16]!

    ldsmin   x10, x0, [x8]
    ldsmina  w11, w0, [x8]
    ldsminl  x11, xzr, [x8]
    ldsminal w10, w0, [x8]
    ldsminb  w11, w0, [x8]
    ldsminalh w11, w0, [x8]
    ldsminah w10, w0, [x8]
    ldsminlb w10, w0, [x8]
    stsmin   x11, [x8]
    stsminl  w10, [x8]
    stsminb  w10, [x8]
    stsminlh w11, [x8]
    str     x0, [x8, #16]!

    ldumax   x10, x0, [x8]
    ldumaxa  w11, w0, [x8]
    ldumaxl  x11, xzr, [x8]
    ldumaxal w10, w0, [x8]
    ldumaxb  w11, w0, [x8]
    ldumaxalh w11, w0, [x8]
    ldumaxah w10, w0, [x8]
    ldumaxlb w10, w0, [x8]
    stumax   x11, [x8]
    stumaxl  w10, [x8]
    stumaxb  w10, [x8]
    stumaxlh w11, [x8]
    str     x0, [x8, #16]!

    ldumin   x10, x0, [x8]
    ldumina  w11, w0, [x8]
    lduminl  x11, xzr, [x8]
    lduminal w10, w0, [x8]
    lduminb  w11, w0, [x8]
    lduminalh w11, w0, [x8]
    lduminah w10, w0, [x8]
    lduminlb w10, w0, [x8]
    stumin   x11, [x8]
    stuminl  w10, [x8]
    stuminb  w10, [x8]
    stuminlh w11, [x8]
    str     x0, [x8, #16]!

    swp     x10, x0, [x8]
    swpa    w11, w0, [x8]
    swpl    x11, x11, [x8]
    swpal   w0, wzr, [x8]
    swpb    w10, w0, [x8]
    swpalh  w11, w0, [x8]
    swp     xzr, x0, [sp]

    /* The comparison fails, then succeeds with what was found. */
    .irp    name, cas, casa, casl, casal
    mov     x0, #1
    \name   x0, x10, [x8]
    \name   x0, x11, [x8]
    \name   w0, w10, [x8]
    \name   w11, w0, [x8]
    .endr
    .irp    name, casb, casab, caslb, casalb, cash, casah, caslh, casalh
    mov     w0, #1
    \name   w0, w10, [x8]
    \name   w0, w11, [x8]
    .endr
    .irp    name, casp, caspa, caspl, caspal
    mov     x0, #1
    mov     x1, #2
    mov     x2, #0x77
    mov     x3, #-0x77
    \name   x0, x1, x2, x3, [x8]
    \name   x0, x1, x2, x3, [x8]
    \name   w2, w3, w0, w1, [x8]
    \name   w2, w3, w0, w1, [x8]
    .endr
    str     x0, [x8, #16]
    ldp     x0, x1, [x8]
    mov     x2, #5
    mov     x3, #6
    caspal  x0, x1, x2, x3, [x8]
    ldp     x0, x1, [x8]
    expect  x0, 5
    expect  x1, 6
    finish  EXPECTED
