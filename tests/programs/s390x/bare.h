// A program without a C library: ENTER sets r13 to `data`, LEAVE ends it with 42; a check that fails, with 1.
    .machine z15
#define ENTER \
    .text; \
    .globl _start; \
_start: \
    larl %r13, data
#define LEAVE \
    lghi %r2, 42; \
    svc 248; \
bad: \
    lghi %r2, 1; \
    svc 248
