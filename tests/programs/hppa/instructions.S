/* Every form of access to memory, every way to nullify, delay slots, and the gateway page.  Each part checks itself; the
   exit status is the number of the part that failed, or 0. */
    .level  2.0

    .macro  part, number
    ldi     \number, %r18
    .endm

    .macro  expect, register, value
    ldi     \value, %r17
    cmpb,<>,n \register, %r17, fail
    .endm

    .text
    .globl _start
_start:
    ldil    L'cells, %r9
    ldo     R'cells(%r9), %r9
    ldo     128(%r9), %r10

/* 1: long displacements; the forms that modify do it before the access or after, by the displacement's sign */
    part    1
    ldi     -2, %r1
    stb     %r1, -3(%r10)
    sth     %r1, -6(%r10)
    stw     %r1, -12(%r10)
    ldb     -3(%r10), %r3
    expect  %r3, 254
    ldh     -6(%r10), %r3
    extrw,u %r3, 23, 8, %r3
    expect  %r3, 255
    copy    %r10, %r11
    stwm    %r1, 64(%r11)       /* at the old base */
    ldwm    -64(%r11), %r3      /* at the new one */
    expect  %r3, -2
    cmpb,<>,n %r10, %r11, fail
    stw,mb  %r1, 1024(%r11)     /* the other way round: opcodes 0x1f and 0x17 */
    ldw,ma  -1024(%r11), %r3
    expect  %r3, -2
    cmpb,<>,n %r10, %r11, fail
    ldw     0(%r10), %r0        /* no register takes it */
    ldwm    4(%r11), %r11       /* the base takes what is loaded */
    expect  %r11, -2
    copy    %r10, %r11

/* 2: short displacements and indices, scaled, modified */
    part    2
    stb,ma  %r1, 1(%r11)
    stb,mb  %r1, 3(%r11)
    sth,ma  %r1, 4(%r11)
    stw,mb  %r1, -8(%r11)
    stw     %r1, -16(%r11)
    ldb,ma  1(%r11), %r3
    ldb,mb  -1(%r11), %r3
    ldh,ma  -2(%r11), %r3
    ldw,mb  2(%r11), %r3
    expect  %r3, -2
    copy    %r10, %r11
    ldi     3, %r4
    ldb     %r4(%r10), %r3
    ldb,m   %r4(%r11), %r3
    ldo     1(%r11), %r11
    ldh,s   %r4(%r11), %r3
    ldh,sm  %r4(%r11), %r3
    ldo     2(%r11), %r11
    ldw,s   %r4(%r11), %r3
    ldw,sm  %r4(%r11), %r3
    ldw     %r0(%r11), %r3
    ldw,m   %r0(%r11), %r3
    ldo     24(%r10), %r5
    cmpb,<>,n %r5, %r11, fail

/* 3: load and clear */
    part    3
    copy    %r10, %r11
    stw     %r1, 0(%r10)
    ldcw    0(%r10), %r3
    expect  %r3, -2
    ldw     0(%r10), %r3
    expect  %r3, 0
    stw     %r1, -16(%r10)
    ldcw,mb -16(%r11), %r3      /* bases modified before and after */
    expect  %r3, -2
    ldcw,ma 8(%r11), %r3
    expect  %r3, 0
    ldi     4, %r4
    ldcw,s  %r4(%r10), %r3
    ldi     16, %r4
    ldcw,m  %r4(%r11), %r3
    ldcw    0(%r10), %r0

/* 4: store bytes, from each place of a word */
    part    4
    ldi     -1, %r3
    stw     %r0, 0(%r10)
    ldo     0(%r10), %r11
1:  stby,b  %r3, 0(%r11)
    stby,e  %r3, 0(%r11)
    stw     %r0, 0(%r10)
    ldo     1(%r11), %r11
    ldo     4(%r10), %r12
    cmpb,<>,n %r11, %r12, 1b
    nop
    ldo     1(%r10), %r11
    stby,b,m %r3, 4(%r11)       /* the base becomes a word's address */
    ldo     3(%r11), %r11
    stby,e,m %r3, -4(%r11)
    stby,e,m %r3, 4(%r11)
    ldw     0(%r10), %r3
    ldo     4(%r10), %r12
    extrw,u %r3, 31, 16, %r3

/* 5: float loads and stores, both halves */
    part    5
    ldi     20, %r3
    stw     %r3, 0(%r10)
    copy    %r10, %r11
    fldw    0(%r10), %fr4L
    fldw,ma 4(%r11), %fr5R
    fldw,mb -4(%r11), %fr6L
    fldw    1024(%r9), %fr7R
    fldw,mb 1028(%r11), %fr7L
    fldw,ma -1028(%r11), %fr7L
    ldi     2, %r4
    fldw,s  %r4(%r10), %fr8L
    fldw,sm %r4(%r11), %fr8R
    fstw    %fr4L, 8(%r10)
    fstw,ma %fr5R, -8(%r11)
    fstw    %fr5R, 256(%r10)
    fstw,mb %fr5R, 256(%r11)
    fstw,ma %fr5R, -256(%r11)
    fstw,s  %fr5R, %r4(%r11)
    fldd    0(%r10), %fr9
    fldd,ma 8(%r11), %fr10
    fldd,mb -8(%r11), %fr10
    fldd    512(%r10), %fr11
    fldd,mb 512(%r11), %fr11
    fldd,ma -512(%r11), %fr11
    fldd,s  %r4(%r10), %fr12
    fstd    %fr9, 8(%r10)
    fstd,mb %fr9, 8(%r11)
    fstd,ma %fr9, -8(%r11)
    fstd    %fr9, 512(%r10)
    fstd,sm %fr9, %r4(%r11)
    ldw     512(%r10), %r3
    expect  %r3, 20

/* 6: float arithmetic, and the test that nullifies */
    part    6
    copy    %r10, %r11
    fcnv,w,dbl %fr4L, %fr12
    fcnv,w,sgl %fr4L, %fr13L
    fcnv,sgl,dbl %fr13L, %fr14
    fcmp,dbl,= %fr12, %fr14
    ftest
    b,n     fail
    fcmp,dbl,< %fr12, %fr14
    ftest
    b       1f
    ldi     6, %r18
    b,n     fail
1:  fadd,dbl %fr12, %fr14, %fr15
    fsub,dbl %fr15, %fr14, %fr15
    fmpy,dbl %fr15, %fr14, %fr15
    fdiv,dbl %fr15, %fr14, %fr15
    fsqrt,dbl %fr15, %fr16
    fabs,dbl %fr15, %fr16
    fneg,dbl %fr15, %fr16
    frnd,dbl %fr15, %fr16
    fcpy,sgl %fr13L, %fr17R
    fadd,sgl %fr13L, %fr17R, %fr18R
    xmpyu   %fr4L, %fr4L, %fr19
    fmpyadd,dbl %fr12, %fr14, %fr20, %fr21, %fr22
    fmpysub,sgl %fr16L, %fr17L, %fr18L, %fr19L, %fr20L
    fmpyfadd,dbl %fr12, %fr14, %fr15, %fr23
    fmpynfadd,sgl %fr13L, %fr17R, %fr18R, %fr24R
    fcnv,t,dbl,w %fr15, %fr24L
    fstw    %fr24L, 0(%r10)
    ldw     0(%r10), %r3
    expect  %r3, 20
    fstd    %fr0, 0(%r10)
    fldd    0(%r10), %fr0

/* 7: nullified by arithmetic: loads, stores, branches, what would nullify by itself; and not nullified */
    part    7
    ldi     5, %r3
    add,=   %r3, %r0, %r4
    addi,tr 1, %r4, %r4
    stw     %r3, 1(%r0)         /* would be a fault */
    expect  %r4, 6
    sub,<>  %r3, %r3, %r4
    addi,<> 7, %r0, %r4
    ldw     0(%r0), %r4
    expect  %r4, 7
    cmpclr,= %r3, %r3, %r4
    b,n     fail
    cmpiclr,<> 5, %r3, %r4
    cmpiclr,= 5, %r3, %r4
    cmpiclr,tr 0, %r0, %r5      /* nullified, so that the next one is not */
    ldi     9, %r5
    expect  %r5, 9
    or,<>   %r0, %r0, %r6
    and,tr  %r3, %r3, %r6
    ldi     1, %r6
    expect  %r6, 5
    xor,ev  %r3, %r3, %r6
    ldi     1, %r6
    expect  %r6, 0
    andcm,od %r3, %r0, %r6
    ldi     1, %r6
    expect  %r6, 5
    uaddcm,tr %r3, %r0, %r6
    ldi     1, %r6
    uxor,sbz %r3, %r0, %r6
    nop
    dcor,nbc %r3, %r6
    nop
    shladd,l,uv %r3, 2, %r3, %r6
    shladd,nuv %r3, 2, %r3, %r6
    ldi     1, %r6
    expect  %r6, 25
    addc,nuv %r3, %r0, %r6
    nop
    subb,>>= %r3, %r0, %r6
    nop
    ds,=    %r3, %r3, %r6
    nop
    subi,>> 9, %r3, %r6
    ldi     1, %r6
    expect  %r6, 4

/* 8: nullified by shifts, extractions and deposits */
    part    8
    ldi     12, %r4
    mtsar   %r4
    shrpw,<> %r3, %r3, 4, %r6
    ldi     1, %r7
    shrpw,tr %r3, %r0, %sar, %r6
    ldi     1, %r7
    extrw,u,od %r3, 31, 4, %r6
    b,n     fail
    extrw,s,= %r3, %sar, 4, %r6
    ldi     1, %r7
    depw,z,= %r3, 31, 4, %r6
    ldi     2, %r7
    depw,<  %r3, %sar, 4, %r6
    ldi     3, %r7
    depwi,tr -1, 31, 4, %r6
    ldi     4, %r7
    depwi   3, %sar, 4, %r6
    expect  %r7, 3

/* 9: branches: with a slot that is executed, and nullified; on conditions, both ways and both directions */
    part    9
    ldi     3, %r4
1:  addib,<> -1, %r4, 1b
    addi    1, %r5, %r5
    expect  %r5, 12
    ldi     3, %r4
1:  addib,<>,n -1, %r4, 1b
    addi    1, %r5, %r5         /* backward: nullified when the branch is not taken */
    expect  %r5, 14
    cmpb,=,n %r3, %r3, 1f
    addi    1, %r5, %r5         /* forward: nullified when it is */
1:  cmpib,=,n 4, %r3, 1f
    addi    1, %r5, %r5
1:  expect  %r5, 15
    bb,<    %r3, 31, 1f
    nop
    b,n     fail
1:  bb,>=,n %r3, %sar, 1f
    nop
1:  movb,<> %r3, %r6, 1f
    nop
    b,n     fail
1:  movib,=,n 0, %r6, 1f
    b,n     fail
1:  addb,>,n %r3, %r6, 1f
    b,n     fail
1:  cmpb,<> %r3, %r3, fail
    nop
    b,l     function, %rp
    ldi     7, %r26
    expect  %r28, 8
    b,l,n   function, %rp
    nop
    expect  %r28, 8
    ldi     0, %r4
    blr,n   %r4, %r6
    nop
    ldil    L'2f, %r6
    ldo     R'2f(%r6), %r6
    bv,n    %r0(%r6)
    b,n     fail
2:  ldil    L'3f, %r6
    ldo     R'3f(%r6), %r6
    be,n    0(%sr4, %r6)
    b,n     fail
3:  ldil    L'4f, %r6
    be      R'4f(%sr4, %r6)
    ldi     3, %r7
4:  expect  %r7, 3
    b       1f                  /* a branch in a delay slot: one instruction of the first target, then the second */
    b       2f
    b,n     fail
1:  ldi     4, %r7
    b,n     fail
2:  expect  %r7, 4
    comclr,= %r3, %r3, %r0
    b,n     fail                /* a nullified branch's slot is not nullified */
    ldi     5, %r7
    expect  %r7, 5

/* 10: system registers and caches */
    part    10
    mfctl   %sar, %r3
    mfia    %r4
    mfsp    %sr4, %r5
    ldsid   (%r9), %r5
    probe,r (%r9), %r0, %r5
    probei,w (%r9), 3, %r5
    expect  %r5, 1
    fdc     %r0(%r9)
    fdc,m   %r3(%r9)
    sub     %r9, %r3, %r9
    pdc     %r0(%r9)
    fic     %r0(%sr4, %r9)
    sync
    syncdma

/* 11: the gateway page: a call that fails, the thread pointer, compare and swap that succeeds and fails */
    part    11
    ldi     -1, %r26
    ble     0x100(%sr2, %r0)
    ldi     6, %r20             /* close */
    expect  %r28, -9
    ble     0xe0(%sr2, %r0)
    ldi     1234, %r26
    mfctl   %cr27, %r3
    expect  %r3, 1234
    ldi     6, %r1
    stw     %r1, 0(%r10)
    copy    %r10, %r26
    ldi     6, %r25
    ldi     7, %r24
    ble     0xb0(%sr2, %r0)
    ldi     0, %r20
    expect  %r28, 6
    ble     0xb0(%sr2, %r0)
    ldi     0, %r20
    expect  %r28, 7
    ldw     0(%r10), %r3
    expect  %r3, 7
    ldi     0, %r13             /* 1 << r23 bytes, expected and new value in memory */
1:  stw     %r3, 8(%r10)
    stw     %r0, 12(%r10)
    stw     %r0, 4(%r10)
    ldo     8(%r10), %r25
    ldo     16(%r10), %r24
    copy    %r10, %r26
    copy    %r13, %r23
    ble     0xb0(%sr2, %r0)
    ldi     2, %r20
    ble     0xb0(%sr2, %r0)
    ldi     2, %r20
    addib,<> 1, %r13, 2f
    nop
2:  cmpib,<> 4, %r13, 1b
    nop
    ldo     1(%r10), %r26
    ble     0xb0(%sr2, %r0)     /* not aligned */
    ldi     0, %r20
    ble     0xb0(%sr2, %r0)     /* no such call */
    ldi     9, %r20
    b       fail
    ldi     0, %r18

function:
    addi    1, %r26, %r28
    bv      %r0(%rp)
    addi    0, %r28, %r28

fail:
    copy    %r18, %r26
    ble     0x100(%sr2, %r0)
    ldi     1, %r20             /* exit */
    break   0, 0

    .bss
    .align  64
cells:
    .space  4096

    .section .note.GNU-stack, "", @progbits
