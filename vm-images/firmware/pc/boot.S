/* A PC from real mode over protected mode to long mode: in each of them a software interrupt and an exception that is handled,
 * string instructions with rep; in long mode a page that a fault maps, an interrupt of the local APIC's timer that is polled
 * for and one of the PIT that ends hlt.  Without long mode (qemu-system-i386) it ends after protected mode.
 *
 * Linked at 0x7c00.  The first sector is a boot sector and loads the rest with the BIOS; rom.S brings all of it and starts
 * at `loaded`. */
    .file "boot.S"

#define COM1        0x3f8
#define PIC1        0x20
#define PIC2        0xa0
#define PIT         0x40
#define KEYBOARD    0x64
#define APIC        0xfee00000
#define EFER        0xc0000080

#define IDT         0x5000          /* 64 vectors of 8 bytes, later of 16 */
#define VECTORS     64
#define PML4        0x10000
#define PDPT        0x11000
#define PD_LOW      0x12000
#define PD_HIGH     0x13000         /* of the fourth gigabyte, for the APIC */

#define SOFTWARE    0x21            /* vectors of our own */
#define TIMER_APIC  0x22
#define TIMER_PIT   0x28            /* IRQ 0 of the first PIC */

    .text
    .code16
    .globl _start
_start:
    ljmp    $0, $1f                 # some BIOS start us at 07c0:0000
1:  cli
    xor     %ax, %ax
    mov     %ax, %ds
    mov     %ax, %es
    mov     %ax, %ss
    mov     $_start, %sp
    # The BIOS left the drive in %dl: from sector 2 to behind this one.
    mov     $0x0200 + SECTORS - 1, %ax
    mov     $0x0002, %cx
    mov     $0, %dh
    mov     $_start + 512, %bx
    int     $0x13
    jnc     loaded
    mov     $text_failed, %si
    call    print16
    jmp     end16

    .type print16, @function
print16:                            # %si: a zero-terminated text
    mov     $COM1 + 5, %dx
    in      %dx, %al
    test    $0x20, %al              # transmitter holding register empty
    jz      print16
    mov     $COM1, %dx
    lodsb
    test    %al, %al
    jz      1f
    out     %al, %dx
    jmp     print16
1:  ret
    .size print16, . - print16

end16:
    mov     $0xfe, %al
    out     %al, $KEYBOARD
    jmp     .

    .org    510
    .word   0xaa55

    .globl loaded
    .type loaded, @function
loaded:
    cli
    cld
    xor     %ax, %ax
    mov     %ax, %ds
    mov     %ax, %es
    mov     %ax, %ss
    mov     $_start, %sp
    mov     $text_hello, %si
    call    print16

    movw    $software16, 4 * SOFTWARE
    movw    $0, 4 * SOFTWARE + 2
    movw    $divide16, 4 * 0
    movw    $0, 4 * 0 + 2
    movw    $undefined16, 4 * 6
    movw    $0, 4 * 6 + 2

    mov     $21, %ax
    int     $SOFTWARE
    cmp     $42, %ax
    jne     failed16
    xor     %cx, %cx
    div     %cx                     # 2 bytes; %cx is 2 afterwards
    cmp     $2, %cx
    jne     failed16
    ud2
    cmp     $6, %cx
    jne     failed16

    # Strings: a copy forwards, a comparison, a search; a copy backwards.
    mov     $text_hello, %si
    mov     $buffer, %di
    mov     $3, %cx
    rep movsb
    mov     $text_hello, %si
    mov     $buffer, %di
    mov     $8, %cx
    repe cmpsb                      # differs at the fifth
    jcxz    failed16
    cmp     $3, %cx
    jne     failed16
    mov     $text_hello, %di
    mov     $'\n', %al
    mov     $20, %cx
    repne scasb
    cmp     $text_hello + 3, %di
    jne     failed16
    std
    mov     $text_hello + 1, %si
    mov     $buffer + 7, %di
    mov     $1, %cx
    rep movsw
    cld
    cmpl    $0x0a6370, text_hello   # "pc\n\0"
    jne     failed16
    mov     $0x1234, %ax
    mov     $buffer, %di
    mov     $4, %cx
    rep stosw
    push    %ds
    mov     $0x0040, %ax            # a segment other than 0
    mov     %ax, %ds
    mov     buffer - 0x400 + 4, %dx
    pop     %ds
    cmp     $0x1234, %dx
    jne     failed16
    mov     $text_real, %si
    call    print16

    lgdt    gdt_pointer
    mov     %cr0, %eax
    or      $1, %eax
    mov     %eax, %cr0
    ljmp    $8, $protected

failed16:
    mov     $text_failed, %si
    call    print16
    jmp     end16

    .type software16, @function
software16:                         # doubles %ax
    add     %ax, %ax
    iret
    .size software16, . - software16

    .type divide16, @function
divide16:                           # returns behind the instruction
    mov     $2, %cx
    push    %bp
    mov     %sp, %bp
    addw    $2, 2(%bp)
    pop     %bp
    iret
    .size divide16, . - divide16

    .type undefined16, @function
undefined16:
    mov     $6, %cx
    push    %bp
    mov     %sp, %bp
    addw    $2, 2(%bp)
    pop     %bp
    iret
    .size undefined16, . - undefined16

# ---------------------------------------------------------------------------------------------------------------------------
    .code32
    .type protected, @function
protected:
    mov     $16, %eax
    mov     %eax, %ds
    mov     %eax, %es
    mov     %eax, %ss
    mov     $_start, %esp

    mov     $SOFTWARE, %ecx
    mov     $software32, %eax
    call    set_gate32
    mov     $6, %ecx
    mov     $undefined32, %eax
    call    set_gate32
    mov     $13, %ecx
    mov     $protection32, %eax
    call    set_gate32
    lidt    idt_pointer

    mov     $21, %eax
    int     $SOFTWARE
    cmp     $42, %eax
    jne     failed32
    ud2
    cmp     $6, %ecx
    jne     failed32
    mov     $0x70, %eax             # behind the GDT
    mov     %eax, %fs               # 2 bytes
    cmp     $0x70, %ecx             # the error code
    jne     failed32

    mov     $0x01020304, %eax
    mov     $buffer, %edi
    mov     $4, %ecx
    rep stosl
    pushal
    mov     $buffer, %esi
    lea     4(%esi), %edi
    mov     $3, %ecx
    lodsl
    xor     %eax, (%edi, %ecx, 4)   # buffer[4]
    popal
    cmpl    $0x01020304, buffer + 12
    jne     failed32
    mov     $20, %eax
    call    sum32
    cmp     $210, %eax
    jne     failed32
    mov     $text_protected, %esi
    call    print32

    mov     $0x80000000, %eax
    cpuid
    cmp     $0x80000001, %eax
    jb      end32
    mov     $0x80000001, %eax
    cpuid
    bt      $29, %edx               # long mode
    jnc     end32

    # Virtual is physical for the first 2 MiB and the APIC.  The second 2 MiB are mapped by the page fault.
    movl    $PDPT + 3, PML4
    movl    $PD_LOW + 3, PDPT
    movl    $PD_HIGH + 3, PDPT + 3 * 8
    movl    $0x83, PD_LOW
    movl    $0, PD_LOW + 8
    movl    $APIC + 0x93 - 0x100000000, PD_HIGH + ((APIC >> 21) & 511) * 8
    mov     %cr4, %eax
    or      $0x20, %eax             # PAE
    mov     %eax, %cr4
    mov     $PML4, %eax
    mov     %eax, %cr3
    mov     $EFER, %ecx
    rdmsr
    or      $0x100, %eax            # LME
    wrmsr
    mov     %cr0, %eax
    or      $0x80000000, %eax
    mov     %eax, %cr0
    ljmp    $24, $long_mode

failed32:
    mov     $text_failed, %esi
    jmp     1f
end32:
    mov     $text_done, %esi
1:  call    print32
    mov     $0xfe, %al
    out     %al, $KEYBOARD
    jmp     .
    .size protected, . - protected

    .type print32, @function
print32:                            # %esi: a zero-terminated text
    mov     $COM1 + 5, %edx
    in      %dx, %al
    test    $0x20, %al
    jz      print32
    mov     $COM1, %edx
    lodsb
    test    %al, %al
    jz      1f
    out     %al, %dx
    jmp     print32
1:  ret
    .size print32, . - print32

    .type set_gate32, @function
set_gate32:                         # vector %ecx to %eax
    mov     %ax, IDT(, %ecx, 8)
    movw    $8, IDT + 2(, %ecx, 8)
    movw    $0x8e00, IDT + 4(, %ecx, 8)
    shr     $16, %eax
    mov     %ax, IDT + 6(, %ecx, 8)
    ret
    .size set_gate32, . - set_gate32

    .type sum32, @function
sum32:                              # %eax = %eax + (%eax - 1) + ... + 0
    test    %eax, %eax
    jz      1f
    push    %eax
    dec     %eax
    call    sum32
    pop     %edx
    add     %edx, %eax
1:  ret
    .size sum32, . - sum32

    .type software32, @function
software32:
    add     %eax, %eax
    iretl
    .size software32, . - software32

    .type undefined32, @function
undefined32:
    mov     $6, %ecx
    addl    $2, (%esp)
    iretl
    .size undefined32, . - undefined32

    .type protection32, @function
protection32:
    pop     %ecx                    # the error code
    addl    $2, (%esp)
    iretl
    .size protection32, . - protection32

# ---------------------------------------------------------------------------------------------------------------------------
    .code64
    .type long_mode, @function
long_mode:
    mov     $_start, %rsp
    mov     $SOFTWARE, %ecx
    mov     $software64, %eax
    call    set_gate64
    mov     $6, %ecx
    mov     $undefined64, %eax
    call    set_gate64
    mov     $14, %ecx
    mov     $page_fault, %eax
    call    set_gate64
    mov     $TIMER_APIC, %ecx
    mov     $apic_interrupt, %eax
    call    set_gate64
    mov     $TIMER_PIT, %ecx
    mov     $pit_interrupt, %eax
    call    set_gate64
    lidt    idt_pointer

    movabs  $0x100000015, %rax
    int     $SOFTWARE
    movabs  $0x20000002a, %rdx
    cmp     %rdx, %rax
    jne     failed
    ud2
    cmp     $6, %ecx
    jne     failed
    mov     $0x200000 - 4, %edi     # the last bytes of one page, the first of the other
    movabs  $0x1122334455667788, %rax
    mov     %rax, (%rdi)
    cmp     %rax, (%rdi)
    jne     failed
    mov     0x200000 - 4, %rdx
    cmp     %rax, %rdx
    jne     failed
    mov     %cr2, %rdx
    cmp     $0x200000, %edx
    jne     failed
    mov     $3, %ecx
    mov     $buffer, %edi
    rep stosq
    mov     %rax, %r8
    lock cmpxchg %r8, buffer + 16
    jne     failed
    mov     $text_long, %esi
    call    print

    # The PICs, masked: the PIT counts since reset, and whatever it asked for meanwhile is forgotten.
    mov     $0x30, %al              # channel 0, mode 0: nothing until it is loaded
    out     %al, $PIT + 3
    mov     $0x11, %al
    out     %al, $PIC1
    out     %al, $PIC2
    mov     $TIMER_PIT, %al
    out     %al, $PIC1 + 1
    mov     $TIMER_PIT + 8, %al
    out     %al, $PIC2 + 1
    mov     $4, %al
    out     %al, $PIC1 + 1
    mov     $2, %al
    out     %al, $PIC2 + 1
    mov     $1, %al
    out     %al, $PIC1 + 1
    out     %al, $PIC2 + 1
    mov     $0xff, %al
    out     %al, $PIC1 + 1
    out     %al, $PIC2 + 1

    # The local APIC's timer, polled for.  Where interrupts are held back it does not come: then none is waited for either.
    mov     $APIC, %ebx
    movl    $0x1ff, 0xf0(%rbx)      # software enable
    movl    $0x700, 0x350(%rbx)     # the PIC's interrupts pass
    movl    $0x0b, 0x3e0(%rbx)      # divide by 1
    movl    $TIMER_APIC, 0x320(%rbx)
    movl    $400, 0x380(%rbx)
    sti
    mov     $700, %ecx
poll:
    cmpl    $0, ticks(%rip)
    jne     polled
    dec     %ecx
    jnz     poll
    cli
    mov     $text_no_tick, %esi
    call    print
    jmp     end
polled:
    cli
    mov     $text_tick, %esi
    call    print

    # The PIT: one interrupt, through the PIC.
    mov     $0xfe, %al              # IRQ 0 alone
    out     %al, $PIC1 + 1
    mov     $100, %al               # 84 us
    out     %al, $PIT
    mov     $0, %al
    out     %al, $PIT
    sti                             # from the next instruction's end on: the interrupt cannot come before hlt
    hlt
    cli
    cmpl    $2, ticks(%rip)
    jne     failed
    mov     $text_woken, %esi
    call    print

end:
    mov     $text_done, %esi
finish:
    call    print
    .globl done
done:
    mov     $0xfe, %al              # the keyboard controller resets the machine
    out     %al, $KEYBOARD
    jmp     done

failed:
    mov     $text_failed, %esi
    jmp     finish
    .size long_mode, . - long_mode

    .type print, @function
print:                              # %rsi: a zero-terminated text
    mov     $COM1 + 5, %edx
    in      %dx, %al
    test    $0x20, %al
    jz      print
    mov     $COM1, %edx
    lodsb
    test    %al, %al
    jz      1f
    out     %al, %dx
    jmp     print
1:  ret
    .size print, . - print

    .type set_gate64, @function
set_gate64:                         # vector %ecx to %eax
    shl     $4, %ecx
    mov     %ax, IDT(%rcx)
    movl    $0x8e000018, IDT + 2(%rcx)
    shr     $16, %eax
    mov     %eax, IDT + 6(%rcx)
    movl    $0, IDT + 8(%rcx)
    ret
    .size set_gate64, . - set_gate64

    .type software64, @function
software64:
    add     %rax, %rax
    iretq
    .size software64, . - software64

    .type undefined64, @function
undefined64:
    mov     $6, %ecx
    addq    $2, (%rsp)
    iretq
    .size undefined64, . - undefined64

    .type page_fault, @function
page_fault:                         # maps the second 2 MiB and has the instruction executed again
    cmpl    $0, PD_LOW + 8
    jne     failed
    movl    $0x200083, PD_LOW + 8
    add     $8, %rsp                # the error code
    iretq
    .size page_fault, . - page_fault

    .type apic_interrupt, @function
apic_interrupt:
    push    %rax
    incl    ticks(%rip)
    mov     $APIC, %eax
    movl    $0, 0xb0(%rax)          # end of interrupt
    pop     %rax
    iretq
    .size apic_interrupt, . - apic_interrupt

    .type pit_interrupt, @function
pit_interrupt:
    push    %rax
    incl    ticks(%rip)
    mov     $0x20, %al              # end of interrupt
    out     %al, $PIC1
    pop     %rax
    iretq
    .size pit_interrupt, . - pit_interrupt

# ---------------------------------------------------------------------------------------------------------------------------
    .balign 8
gdt:
    .quad   0
    .quad   0x00cf9a000000ffff      # 0x08 code, 32 bit
    .quad   0x00cf92000000ffff      # 0x10 data
    .quad   0x00af9a000000ffff      # 0x18 code, 64 bit
gdt_pointer:
    .word   . - gdt - 1
    .long   gdt
idt_pointer:
    .word   VECTORS * 16 - 1
    .quad   IDT

text_hello:     .asciz "pc\n"
text_real:      .asciz "real mode\n"
text_protected: .asciz "protected mode\n"
text_long:      .asciz "long mode\n"
text_tick:      .asciz "tick\n"
text_no_tick:   .asciz "no tick\n"
text_woken:     .asciz "woken\n"
text_done:      .asciz "done\n"
text_failed:    .asciz "failed\n"

    .balign 8
buffer: .skip   32
ticks:  .long   0

    .balign 512
    .globl program_end
program_end:
    .set    SECTORS, (program_end - _start) / 512
