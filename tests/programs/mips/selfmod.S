/* Code that rewrites itself: an instruction, a branch's delay slot, a branch.  Each time synci says so: without it QEMU
 * executes what it translated before to the end of the block, when it runs freely.
 * The program is linked with a writable text segment. */
#include "harness.h"

START
    LA      $16, patched
    lw      $17, 0($16)
    li      $18, 6
    li      $19, 0
1:
patched:
    addiu   $19, $19, 0
    addiu   $17, $17, 1
    sw      $17, 0($16)
    synci   0($16)
    addiu   $18, $18, -1
    bnez    $18, 1b
    nop
    CHECK($19, 15)
    /* a slot, rewritten by the instruction before the branch */
    LA      $16, slot
    LA      $15, spare
    lw      $17, 0($15)
    sw      $17, 0($16)
    synci   0($16)
    b       2f
slot:
    addiu   $19, $19, 1
2:  CHECK($19, 18)
    /* a branch becomes a likely one, then none */
    LA      $16, branch
    lw      $17, 4($15)
    li      $8, 3
    li      $19, 0
3:
branch:
    beq     $0, $8, 4f
    addiu   $19, $19, 1
4:  addiu   $8, $8, -1
    sw      $17, 0($16)
    synci   0($16)
    lw      $17, 8($15)
    bnez    $8, 3b
    nop
    CHECK($19, 2)
    sync
    /* the last instruction of a page, and a branch whose slot is on the next one */
    jal     at_page_end
    nop
    CHECK($19, 12)
    END

spare:
    addiu   $19, $19, 3
    beql    $0, $8, . + 8
    nop

    .balign 4096
    .skip   4096 - 4
at_page_end:
    jr      $31
    addiu   $19, $19, 10
