/* Whatever runs it, a processor or QEMU: the same instructions, registers and flags. No address of the stack is computed with. */
    .globl _start, work, done
_start:
    mov $5, %ecx
    lea buffer(%rip), %rdi
    xor %eax, %eax
work:
    push %rcx
    mov %rcx, (%rdi)
    add (%rdi), %rax
    pop %rcx
    loop work
    pushfq
    popfq
    lea text(%rip), %rsi
    mov $1, %edi
    mov $6, %edx
    mov $1, %eax
    syscall
    /* The kernel returns with other values in these than QEMU does. */
    xor %ecx, %ecx
    xor %r11d, %r11d
    lea buffer(%rip), %rdi
    mov $20, %ecx
    mov $65, %al
    rep stosb
    movdqu buffer(%rip), %xmm1
    paddb %xmm1, %xmm1
done:
    mov $60, %eax
    mov $7, %edi
    syscall
    .data
text: .ascii "hello\n"
    .bss
buffer: .space 64
