/* Delay slots of every kind of branch, taken and not, annulled or not, with loads, stores and multiplications in them;
 * links in other registers than $ra. */
#include "harness.h"

    /* Both outcomes of a branch; $16 counts the slots and the instructions after a branch that is not taken. */
    .macro  outcome branch:vararg
    \branch, 1f
    addiu   $16, $16, 1
    addiu   $16, $16, 16
1:
    .endm

START
    LA      $17, cell
    li      $8, -1
    li      $9, 0
    li      $10, 1
    li      $11, 1
    li      $16, 0
    /* taken: only the slot counts */
    outcome beq $10, $11
    outcome bne $8, $9
    outcome blez $8
    outcome blez $9
    outcome bgtz $10
    outcome bltz $8
    outcome bgez $9
    outcome bltzal $8
    outcome bgezal $9
    CHECK($16, 9)
    /* not taken: the slot and what follows */
    li      $16, 0
    outcome bne $10, $11
    outcome beq $8, $9
    outcome blez $10
    outcome bgtz $8
    outcome bltz $9
    outcome bgez $8
    outcome bltzal $9
    outcome bgezal $8
    CHECK($16, 8 * 17)
    /* likely, taken: the slot runs */
    li      $16, 0
    outcome beql $10, $11
    outcome bnel $8, $9
    outcome blezl $8
    outcome bgtzl $10
    outcome bltzl $8
    outcome bgezl $9
    outcome bltzall $8
    outcome bgezall $9
    CHECK($16, 8)
    /* likely, not taken: the slot is annulled */
    li      $16, 0
    outcome bnel $10, $11
    outcome beql $8, $9
    outcome blezl $10
    outcome bgtzl $8
    outcome bltzl $9
    outcome bgezl $8
    outcome bltzall $9
    outcome bgezall $8
    CHECK($16, 8 * 16)
    /* decided by the encoding */
    li      $16, 0
    outcome bnel $8, $8
    outcome bgtzl $0
    outcome bltzl $0
    outcome bltzall $0
    CHECK($16, 4 * 16)
    outcome beql $8, $8
    outcome blezl $0
    outcome bgezl $0
    outcome bgezall $0
    CHECK($16, 4 * 16 + 4)
    /* a likely branch twice on the same slot: annulled, then taken, then annulled */
    li      $16, 0
    li      $12, 0
    li      $13, 3
1:  xori    $12, $12, 1
    bnezl   $12, 2f
    addiu   $16, $16, 1
    addiu   $16, $16, 100
2:  addiu   $13, $13, -1
    bnez    $13, 1b
    nop
    CHECK($16, 102)
    /* annulled loads and stores touch nothing; those in a slot that runs do, even through what the branch compares */
    sw      $10, 0($17)
    bnel    $10, $11, 1f
    sw      $8, 0($17)
    lw      $12, 0($17)
    CHECK($12, 1)
    beq     $17, $17, 2f
    lw      $17, 8($17)
2:  LA      $17, cell
    bnez    $10, 2f
    sw      $8, 0($17)
2:  lw      $12, 0($17)
    CHECK($12, -1)
    beqzl   $9, 2f
    lh      $12, 2($17)
    nop
2:  bltzal  $8, 2f
    sb      $9, 0($17)
    nop
2:  b       2f
    mult    $8, $8
    nop
2:  mflo    $12
    CHECK($12, 1)
    /* jumps and links */
    LA      $13, 3f
    jalr    $14, $13
    lw      $12, 0($17)
    j       4f
    addiu   $15, $15, 1
3:  jr      $14
    li      $15, 5
4:  CHECK($15, 6)
    LA      $13, 5f
    jalr    $0, $13
    sw      $12, 4($17)
    nop
5:  jal     6f
    ADDIU   $31, $31, 8
    nop
    nop
    b       7f
    nop
6:  jr.hb   $31
    nop
7:  LA      $13, 8f
    jalr.hb $31, $13
    move    $13, $0
    nop
8:  CHECK($13, 0)
    /* a branch back from a slot's neighbour; a loop of a single branch and its slot */
    li      $16, 7
9:  bgtz    $16, 9b
    addiu   $16, $16, -1
    CHECK($16, -1)
    li      $16, 3
9:  bgtzl   $16, 9b
    addiu   $16, $16, -1
    CHECK($16, 0)
    /* a system call right after a slot, and a branch right after it */
    li      $2, EXIT + 1000000
    b       9f
    li      $4, 0
9:  syscall
    beqz    $7, 1f
    nop
    b       2f
    li      $16, 8
1:  li      $16, 9
2:  CHECK($16, 8)
    END

    .bss
    .balign 8
cell:
    .skip   16
