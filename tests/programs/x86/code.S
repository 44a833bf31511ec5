// Code that is unusual as code: rewritten by its own stores, in this block and the next; crossing a page; entered in
// the middle of an instruction; with redundant prefixes; made at run time.
    .section .fixed, "awx"
    .globl _start
#ifdef __x86_64__
#define AX %rax
#define DI %rdi
#define SI %rsi
#define AT(label) label(%rip)
#define ADDRESS(label, register) lea label(%rip), register
#else
#define AX %eax
#define DI %edi
#define SI %esi
#define AT(label) label
#define ADDRESS(label, register) mov $label, register
#endif
_start:
    // the immediate of the next instruction
    movb $7, AT(1f+1)
1:  mov $1, %eax
    cmp $7, %eax
    jne bad
    // an instruction that was executed before
    xor %ebx, %ebx
    mov $3, %ecx
2:  add $1, %ebx
    addb $1, AT(2b+2)
    loop 2b
    cmp $6, %ebx
    jne bad
    // from one instruction to another, by a string instruction
    ADDRESS(patch, SI)
    ADDRESS(3f, DI)
    mov $5, %ecx
    call 3f
    rep movsb
    call 3f
    cmp $0x55, %eax
    jne bad
    jmp 4f
3:  mov $0x44, %eax
    ret
patch:
    mov $0x55, %eax
4:  // from the second byte of a mov its immediate is code: inc %edx, and a jump over the nop
    xor %edx, %edx
    .byte 0xb8
5:  .byte 0xff, 0xc2, 0xeb, 0x01
    nop
    cmp $1, %edx
    jne 5b
    // redundant prefixes, up to fifteen bytes
    .byte 0x66, 0x66, 0x90
    .byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0
    .byte 0x66, 0x66, 0x2e, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0
    .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0
    .byte 0x3e, 0x3e, 0x3e, 0x90
    .byte 0xf3, 0x70, 0                                         // a branch with a prefix
    .byte 0xf2, 0xeb, 0                                         // bnd jmp
    .byte 0x3e, 0x74, 0
    .byte 0x67, 0x8d, 0x40, 1
    .byte 0xf3, 0x0f, 0x1e, 0xfa                                // endbr64
    .byte 0x0f, 0x1c, 0xc1                                      // reserved no-operations, one with a memory operand
    .byte 0x0f, 0x1d, 0x80, 0, 0, 0, 0x7f
    // generated: add $n, %eax n times, then ret
    ADDRESS(made, DI)
    mov DI, SI
    cld
    mov $9, %ecx
7:  mov $0x83, %al
    stosb
    mov $0xc0, %al
    stosb
    mov %cl, %al
    stosb
    loop 7b
    mov $0xc3, %al
    stosb
    xor %eax, %eax
    call *SI
    cmp $45, %eax
    jne bad
    // instructions across a page's end, in all their cuts
    jmp edge
bad:
    mov $1, %ebx
    jmp end
    .balign 4096
    .skip 4096 - 9
edge:
    mov $0x11111111, %edx
    mov $0x22222222, %ebx                                       // four bytes here, one on the next page
    lea 1(AX), AX
    jmp 8f
    .balign 4096
    .skip 4096 - 3
8:  addl $0x01020304, AT(cell)                                  // ten bytes in 64-bit mode
    jmp 9f
    .balign 4096
    .skip 4096 - 1
9:  nopw 0x12345678(AX, AX, 1)
    incl AT(cell)
    call 9f
    jmp good
    .balign 4096
    .skip 4096 - 1
9:  ret                                                         // the last byte of a page
good:
    mov $42, %ebx
end:
#ifdef __x86_64__
    mov %ebx, %edi
    mov $231, %eax
    syscall
#else
    mov $252, %eax
    int $0x80
#endif
    .balign 64
made:
    .skip 64
    .bss
cell:
    .quad 0
