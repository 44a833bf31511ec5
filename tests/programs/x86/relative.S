// Operands relative to rip in instructions that have an immediate after the displacement. Code and data are in one
// section, so the displacements are the same whatever the linker does. The data is on
// a page of its own (code.S stores beside its code).
    .section .fixed, "awx"
    .globl _start
_start:
    mov $3, %ecx
    mov $100, %eax
    addb $1, data(%rip)
    addw $0x1234, data(%rip)
    addl $0x12345678, data(%rip)
    addq $-5, data(%rip)
    addq $0x123456, data(%rip)
    movb $1, data(%rip)
    movw $0x1234, data+16(%rip)
    movl $0x12345678, data+32(%rip)
    movq $-5, data+48(%rip)
    testb $1, data(%rip)
    testw $0x1234, data(%rip)
    testl $0x12345678, data(%rip)
    testq $7, data(%rip)
    cmpl $7, data(%eip)
    imull $7, data(%rip), %edx
    imulw $0x1234, data(%rip), %dx
    imulq $0x12345678, data(%rip), %rdx
    rolb $3, data(%rip)
    rcrw $5, data(%rip)
    sall $7, data(%rip)
    sarq $9, data(%rip)
    shrl $1, data(%rip)
    btl $5, data(%rip)
    btsq $40, data(%rip)
    shldl $7, %eax, data+32(%rip)
    shrdw $3, %ax, data+32(%rip)
    shldq $9, %rax, data+32(%rip)
    shldq %cl, %rax, data+32(%rip)
    rorx $5, data(%rip), %edx
    pshufd $0x1b, data(%rip), %xmm0
    pshufhw $0x1b, data(%rip), %xmm1
    pshufw $0x1b, data(%rip), %mm0
    shufps $0x1b, data(%rip), %xmm2
    shufpd $1, data(%rip), %xmm2
    cmpps $1, data(%rip), %xmm0
    cmpsd $1, data(%rip), %xmm0
    pinsrw $3, data(%rip), %xmm0
    pinsrb $3, data(%rip), %xmm0
    pinsrd $1, data(%rip), %xmm0
    pinsrq $1, data(%rip), %xmm0
    insertps $0x40, data(%rip), %xmm1
    pextrw $3, %xmm0, data(%rip)
    pextrb $3, %xmm0, data(%rip)
    pextrd $3, %xmm0, data(%rip)
    pextrq $1, %xmm0, data(%rip)
    extractps $3, %xmm0, data(%rip)
    palignr $5, data(%rip), %xmm0
    palignr $5, data(%rip), %mm0
    roundps $1, data(%rip), %xmm1
    roundsd $1, data(%rip), %xmm1
    dpps $0x33, data(%rip), %xmm1
    mpsadbw $1, data(%rip), %xmm1
    blendps $5, data(%rip), %xmm1
    pblendw $5, data(%rip), %xmm1
    pclmulqdq $1, data(%rip), %xmm1
    aeskeygenassist $1, data(%rip), %xmm1
    pcmpistri $0xc, data(%rip), %xmm1
    pcmpistrm $0xc, data(%rip), %xmm1
    pcmpestri $0xc, data(%rip), %xmm1
    vpshufd $0x1b, data(%rip), %ymm0
    vshufps $0x1b, data(%rip), %ymm1, %ymm0
    vcmppd $3, data(%rip), %ymm1, %ymm0
    vpermq $0x1b, data(%rip), %ymm0
    vperm2i128 $0x21, data(%rip), %ymm1, %ymm0
    vinserti128 $1, data(%rip), %ymm1, %ymm0
    vextracti128 $1, %ymm0, data(%rip)
    vpblendd $0x21, data(%rip), %ymm1, %ymm0
    vpalignr $5, data(%rip), %ymm1, %ymm0
    vroundss $5, data(%rip), %xmm1, %xmm0
    vblendvps %xmm2, data(%rip), %xmm1, %xmm0
    vpblendvb %ymm2, data(%rip), %ymm1, %ymm0
    vcvtps2ph $1, %ymm0, data(%rip)
    vmpsadbw $5, data(%rip), %ymm1, %ymm0
    mov $42, %edi
    mov $231, %eax
    syscall
    .balign 4096
data:
    .quad 1, 2, 3, 4, 5, 6, 7, 8
