/* A firmware of 64 KiB, at the end of the first 4 GiB and of the first 1 MiB, that starts boot.S without any BIOS: it copies
 * pc-boot.img to 0x7c00 and jumps behind its first sector. */
    .file "rom.S"
    .text
    .code16
    .globl _start
_start:
program:
    .incbin "pc-boot.img"
program_end:

copy:
    cli
    cld
    xor     %ax, %ax
    mov     %ax, %es
    mov     $0xf000, %ax
    mov     %ax, %ds
    xor     %si, %si
    mov     $0x7c00, %di
    mov     $(program_end - program) / 4, %cx
    rep movsl
    ljmp    $0, $0x7e00

    .org    0xfff0
reset:
    ljmp    $0xf000, $copy
    .org    0x10000
