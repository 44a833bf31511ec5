/* Scalable vectors: contiguous, replicating, structure, non-temporal, first-fault and non-fault, gather and scatter loads and
 * stores, with predicates that are whole, partial and empty; spills of vectors and predicates; arithmetic. */
#include "program.h"
    .arch   armv8.5-a+sve2+f64mm

    begin
    let     x8, data + 1024
    mov     x9, #24
    mov     x10, #-3

    /* p0 to p5: all, none, every third byte's, up to the 5th, a pattern, the first alone. */
    ptrue   p0.b
    pfalse  p1.b
    mov     x0, #7
    whilelo p3.b, xzr, x0
    index   z0.b, #0, #3
    cmplt   p2.b, p0/z, z0.b, #5
    ptrue   p4.h, vl4
    ptrue   p5.b, vl1
    ptrue   p6.s, mul3

    /* Spills. */
    str     p2, [x8]
    str     p3, [x8, #5, mul vl]
    ldr     p7, [x8, #5, mul vl]
    ldr     p8, [x8, #-1, mul vl]
    str     z0, [x8, #1, mul vl]
    ldr     z1, [x8, #-2, mul vl]
    str     z1, [x8]
    addvl   sp, sp, #-2
    str     z1, [sp, #1, mul vl]
    str     p2, [sp]
    ldr     p2, [sp]
    addvl   sp, sp, #2

    /* Contiguous: each element size in memory and in the register. */
    mov     x9, #2
    ld1b    {z3.b}, p0/z, [x8, x9]
    ld1b    {z4.b}, p3/z, [x8, #-6, mul vl]
    ld1b    {z4.h}, p2/z, [x8, x9]
    ld1b    {z5.h}, p4/z, [x8, #-5, mul vl]
    ld1b    {z5.s}, p3/z, [x8, x9]
    ld1b    {z6.s}, p1/z, [x8, #-4, mul vl]
    ld1b    {z6.d}, p4/z, [x8, x9]
    ld1b    {z7.d}, p5/z, [x8, #-3, mul vl]
    ld1sb   {z7.h}, p1/z, [x8, x9]
    ld1sb   {z8.h}, p6/z, [x8, #-2, mul vl]
    ld1sb   {z8.s}, p5/z, [x8, x9]
    ld1sb   {z9.s}, p0/z, [x8, #-1, mul vl]
    ld1sb   {z9.d}, p6/z, [x8, x9]
    ld1sb   {z10.d}, p2/z, [x8, #0, mul vl]
    ld1h    {z2.h}, p0/z, [x8, x9, lsl #1]
    ld1h    {z3.h}, p3/z, [x8, #1, mul vl]
    ld1h    {z3.s}, p2/z, [x8, x9, lsl #1]
    ld1h    {z4.s}, p4/z, [x8, #2, mul vl]
    ld1h    {z4.d}, p3/z, [x8, x9, lsl #1]
    ld1h    {z5.d}, p1/z, [x8, #3, mul vl]
    ld1sh   {z5.s}, p4/z, [x8, x9, lsl #1]
    ld1sh   {z6.s}, p5/z, [x8, #4, mul vl]
    ld1sh   {z6.d}, p1/z, [x8, x9, lsl #1]
    ld1sh   {z7.d}, p6/z, [x8, #5, mul vl]
    ld1w    {z7.s}, p5/z, [x8, x9, lsl #2]
    ld1w    {z8.s}, p0/z, [x8, #6, mul vl]
    ld1w    {z8.d}, p6/z, [x8, x9, lsl #2]
    ld1w    {z9.d}, p2/z, [x8, #7, mul vl]
    ld1sw   {z9.d}, p0/z, [x8, x9, lsl #2]
    ld1sw   {z10.d}, p3/z, [x8, #-7, mul vl]
    ld1d    {z2.d}, p2/z, [x8, x9, lsl #3]
    ld1d    {z3.d}, p4/z, [x8, #-6, mul vl]
    st1b    {z3.b}, p3, [x8, x9]
    st1b    {z4.b}, p1, [x8, #-5, mul vl]
    st1b    {z4.h}, p4, [x8, x9]
    st1b    {z5.h}, p5, [x8, #-4, mul vl]
    st1b    {z5.s}, p1, [x8, x9]
    st1b    {z6.s}, p6, [x8, #-3, mul vl]
    st1b    {z6.d}, p5, [x8, x9]
    st1b    {z7.d}, p0, [x8, #-2, mul vl]
    st1h    {z7.h}, p6, [x8, x9, lsl #1]
    st1h    {z8.h}, p2, [x8, #-1, mul vl]
    st1h    {z8.s}, p0, [x8, x9, lsl #1]
    st1h    {z9.s}, p3, [x8, #0, mul vl]
    st1h    {z9.d}, p2, [x8, x9, lsl #1]
    st1h    {z10.d}, p4, [x8, #1, mul vl]
    st1w    {z2.s}, p3, [x8, x9, lsl #2]
    st1w    {z3.s}, p1, [x8, #2, mul vl]
    st1w    {z3.d}, p4, [x8, x9, lsl #2]
    st1w    {z4.d}, p5, [x8, #3, mul vl]
    st1d    {z4.d}, p1, [x8, x9, lsl #3]
    st1d    {z5.d}, p6, [x8, #4, mul vl]

    /* First-fault and non-fault. */
    setffr
    ldff1b  {z5.b}, p5/z, [x8, x9]
    ldnf1b  {z6.b}, p3/z, [x8, #3, mul vl]
    rdffr   p7.b
    ldff1b  {z6.h}, p6/z, [x8, x9]
    ldnf1b  {z7.h}, p4/z, [x8, #-3, mul vl]
    rdffr   p7.b
    ldff1b  {z7.s}, p0/z, [x8, x9]
    ldnf1b  {z8.s}, p1/z, [x8, #-2, mul vl]
    rdffr   p7.b
    ldff1b  {z8.d}, p2/z, [x8, x9]
    ldnf1b  {z9.d}, p5/z, [x8, #-1, mul vl]
    rdffr   p7.b
    ldff1sb {z9.h}, p3/z, [x8, x9]
    ldnf1sb {z10.h}, p6/z, [x8, #0, mul vl]
    rdffr   p7.b
    ldff1sb {z2.s}, p4/z, [x8, x9]
    ldnf1sb {z3.s}, p0/z, [x8, #1, mul vl]
    rdffr   p7.b
    ldff1sb {z3.d}, p1/z, [x8, x9]
    ldnf1sb {z4.d}, p2/z, [x8, #2, mul vl]
    rdffr   p7.b
    ldff1h  {z4.h}, p5/z, [x8, x9, lsl #1]
    ldnf1h  {z5.h}, p3/z, [x8, #3, mul vl]
    rdffr   p7.b
    ldff1h  {z5.s}, p6/z, [x8, x9, lsl #1]
    ldnf1h  {z6.s}, p4/z, [x8, #-3, mul vl]
    rdffr   p7.b
    ldff1h  {z6.d}, p0/z, [x8, x9, lsl #1]
    ldnf1h  {z7.d}, p1/z, [x8, #-2, mul vl]
    rdffr   p7.b
    ldff1sh {z7.s}, p2/z, [x8, x9, lsl #1]
    ldnf1sh {z8.s}, p5/z, [x8, #-1, mul vl]
    rdffr   p7.b
    ldff1sh {z8.d}, p3/z, [x8, x9, lsl #1]
    ldnf1sh {z9.d}, p6/z, [x8, #0, mul vl]
    rdffr   p7.b
    ldff1w  {z9.s}, p4/z, [x8, x9, lsl #2]
    ldnf1w  {z10.s}, p0/z, [x8, #1, mul vl]
    rdffr   p7.b
    ldff1w  {z2.d}, p1/z, [x8, x9, lsl #2]
    ldnf1w  {z3.d}, p2/z, [x8, #2, mul vl]
    rdffr   p7.b
    ldff1sw {z3.d}, p5/z, [x8, x9, lsl #2]
    ldnf1sw {z4.d}, p3/z, [x8, #3, mul vl]
    rdffr   p7.b
    ldff1d  {z4.d}, p6/z, [x8, x9, lsl #3]
    ldnf1d  {z5.d}, p4/z, [x8, #-3, mul vl]
    rdffr   p7.b
    ldff1b  {z4.b}, p0/z, [x8]
    rdffrs  p7.b, p0/z
    wrffr   p0.b

    /* Up to the end of the last page: the first element that does not fit clears the rest of ffr. */
    let     x11, last_page + 4096 - 20
    setffr
    ldff1b  {z4.b}, p0/z, [x11, xzr]
    rdffr   p7.b
    cntp    x0, p0, p7.b
    expect  x0, 20
    setffr
    ldnf1w  {z4.s}, p0/z, [x11]
    rdffr   p7.b
    cntp    x0, p0, p7.s
    expect  x0, 5
    setffr
    ldnf1d  {z4.d}, p1/z, [x11]
    setffr
    add     x11, x11, #20
    ldnf1b  {z4.b}, p0/z, [x11]
    rdffr   p7.b
    cntp    x0, p0, p7.b
    expect  x0, 0
    setffr

    /* Replication. */
    ld1rb   {z5.b}, p0/z, [x8, #63]
    ld1rb   {z6.s}, p2/z, [x8, #1]
    ld1rsb  {z7.d}, p3/z, [x8, #2]
    ld1rh   {z8.h}, p4/z, [x8, #126]
    ld1rsh  {z9.s}, p1/z, [x8, #2]
    ld1rw   {z2.s}, p5/z, [x8, #4]
    ld1rsw  {z3.d}, p6/z, [x8, #252]
    ld1rd   {z4.d}, p0/z, [x8, #504]
    ld1rd   {z5.d}, p2/z, [x8, #0]
    ld1rw   {z4.s}, p1/z, [x8]
    ld1rqb  {z2.b}, p0/z, [x8, x9]
    ld1rqb  {z3.b}, p0/z, [x8, #-32]
    ld1rob  {z4.b}, p0/z, [x8, x9]
    ld1rob  {z5.b}, p0/z, [x8, #64]
    ld1rqb  {z2.b}, p2/z, [x8, x9]
    ld1rqb  {z3.b}, p2/z, [x8, #-32]
    ld1rob  {z4.b}, p2/z, [x8, x9]
    ld1rob  {z5.b}, p2/z, [x8, #64]
    ld1rqh  {z2.h}, p0/z, [x8, x9, lsl #1]
    ld1rqh  {z3.h}, p0/z, [x8, #-32]
    ld1roh  {z4.h}, p0/z, [x8, x9, lsl #1]
    ld1roh  {z5.h}, p0/z, [x8, #64]
    ld1rqh  {z2.h}, p2/z, [x8, x9, lsl #1]
    ld1rqh  {z3.h}, p2/z, [x8, #-32]
    ld1roh  {z4.h}, p2/z, [x8, x9, lsl #1]
    ld1roh  {z5.h}, p2/z, [x8, #64]
    ld1rqw  {z2.s}, p0/z, [x8, x9, lsl #2]
    ld1rqw  {z3.s}, p0/z, [x8, #-32]
    ld1row  {z4.s}, p0/z, [x8, x9, lsl #2]
    ld1row  {z5.s}, p0/z, [x8, #64]
    ld1rqw  {z2.s}, p2/z, [x8, x9, lsl #2]
    ld1rqw  {z3.s}, p2/z, [x8, #-32]
    ld1row  {z4.s}, p2/z, [x8, x9, lsl #2]
    ld1row  {z5.s}, p2/z, [x8, #64]
    ld1rqd  {z2.d}, p0/z, [x8, x9, lsl #3]
    ld1rqd  {z3.d}, p0/z, [x8, #-32]
    ld1rod  {z4.d}, p0/z, [x8, x9, lsl #3]
    ld1rod  {z5.d}, p0/z, [x8, #64]
    ld1rqd  {z2.d}, p2/z, [x8, x9, lsl #3]
    ld1rqd  {z3.d}, p2/z, [x8, #-32]
    ld1rod  {z4.d}, p2/z, [x8, x9, lsl #3]
    ld1rod  {z5.d}, p2/z, [x8, #64]

    /* Structures. */
    let     x8, data + 512
    ld2b    {z28.b, z29.b}, p3/z, [x8, x9]
    ld2b    {z28.b, z29.b}, p1/z, [x8, #2, mul vl]
    ld2h    {z28.h, z29.h}, p4/z, [x8, x9, lsl #1]
    ld2h    {z28.h, z29.h}, p5/z, [x8, #2, mul vl]
    ld2w    {z28.s, z29.s}, p1/z, [x8, x9, lsl #2]
    ld2w    {z28.s, z29.s}, p6/z, [x8, #2, mul vl]
    ld2d    {z28.d, z29.d}, p5/z, [x8, x9, lsl #3]
    ld2d    {z28.d, z29.d}, p0/z, [x8, #2, mul vl]
    st2b    {z28.b, z29.b}, p6, [x8, x9]
    st2b    {z28.b, z29.b}, p2, [x8, #2, mul vl]
    st2h    {z28.h, z29.h}, p0, [x8, x9, lsl #1]
    st2h    {z28.h, z29.h}, p3, [x8, #2, mul vl]
    st2w    {z28.s, z29.s}, p2, [x8, x9, lsl #2]
    st2w    {z28.s, z29.s}, p4, [x8, #2, mul vl]
    st2d    {z28.d, z29.d}, p3, [x8, x9, lsl #3]
    st2d    {z28.d, z29.d}, p1, [x8, #2, mul vl]
    ld3b    {z27.b, z28.b, z29.b}, p4/z, [x8, x9]
    ld3b    {z27.b, z28.b, z29.b}, p5/z, [x8, #3, mul vl]
    ld3h    {z27.h, z28.h, z29.h}, p1/z, [x8, x9, lsl #1]
    ld3h    {z27.h, z28.h, z29.h}, p6/z, [x8, #3, mul vl]
    ld3w    {z27.s, z28.s, z29.s}, p5/z, [x8, x9, lsl #2]
    ld3w    {z27.s, z28.s, z29.s}, p0/z, [x8, #3, mul vl]
    ld3d    {z27.d, z28.d, z29.d}, p6/z, [x8, x9, lsl #3]
    ld3d    {z27.d, z28.d, z29.d}, p2/z, [x8, #3, mul vl]
    st3b    {z27.b, z28.b, z29.b}, p0, [x8, x9]
    st3b    {z27.b, z28.b, z29.b}, p3, [x8, #3, mul vl]
    st3h    {z27.h, z28.h, z29.h}, p2, [x8, x9, lsl #1]
    st3h    {z27.h, z28.h, z29.h}, p4, [x8, #3, mul vl]
    st3w    {z27.s, z28.s, z29.s}, p3, [x8, x9, lsl #2]
    st3w    {z27.s, z28.s, z29.s}, p1, [x8, #3, mul vl]
    st3d    {z27.d, z28.d, z29.d}, p4, [x8, x9, lsl #3]
    st3d    {z27.d, z28.d, z29.d}, p5, [x8, #3, mul vl]
    ld4b    {z26.b, z27.b, z28.b, z29.b}, p1/z, [x8, x9]
    ld4b    {z26.b, z27.b, z28.b, z29.b}, p6/z, [x8, #4, mul vl]
    ld4h    {z26.h, z27.h, z28.h, z29.h}, p5/z, [x8, x9, lsl #1]
    ld4h    {z26.h, z27.h, z28.h, z29.h}, p0/z, [x8, #4, mul vl]
    ld4w    {z26.s, z27.s, z28.s, z29.s}, p6/z, [x8, x9, lsl #2]
    ld4w    {z26.s, z27.s, z28.s, z29.s}, p2/z, [x8, #4, mul vl]
    ld4d    {z26.d, z27.d, z28.d, z29.d}, p0/z, [x8, x9, lsl #3]
    ld4d    {z26.d, z27.d, z28.d, z29.d}, p3/z, [x8, #4, mul vl]
    st4b    {z26.b, z27.b, z28.b, z29.b}, p2, [x8, x9]
    st4b    {z26.b, z27.b, z28.b, z29.b}, p4, [x8, #4, mul vl]
    st4h    {z26.h, z27.h, z28.h, z29.h}, p3, [x8, x9, lsl #1]
    st4h    {z26.h, z27.h, z28.h, z29.h}, p1, [x8, #4, mul vl]
    st4w    {z26.s, z27.s, z28.s, z29.s}, p4, [x8, x9, lsl #2]
    st4w    {z26.s, z27.s, z28.s, z29.s}, p5, [x8, #4, mul vl]
    st4d    {z26.d, z27.d, z28.d, z29.d}, p1, [x8, x9, lsl #3]
    st4d    {z26.d, z27.d, z28.d, z29.d}, p6, [x8, #4, mul vl]

    /* Non-temporal. */
    ldnt1b  {z5.b}, p5/z, [x8, x9]
    ldnt1b  {z6.b}, p0/z, [x8, #-2, mul vl]
    ldnt1h  {z5.h}, p6/z, [x8, x9, lsl #1]
    ldnt1h  {z6.h}, p2/z, [x8, #-2, mul vl]
    ldnt1w  {z5.s}, p0/z, [x8, x9, lsl #2]
    ldnt1w  {z6.s}, p3/z, [x8, #-2, mul vl]
    ldnt1d  {z5.d}, p2/z, [x8, x9, lsl #3]
    ldnt1d  {z6.d}, p4/z, [x8, #-2, mul vl]
    stnt1b  {z5.b}, p3, [x8, x9]
    stnt1b  {z6.b}, p1, [x8, #-2, mul vl]
    stnt1h  {z5.h}, p4, [x8, x9, lsl #1]
    stnt1h  {z6.h}, p5, [x8, #-2, mul vl]
    stnt1w  {z5.s}, p1, [x8, x9, lsl #2]
    stnt1w  {z6.s}, p6, [x8, #-2, mul vl]
    stnt1d  {z5.d}, p5, [x8, x9, lsl #3]
    stnt1d  {z6.d}, p0, [x8, #-2, mul vl]

    /* Gathers and scatters: offsets in z16 (32 bits) and z17 (64 bits), some of them negative, addresses in z18. */
    let     x8, data + 1024
    index   z16.s, #-16, #3
    index   z17.d, #-8, #5
    mov     x0, #20
    index   z18.d, x8, x0
    mov     z19.s, w8
    add     z19.s, z19.s, z16.s
    ld1b    {z5.s}, p6/z, [x8, z16.s, sxtw]
    ld1b    {z5.s}, p3/z, [z19.s]
    ld1b    {z5.s}, p4/z, [z19.s, #3]
    ld1b    {z5.d}, p0/z, [x8, z17.d, sxtw]
    ld1b    {z5.d}, p3/z, [x8, z17.d]
    ld1b    {z5.d}, p5/z, [z18.d]
    ld1b    {z5.d}, p6/z, [z18.d, #5]
    ld1sb   {z5.s}, p2/z, [x8, z16.s, sxtw]
    ld1sb   {z5.s}, p1/z, [z19.s]
    ld1sb   {z5.s}, p5/z, [z19.s, #3]
    ld1sb   {z5.d}, p3/z, [x8, z17.d, sxtw]
    ld1sb   {z5.d}, p1/z, [x8, z17.d]
    ld1sb   {z5.d}, p0/z, [z18.d]
    ld1sb   {z5.d}, p2/z, [z18.d, #5]
    ld1h    {z5.s}, p4/z, [x8, z16.s, sxtw]
    ld1h    {z5.s}, p5/z, [x8, z16.s, sxtw #1]
    ld1h    {z5.s}, p6/z, [z19.s]
    ld1h    {z5.s}, p0/z, [z19.s, #6]
    ld1h    {z5.d}, p1/z, [x8, z17.d, sxtw]
    ld1h    {z5.d}, p6/z, [x8, z17.d]
    ld1h    {z5.d}, p0/z, [x8, z17.d, sxtw #1]
    ld1h    {z5.d}, p2/z, [x8, z17.d, lsl #1]
    ld1h    {z5.d}, p3/z, [z18.d]
    ld1h    {z5.d}, p4/z, [z18.d, #10]
    ld1sh   {z5.s}, p5/z, [x8, z16.s, sxtw]
    ld1sh   {z5.s}, p0/z, [x8, z16.s, sxtw #1]
    ld1sh   {z5.s}, p2/z, [z19.s]
    ld1sh   {z5.s}, p3/z, [z19.s, #6]
    ld1sh   {z5.d}, p6/z, [x8, z17.d, sxtw]
    ld1sh   {z5.d}, p2/z, [x8, z17.d]
    ld1sh   {z5.d}, p3/z, [x8, z17.d, sxtw #1]
    ld1sh   {z5.d}, p4/z, [x8, z17.d, lsl #1]
    ld1sh   {z5.d}, p1/z, [z18.d]
    ld1sh   {z5.d}, p5/z, [z18.d, #10]
    ld1w    {z5.s}, p0/z, [x8, z16.s, sxtw]
    ld1w    {z5.s}, p3/z, [x8, z16.s, sxtw #2]
    ld1w    {z5.s}, p4/z, [z19.s]
    ld1w    {z5.s}, p1/z, [z19.s, #12]
    ld1w    {z5.d}, p2/z, [x8, z17.d, sxtw]
    ld1w    {z5.d}, p4/z, [x8, z17.d]
    ld1w    {z5.d}, p1/z, [x8, z17.d, sxtw #2]
    ld1w    {z5.d}, p5/z, [x8, z17.d, lsl #2]
    ld1w    {z5.d}, p6/z, [z18.d]
    ld1w    {z5.d}, p0/z, [z18.d, #20]
    ld1sw   {z5.d}, p3/z, [x8, z17.d, sxtw]
    ld1sw   {z5.d}, p1/z, [x8, z17.d]
    ld1sw   {z5.d}, p5/z, [x8, z17.d, sxtw #2]
    ld1sw   {z5.d}, p6/z, [x8, z17.d, lsl #2]
    ld1sw   {z5.d}, p0/z, [z18.d]
    ld1sw   {z5.d}, p2/z, [z18.d, #20]
    ld1d    {z5.d}, p4/z, [x8, z17.d, sxtw]
    ld1d    {z5.d}, p5/z, [x8, z17.d]
    ld1d    {z5.d}, p6/z, [x8, z17.d, sxtw #3]
    ld1d    {z5.d}, p0/z, [x8, z17.d, lsl #3]
    ld1d    {z5.d}, p2/z, [z18.d]
    ld1d    {z5.d}, p3/z, [z18.d, #40]
    st1b    {z5.s}, p1, [x8, z16.s, sxtw]
    st1b    {z5.s}, p0, [z19.s]
    st1b    {z5.s}, p2, [z19.s, #3]
    st1b    {z5.d}, p5, [x8, z17.d, sxtw]
    st1b    {z5.d}, p0, [x8, z17.d]
    st1b    {z5.d}, p4, [z18.d]
    st1b    {z5.d}, p1, [z18.d, #5]
    st1h    {z5.s}, p6, [x8, z16.s, sxtw]
    st1h    {z5.s}, p2, [x8, z16.s, sxtw #1]
    st1h    {z5.s}, p3, [z19.s]
    st1h    {z5.s}, p4, [z19.s, #6]
    st1h    {z5.d}, p0, [x8, z17.d, sxtw]
    st1h    {z5.d}, p3, [x8, z17.d]
    st1h    {z5.d}, p4, [x8, z17.d, sxtw #1]
    st1h    {z5.d}, p1, [x8, z17.d, lsl #1]
    st1h    {z5.d}, p5, [z18.d]
    st1h    {z5.d}, p6, [z18.d, #10]
    st1w    {z5.s}, p2, [x8, z16.s, sxtw]
    st1w    {z5.s}, p4, [x8, z16.s, sxtw #2]
    st1w    {z5.s}, p1, [z19.s]
    st1w    {z5.s}, p5, [z19.s, #12]
    st1w    {z5.d}, p3, [x8, z17.d, sxtw]
    st1w    {z5.d}, p1, [x8, z17.d]
    st1w    {z5.d}, p5, [x8, z17.d, sxtw #2]
    st1w    {z5.d}, p6, [x8, z17.d, lsl #2]
    st1w    {z5.d}, p0, [z18.d]
    st1w    {z5.d}, p2, [z18.d, #20]
    st1d    {z5.d}, p4, [x8, z17.d, sxtw]
    st1d    {z5.d}, p5, [x8, z17.d]
    st1d    {z5.d}, p6, [x8, z17.d, sxtw #3]
    st1d    {z5.d}, p0, [x8, z17.d, lsl #3]
    st1d    {z5.d}, p2, [z18.d]
    st1d    {z5.d}, p3, [z18.d, #40]
    setffr
    ldff1b  {z5.s}, p1/z, [x8, z16.s, sxtw]
    ldff1b  {z5.s}, p0/z, [z19.s]
    ldff1b  {z5.s}, p2/z, [z19.s, #3]
    setffr
    ldff1b  {z5.d}, p5/z, [x8, z17.d, sxtw]
    ldff1b  {z5.d}, p0/z, [x8, z17.d]
    ldff1b  {z5.d}, p4/z, [z18.d]
    ldff1b  {z5.d}, p1/z, [z18.d, #5]
    setffr
    ldff1sb {z5.s}, p6/z, [x8, z16.s, sxtw]
    ldff1sb {z5.s}, p3/z, [z19.s]
    ldff1sb {z5.s}, p4/z, [z19.s, #3]
    setffr
    ldff1sb {z5.d}, p0/z, [x8, z17.d, sxtw]
    ldff1sb {z5.d}, p3/z, [x8, z17.d]
    ldff1sb {z5.d}, p5/z, [z18.d]
    ldff1sb {z5.d}, p6/z, [z18.d, #5]
    setffr
    ldff1h  {z5.s}, p2/z, [x8, z16.s, sxtw]
    ldff1h  {z5.s}, p4/z, [x8, z16.s, sxtw #1]
    ldff1h  {z5.s}, p1/z, [z19.s]
    ldff1h  {z5.s}, p5/z, [z19.s, #6]
    setffr
    ldff1h  {z5.d}, p3/z, [x8, z17.d, sxtw]
    ldff1h  {z5.d}, p1/z, [x8, z17.d]
    ldff1h  {z5.d}, p5/z, [x8, z17.d, sxtw #1]
    ldff1h  {z5.d}, p6/z, [x8, z17.d, lsl #1]
    ldff1h  {z5.d}, p0/z, [z18.d]
    ldff1h  {z5.d}, p2/z, [z18.d, #10]
    setffr
    ldff1sh {z5.s}, p4/z, [x8, z16.s, sxtw]
    ldff1sh {z5.s}, p5/z, [x8, z16.s, sxtw #1]
    ldff1sh {z5.s}, p6/z, [z19.s]
    ldff1sh {z5.s}, p0/z, [z19.s, #6]
    setffr
    ldff1sh {z5.d}, p1/z, [x8, z17.d, sxtw]
    ldff1sh {z5.d}, p6/z, [x8, z17.d]
    ldff1sh {z5.d}, p0/z, [x8, z17.d, sxtw #1]
    ldff1sh {z5.d}, p2/z, [x8, z17.d, lsl #1]
    ldff1sh {z5.d}, p3/z, [z18.d]
    ldff1sh {z5.d}, p4/z, [z18.d, #10]
    setffr
    ldff1w  {z5.s}, p5/z, [x8, z16.s, sxtw]
    ldff1w  {z5.s}, p0/z, [x8, z16.s, sxtw #2]
    ldff1w  {z5.s}, p2/z, [z19.s]
    ldff1w  {z5.s}, p3/z, [z19.s, #12]
    setffr
    ldff1w  {z5.d}, p6/z, [x8, z17.d, sxtw]
    ldff1w  {z5.d}, p2/z, [x8, z17.d]
    ldff1w  {z5.d}, p3/z, [x8, z17.d, sxtw #2]
    ldff1w  {z5.d}, p4/z, [x8, z17.d, lsl #2]
    ldff1w  {z5.d}, p1/z, [z18.d]
    ldff1w  {z5.d}, p5/z, [z18.d, #20]
    setffr
    ldff1sw {z5.d}, p0/z, [x8, z17.d, sxtw]
    ldff1sw {z5.d}, p3/z, [x8, z17.d]
    ldff1sw {z5.d}, p4/z, [x8, z17.d, sxtw #2]
    ldff1sw {z5.d}, p1/z, [x8, z17.d, lsl #2]
    ldff1sw {z5.d}, p5/z, [z18.d]
    ldff1sw {z5.d}, p6/z, [z18.d, #20]
    setffr
    ldff1d  {z5.d}, p2/z, [x8, z17.d, sxtw]
    ldff1d  {z5.d}, p4/z, [x8, z17.d]
    ldff1d  {z5.d}, p1/z, [x8, z17.d, sxtw #3]
    ldff1d  {z5.d}, p5/z, [x8, z17.d, lsl #3]
    ldff1d  {z5.d}, p6/z, [z18.d]
    ldff1d  {z5.d}, p0/z, [z18.d, #40]
    ldnt1b  {z5.s}, p3/z, [z19.s, x9]
    ldnt1b  {z5.s}, p1/z, [z19.s]
    ldnt1b  {z5.d}, p4/z, [z18.d, x9]
    ldnt1b  {z5.d}, p5/z, [z18.d]
    ldnt1sb {z5.s}, p1/z, [z19.s, x9]
    ldnt1sb {z5.s}, p6/z, [z19.s]
    ldnt1sb {z5.d}, p5/z, [z18.d, x9]
    ldnt1sb {z5.d}, p0/z, [z18.d]
    ldnt1h  {z5.s}, p6/z, [z19.s, x9]
    ldnt1h  {z5.s}, p2/z, [z19.s]
    ldnt1h  {z5.d}, p0/z, [z18.d, x9]
    ldnt1h  {z5.d}, p3/z, [z18.d]
    ldnt1sh {z5.s}, p2/z, [z19.s, x9]
    ldnt1sh {z5.s}, p4/z, [z19.s]
    ldnt1sh {z5.d}, p3/z, [z18.d, x9]
    ldnt1sh {z5.d}, p1/z, [z18.d]
    ldnt1w  {z5.s}, p4/z, [z19.s, x9]
    ldnt1w  {z5.s}, p5/z, [z19.s]
    ldnt1w  {z5.d}, p1/z, [z18.d, x9]
    ldnt1w  {z5.d}, p6/z, [z18.d]
    ldnt1sw {z5.d}, p5/z, [z18.d, x9]
    ldnt1sw {z5.d}, p0/z, [z18.d]
    ldnt1d  {z5.d}, p6/z, [z18.d, x9]
    ldnt1d  {z5.d}, p2/z, [z18.d]
    stnt1b  {z5.s}, p0, [z19.s, x9]
    stnt1b  {z5.s}, p3, [z19.s]
    stnt1b  {z5.d}, p2, [z18.d, x9]
    stnt1b  {z5.d}, p4, [z18.d]
    stnt1h  {z5.s}, p3, [z19.s, x9]
    stnt1h  {z5.s}, p1, [z19.s]
    stnt1h  {z5.d}, p4, [z18.d, x9]
    stnt1h  {z5.d}, p5, [z18.d]
    stnt1w  {z5.s}, p1, [z19.s, x9]
    stnt1w  {z5.s}, p6, [z19.s]
    stnt1w  {z5.d}, p5, [z18.d, x9]
    stnt1w  {z5.d}, p0, [z18.d]
    stnt1d  {z5.d}, p6, [z18.d, x9]
    stnt1d  {z5.d}, p2, [z18.d]

    /* Prefetches touch nothing. */
    prfb    pldl1keep, p0, [x8]
    prfd    pldl1keep, p0, [x10, z17.d, lsl #3]
    prfw    pstl1strm, p0, [z18.d, #4]
    prfh    pldl2keep, p0, [x8, x9, lsl #1]

    /* Arithmetic, with and without a predicate. */
    add     z0.s, z16.s, z19.s
    sqadd   z1.b, z0.b, z5.b
    fadd    z2.d, p2/m, z2.d, z17.d
    fmla    z3.s, p0/m, z16.s, z19.s
    fmov    z4.d, p5/m, #1.5
    movprfx z6, z0
    mul     z6.s, p0/m, z6.s, z16.s
    sel     z7.b, p3, z0.b, z6.b
    compact z8.s, p2, z0.s
    lasta   w0, p3, z0.s
    clastb  x1, p2, x1, z17.d
    uaddv   d9, p0, z16.s
    faddv   s10, p0, z3.s
    cmpgt   p9.s, p0/z, z16.s, z19.s
    brkb    p10.b, p0/z, p2.b
    punpklo p11.h, p2.b
    ptest   p0, p9.b
    cntb    x2
    incd    x2
    incp    x2, p9.s
    sqincw  x2, w2
    rdvl    x3, #3
    tbl     z11.b, {z0.b}, z16.b
    histcnt z12.s, p0/z, z0.s, z16.s
    whilerw p12.s, x8, x9
    stp     x0, x1, [x8]
    stp     x2, x3, [x8, #16]
    str     z3, [x8, #1, mul vl]
    str     z11, [x8, #2, mul vl]
    finish  EXPECTED

    .section .last, "aw", %nobits
    .balign 4096
last_page:
    .space  4096
