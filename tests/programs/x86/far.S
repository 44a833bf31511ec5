// Far calls, jumps and returns to the program's own code segment, and interrupt returns: user mode allows them.
// QEMU reads the descriptor table for each, at an address that the stub does not show.
#ifdef __x86_64__
    .globl _start
_start:
    mov %rsp, %r15
    mov %cs, %eax
    mov %eax, selector(%rip)
    mov %ss, %ebx
    lea offset(%rip), %rdx
    lea 1f(%rip), %rcx
    mov %ecx, offset(%rip)
    lea stack_end(%rip), %rsp  // QEMU pushes below 4 GiB
    lcall *(%rdx)
    lea 2f(%rip), %rcx
    mov %ecx, offset(%rip)
    ljmp *(%rdx)
    ud2
1:  lretl
2:  mov %r15, %rsp
    lea 3f(%rip), %rcx
    push %rax
    push %rcx
    lretq
    ud2
3:  push $0x11
    push %rax
    lea 4f(%rip), %rcx
    push %rcx
    lretq $8
4:  cmp %rsp, %r15
    jne bad
    push %rbx
    push %r15
    pushfq
    push %rax
    lea 5f(%rip), %rcx
    push %rcx
    iretq
5:  cmp %rsp, %r15
    jne bad
    lar %eax, %ecx
    lsl %eax, %ecx
    verr %ax
    verw %bx
    mov $42, %edi
    jmp 6f
bad:
    mov $1, %edi
6:  mov $231, %eax
    syscall
    .data
offset: .long 0
selector: .long 0
    .bss
    .skip 256
stack_end:
#else
    .globl _start
_start:
    mov %esp, %ebp
    mov %cs, %eax
    mov %ax, selector
    mov %ds, %ebx
    mov $offset, %edx
    movl $1f, offset
    lcall *(%edx)
    movl $2f, offset
    ljmp *(%edx)
    ud2
1:  lret
2:  push %cs
    call 1b                    // lret pops what the call and the push left
    push $0x11
    push %eax
    push $3f
    lret $4
    ud2
3:  cmp %esp, %ebp
    jne bad
    pushf
    push %eax
    push $4f
    iret
    ud2
4:  cmp %esp, %ebp
    jne bad
    jmp direct
    .pushsection .fixed, "ax"  // where the linker is told to put it, so that the bytes are known
    lret
direct:
    lcall $0x23, $direct-1
    jmp 5f
    .popsection
5:  push %ds
    push %es
    pop %es
    pop %ds
    mov %ds, pointer+4
    mov $pointer, %edx
    les (%edx), %esi
    lds (%edx), %esi
    lss 8(%edx), %edi
    lar %eax, %ecx
    lsl %eax, %ecx
    verr %ax
    verw %bx
    mov $42, %ebx
    jmp 6f
bad:
    mov $1, %ebx
6:  mov $252, %eax
    int $0x80
    .data
offset: .long 0
selector: .long 0
pointer: .long 1b, 0
stack_pointer: .long 0x1234, 0x2b
#endif
