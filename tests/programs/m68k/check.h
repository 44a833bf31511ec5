/* Leave with the number of the first check that fails. */
    .macro  check expected, operand
    cmpi.l  #\expected, \operand
    jeq     .Lpassed\@
    move.l  #\@ + 100, %d1
    jra     leave
.Lpassed\@:
    .endm

    .macro  finish status
    moveq   #\status, %d1
leave:
    moveq   #1, %d0                 | exit
    trap    #0
    illegal
    .endm
