// SSE to SSE4.2, AVX, AVX2, FMA, F16C, AES: every operation with an operand in memory, loads and stores of all widths,
// gathers and masked moves under several masks.
    .text
    .globl _start
#ifdef __x86_64__
#define DI %rdi
#define SI %rsi
#define DX %rdx
#define AX %rax
#define HIGH0 %xmm12
#define HIGH1 %ymm13
#else
#define DI %edi
#define SI %esi
#define DX %edx
#define AX %eax
#define HIGH0 %xmm4
#define HIGH1 %ymm5
#endif

// Operations with a source in memory; the destination of each is read as well, or not.
.macro two operations:vararg
    .irp operation, \operations
    \operation 16(DI), %xmm1
    \operation %xmm2, HIGH0
    .endr
.endm
.macro two_byte operations:vararg
    .irp operation, \operations
    \operation $0x1b, 16(DI), %xmm1
    .endr
.endm
.macro avx operations:vararg
    .irp operation, \operations
    \operation 33(DI), %xmm1, %xmm3
    \operation 33(DI), %ymm2, HIGH1
    .endr
.endm
.macro avx_two operations:vararg
    .irp operation, \operations
    \operation 33(DI), %xmm1
    \operation 33(DI), HIGH1
    .endr
.endm
.macro avx_byte operations:vararg
    .irp operation, \operations
    \operation $0x1b, 33(DI), %ymm2, %ymm3
    .endr
.endm
.macro avx_low operations:vararg
    .irp operation, \operations
    \operation 33(DI), %xmm2, %xmm3
    .endr
.endm
.macro move operations:vararg
    .irp operation, \operations
    \operation 64(DI), %xmm1
    \operation %xmm1, 128(DI)
    .endr
.endm

_start:
#ifdef __x86_64__
    lea data(%rip), DI
#else
    mov $data, DI
#endif
    mov $2, %esi
    movaps (DI), %xmm2
    move movaps, movups, movapd, movupd, movdqa, movdqu, movss, movsd, movd, movq, movlps, movhps, movlpd, movhpd
    move vmovaps, vmovups, vmovapd, vmovupd, vmovdqa, vmovdqu, vmovss, vmovsd, vmovd, vmovq
    lddqu 7(DI), %xmm1
    movntdqa 64(DI), %xmm1
    movntps %xmm1, 128(DI)
    movntpd %xmm1, 128(DI)
    movntdq %xmm1, 128(DI)
    two movsldup, movshdup, movddup
    .irp operation, addps, addpd, addss, addsd, subps, subpd, subss, subsd, mulps, mulpd, mulss, mulsd, divps, divpd, divss, divsd
    two \operation
    avx_low v\operation
    .endr
    .irp operation, minps, minpd, minss, minsd, maxps, maxpd, maxss, maxsd, andps, andpd, andnps, andnpd, orps, orpd, xorps, xorpd
    two \operation
    avx_low v\operation
    .endr
    two sqrtps, sqrtpd, sqrtss, sqrtsd, rcpps, rcpss, rsqrtps, rsqrtss, ucomiss, ucomisd, comiss, comisd
    two unpcklps, unpckhps, unpcklpd, unpckhpd, haddps, haddpd, hsubps, hsubpd, addsubps, addsubpd
    two_byte shufps, shufpd, cmpps, cmppd, cmpss, cmpsd, roundps, roundpd, roundss, roundsd, dpps, dppd, blendps, blendpd, pblendw
    two_byte mpsadbw, palignr, pshufd, pshufhw, pshuflw, pclmulqdq, aeskeygenassist, insertps, pcmpistri, pcmpistrm
    two_byte pcmpestri, pcmpestrm
    two cvtdq2ps, cvtdq2pd, cvtps2dq, cvttps2dq, cvtpd2dq, cvttpd2dq, cvtps2pd, cvtpd2ps, cvtss2sd, cvtsd2ss
    cvtsi2ssl 16(DI), %xmm1
    cvtsi2sdl 16(DI), %xmm1
    cvtss2si 16(DI), %eax
    cvttss2si 16(DI), %eax
    cvtsd2si 16(DI), %eax
    cvttsd2si 16(DI), %eax
#ifdef __x86_64__
    cvtsi2ssq 16(DI), %xmm1
    cvtsi2sdq 16(DI), %xmm9
    cvtss2si 16(DI), %rax
    cvttsd2si 16(DI), %r9
    movq 16(DI), %xmm11
    movq %r9, %xmm8
    pinsrq $1, 16(DI), %xmm9
    pextrq $1, %xmm9, 128(DI)
    vpinsrq $1, 16(DI), %xmm9, %xmm14
    vcvtsi2sdq 16(DI), %xmm1, %xmm15
#endif
    .irp size, b, w, d, q
    two padd\size, psub\size
    avx vpadd\size, vpsub\size
    .endr
    .irp operation, paddsb, paddsw, paddusb, paddusw, psubsb, psubsw, psubusb, psubusw, pmullw, pmulhw, pmulhuw, pmuludq, pmaddwd
    two \operation
    avx v\operation
    .endr
    .irp operation, pand, pandn, por, pxor, pcmpeqb, pcmpeqw, pcmpeqd, pcmpgtb, pcmpgtw, pcmpgtd, packsswb, packssdw, packuswb
    two \operation
    avx v\operation
    .endr
    .irp operation, punpcklbw, punpcklwd, punpckldq, punpcklqdq, punpckhbw, punpckhwd, punpckhdq, punpckhqdq, pavgb, pavgw, psadbw
    two \operation
    avx v\operation
    .endr
    .irp operation, pminub, pminsw, pmaxub, pmaxsw, pminsb, pminuw, pminsd, pminud, pmaxsb, pmaxuw, pmaxsd, pmaxud, pmulld, pmuldq
    two \operation
    avx v\operation
    .endr
    .irp operation, pshufb, phaddw, phaddd, phaddsw, phsubw, phsubd, phsubsw, pmaddubsw, pmulhrsw, psignb, psignw, psignd
    two \operation
    avx v\operation
    .endr
    .irp operation, packusdw, pcmpeqq, pcmpgtq
    two \operation
    avx v\operation
    .endr
    two pabsb, pabsw, pabsd, ptest, phminposuw, pmovsxbw, pmovsxbd, pmovsxbq, pmovsxwd, pmovsxwq, pmovsxdq, pmovzxbw, pmovzxbd
    two pmovzxbq, pmovzxwd, pmovzxwq, pmovzxdq, blendvps, blendvpd, pblendvb, aesenc, aesenclast, aesdec, aesdeclast, aesimc
    .irp operation, psllw, pslld, psllq, psrlw, psrld, psrlq, psraw, psrad
    two \operation
    avx_low v\operation
    v\operation 32(DI), %ymm2, %ymm3
    .endr
    .irp lane, 0, 1
    pinsrw $\lane, 17(DI), %xmm1
    pinsrb $\lane, 17(DI), %xmm1
    pinsrd $\lane, 17(DI), %xmm1
    pextrw $\lane, %xmm1, 129(DI)
    pextrb $\lane, %xmm1, 129(DI)
    pextrd $\lane, %xmm1, 129(DI)
    extractps $\lane, %xmm1, 129(DI)
    vpinsrw $\lane, 17(DI), %xmm1, %xmm2
    vpextrb $\lane, %xmm1, 129(DI)
    vinserti128 $\lane, 33(DI), %ymm1, %ymm2
    vinsertf128 $\lane, 33(DI), %ymm1, %ymm2
    vextracti128 $\lane, %ymm1, 129(DI)
    vextractf128 $\lane, %ymm1, 129(DI)
    .endr

    // 256 bits
    vmovaps 64(DI), %ymm1
    vmovups 65(DI), HIGH1
    vmovdqu %ymm1, 129(DI)
    vmovaps %ymm1, 128(DI)
    vmovntdq %ymm1, 128(DI)
    vmovntdqa 64(DI), %ymm1
    vlddqu 65(DI), %ymm1
    vmovlps 64(DI), %xmm1, %xmm2
    vmovhpd 64(DI), %xmm1, %xmm2
    vmovlpd %xmm1, 128(DI)
    vmovhps %xmm1, 128(DI)
    avx vaddps, vaddpd, vmulps, vdivpd, vminps, vmaxpd, vandnps, vxorpd, vunpcklps, vunpckhpd, vhaddps, vhsubpd, vaddsubps
    avx vpsllvd, vpsllvq, vpsrlvd, vpsrlvq, vpsravd, vpermilps, vpermilpd
    vpermd 32(DI), %ymm2, %ymm3
    vpermps 32(DI), %ymm2, %ymm3
    vpermq $0x1b, 32(DI), %ymm3
    vpermpd $0x1b, 32(DI), %ymm3
    vpermilps $0x1b, 32(DI), %ymm3
    avx_byte vshufps, vshufpd, vcmpps, vcmppd, vblendps, vblendpd, vpblendw, vpblendd, vmpsadbw, vpalignr, vperm2f128, vperm2i128, vdpps
    avx_two vsqrtps, vsqrtpd, vrcpps, vrsqrtps, vcvtdq2ps, vcvtps2dq, vcvttps2dq, vmovsldup, vmovshdup, vmovddup, vptest, vtestps, vtestpd
    avx_two vpabsb, vpabsw, vpabsd, vpmovsxbw, vpmovsxbd, vpmovsxbq, vpmovsxwd, vpmovsxwq, vpmovsxdq, vpmovzxbw, vpmovzxbd
    avx_two vpmovzxbq, vpmovzxwd, vpmovzxwq, vpmovzxdq, vpbroadcastb, vpbroadcastw, vpbroadcastd, vpbroadcastq, vbroadcastss
    avx_two vcvtdq2pd, vcvtps2pd, vcvtph2ps
    vbroadcastsd 33(DI), %ymm1
    vbroadcastf128 33(DI), %ymm1
    vbroadcasti128 33(DI), %ymm1
    vcvtpd2psx 33(DI), %xmm1
    vcvtpd2psy 33(DI), %xmm1
    vcvtpd2dqy 33(DI), %xmm1
    vcvttpd2dqx 33(DI), %xmm1
    vcvtps2ph $0, %xmm1, 129(DI)
    vcvtps2ph $0, %ymm1, 129(DI)
    avx_low vsqrtss, vsqrtsd, vrcpss, vrsqrtss, vcvtss2sd, vcvtsd2ss, vaesenc, vaesenclast, vaesdec, vaesdeclast
    vroundss $1, 33(DI), %xmm1, %xmm2
    vcmpsd $3, 33(DI), %xmm1, %xmm2
    vinsertps $0x40, 33(DI), %xmm1, %xmm2
    vblendvps %xmm1, 33(DI), %xmm2, %xmm3
    vblendvpd %ymm1, 33(DI), %ymm2, %ymm3
    vpblendvb %ymm1, 33(DI), %ymm2, %ymm3
    vpcmpistri $0xc, 33(DI), %xmm1
    vpcmpestrm $0xc, 33(DI), %xmm1
    vphminposuw 33(DI), %xmm1
    vaesimc 33(DI), %xmm1
    vucomiss 33(DI), %xmm1
    vcomisd 33(DI), %xmm1
    .irp order, 132, 213, 231
    avx vfmadd\order\()ps, vfmadd\order\()pd, vfmsub\order\()ps, vfnmadd\order\()pd, vfnmsub\order\()ps, vfmaddsub\order\()ps, vfmsubadd\order\()pd
    avx_low vfmadd\order\()ss, vfmadd\order\()sd, vfnmsub\order\()sd
    .endr

    // Masked stores; the low byte of the loop's count rotates the masks
    mov $4, %ecx
1:  movdqa (DI), %xmm0
    movdqa masks-data(DI), %xmm1
    pslldq $2, %xmm1
    movdqa %xmm1, masks-data(DI)
    push DI
    lea 128(DI), DI
    maskmovdqu %xmm1, %xmm0
    vmaskmovdqu %xmm1, %xmm0
    pop DI
    vmaskmovps %xmm0, %xmm1, 128(DI)
    vmaskmovpd %xmm0, %xmm1, 128(DI)
    vpmaskmovd %xmm0, %xmm1, 129(DI)
    vpmaskmovq %xmm0, %xmm1, 129(DI)
    vmaskmovps 64(DI), %xmm1, %xmm2
    vpmaskmovq 64(DI), %xmm1, %xmm2
    vmaskmovpd 65(DI), %ymm1, %ymm2
    vpmaskmovd 65(DI), %ymm1, %ymm2
    movdqa indices-data(DI), %xmm3
    vmovdqa %xmm1, %xmm4
    vpgatherdd %xmm4, 64(DI,%xmm3,4), %xmm5
    vmovdqa %xmm1, %xmm4
    vgatherdps %xmm4, 64(DI,%xmm3,1), %xmm5
    vmovdqa %xmm1, %xmm4
    vpgatherdq %xmm4, 64(DI,%xmm3,8), %xmm5
    vmovdqa %xmm1, %xmm4
    vgatherdpd %xmm4, 64(DI,%xmm3,2), %xmm5
    movdqa indices+16-data(DI), %xmm3
    vmovdqa %xmm1, %xmm4
    vpgatherqd %xmm4, 64(DI,%xmm3,4), %xmm5
    vmovdqa %xmm1, %xmm4
    vgatherqps %xmm4, 64(DI,%xmm3,4), %xmm5
    vmovdqa %xmm1, %xmm4
    vpgatherqq %xmm4, 64(DI,%xmm3,8), %xmm5
    vmovdqa %xmm1, %xmm4
    vgatherqpd %xmm4, 64(DI,%xmm3,1), %xmm5
    dec %ecx
    jnz 1b
    movmskps %xmm1, %eax
    pmovmskb %xmm1, %eax
    vmovmskpd %ymm1, %eax
    vzeroupper
    vzeroall
#ifdef __x86_64__
    extrq $3, $5, %xmm1
    insertq $3, $5, %xmm1, %xmm2
    movntss %xmm1, 128(DI)
    movntsd %xmm1, 128(DI)
    mov $42, %edi
    mov $231, %eax
    syscall
#else
    mov $42, %ebx
    mov $252, %eax
    int $0x80
#endif
    .data
    .balign 64
data:
    .rept 32
    .float 1.5, -2.25
    .double 3.75
    .endr
masks:
    .byte 0x80, 0x7f, 0, 0x80, 0x80, 0xff, 1, 0x80, 0, 0x80, 0, 0x80, 0xff, 0x7f, 0x80, 0x80
indices:
    .long 0, -1, 5, 3
    .quad -2, 7
