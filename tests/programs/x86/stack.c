/* The stack: every push and pop, frames, returns near and far, flags, and operands relative to a stack pointer that the
   instruction itself moves. */
#include "bare.h"

word memory[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
word saved;
u16 small = 0x1234;

/* Each piece leaves the stack as it was, or saves and restores its pointer; `saved` gets a result. */
#ifdef __x86_64__
__asm__(".text\n"
        "pieces: mov %rsp, %r15; mov %rbp, %r14\n"
        "push %rax; push %r8; push $5; push $-70000; pushw $7; pushw %cx; push memory+8(%rip); pushw small(%rip)\n"
        "popw %dx; pop memory+16(%rip); popw %cx; popw small(%rip); pop %rbx; pop %rdx; pop %r9; pop %rax\n"
        "push %rsp; pop %rsp\n" /* the value before, the value popped */
        "push (%rsp); push 8(%rsp); pop 8(%rsp); pop (%rsp)\n"
        "push $memory; pop %rbx; push 24(%rbx); push 24(%rbx); pop (%rsp); mov %r15, %rsp\n"
        "sub $8, %rsp; push $9; pop 0(%rsp,%rax,0x1)\n" /* index */
        "mov %r15, %rsp\n"
        "pushfq; pushfw; popfw; popfq; std; pushfq; cld; popfq; cld\n"
        "push %fs; push %gs; pushw %fs; popw %dx; add $16, %rsp\n"
        "push $0x55; leaq 64(%rsp), %rbp; enter $24, $0; leave; pop %rdx\n"
        "lea -256(%rsp), %rsp; mov %rsp, %rbp; lea 200(%rbp), %rbp; enter $8, $1; leave\n"
        "enter $32, $2; leave; enter $0, $5; leave; enter $40, $31; leave\n"
        "mov %r15, %rsp; enter $4, $0; leavew; mov %r15, %rsp; mov %r14, %rbp\n"
        "call 1f; jmp 2f\n1: push $4f; ret\n2: lea 3f(%rip), %rax; push %rax; jmp *(%rsp)\n3: pop %rax; jmp 5f\n"
        "4: ret\n5: lea 6f(%rip), %rax; mov %rax, saved(%rip); call *saved(%rip); call *%rax; jmp 7f\n"
        "6: push $0x11; push $0x22; push 16(%rsp); ret $16\n7: mov %r15, %rsp\n"
        "push $9f; jmp *%r13\n9:\n" /* r13: at `around` */
        "mov %r15, %rsp; mov %r14, %rbp; ret\n"
        "around: add $8, %rsp; mov -8(%rsp), %r10; jmp *%r10\n");
#else
__asm__(".text\n"
        "pieces: mov %esp, kept; mov %ebp, kept_frame\n"
        "push %eax; push $5; push $-70000; pushw $7; pushw %cx; pushl memory+4; pushw small\n"
        "popw %dx; popl memory+8; popw %cx; popw small; pop %ebx; pop %edx; pop %eax\n"
        "push %esp; pop %esp; pushl (%esp); pushl 4(%esp); popl 4(%esp); popl (%esp)\n"
        "pushal; popal; pushaw; popaw; pushl $1; pushl $1; xor %eax, %eax; popl 0(%esp,%eax,0x2)\n"
        "mov kept, %esp; pushf; pushfw; popfw; popf; std; pushf; cld; popf; cld\n"
        "push %cs; push %ds; push %es; push %ss; push %fs; push %gs; pushw %ds; popw %dx; add $24, %esp\n"
        "push $0x55; lea 64(%esp), %ebp; enter $24, $0; leave; pop %edx\n"
        "lea -256(%esp), %esp; mov %esp, %ebp; lea 200(%ebp), %ebp; enter $8, $1; leave\n"
        "enter $32, $2; leave; enter $0, $5; leave; enter $40, $31; leave; mov kept, %esp; mov kept_frame, %ebp\n"
        "call 1f; jmp 2f\n1: push $4f; ret\n2: push $3f; jmp *(%esp)\n3: pop %eax; jmp 5f\n"
        "4: ret\n5: movl $6f, saved; call *saved; call *%eax; jmp 7f\n"
        "6: mov $6b, %eax; push $0x11; push $0x22; pushl 8(%esp); ret $8\n7: mov kept, %esp\n"
        "mov $memory, %eax; bound %eax, limits; mov kept, %esp; mov kept_frame, %ebp; ret\n"
        ".data; kept: .long 0; kept_frame: .long 0; limits: .long 0, 0x7fffffff; .text\n");
#endif

void pieces(void);

void run(void)
{
#ifdef __x86_64__
    __asm__ volatile("lea around(%%rip), %%r13; xor %%eax, %%eax; call pieces"
                     : : : "memory", "cc", "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r13", "r14", "r15");
    CHECK(memory[2] == 2 && memory[1] == 2);
#else
    __asm__ volatile("call pieces" : : : "memory", "cc", "eax", "ebx", "ecx", "edx");
    CHECK(memory[2] == 2 && memory[1] == 2);
#endif
    CHECK(small == 7);
}
