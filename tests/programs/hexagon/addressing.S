/* Each way to say an address, for each size; operations on memory; frames; duplexes. */
#include "start.h"

    .text
    start
    { r16 = ##data }
    { r17 = ##data+512; r18 = #3; r19 = #-5 }
    { r1 = ##data; r0 = #12 }
    gp = r1
    m0 = r0

    // Loads of each kind, with an offset, relative to gp, at a constant.
    { r0 = memb(r16+#1); r1 = memub(r16+#2) }
    { r0 = memh(r16+#-0+4); r1 = memuh(r16+#6) }
    { r1:0 = memd(r16+#8) }
    { r0 = membh(r16+#2); r1 = memubh(r16+#4) }
    { r3:2 = membh(r16+#4); r5:4 = memubh(r16+#8) }
    { r3:2 = memh_fifo(r16+#2) }
    { r3:2 = memb_fifo(r16+#1) }
    { r3:2 = memh_fifo(r17++#2) }
    { r3:2 = memb_fifo(r17++m0) }
    { r0 = memb(gp+#5) }
    { r0 = memuh(gp+#6) }
    { r0 = memw(gp+#8) }
    { r1:0 = memd(gp+#16) }
    { memb(gp+#600) = r0 }
    { memw(gp+#604) = r1 }
    { memd(gp+#608) = r1:0 }
    { r2 = #0 }
    gp = r2  // QEMU 7.2, the oracle, adds it to constant addresses as well; 10.0 does not
    { r0 = memw(##data+24) }
    { memh(##data+616) = r0 }
    { r0 = memw(r16+##300); memw(r16+##620) = r1 }
    { r0 = memb(r16+r18<<#2); r1 = memh(r16+r18<<#1) }
    { r0 = memw(r18<<#2+##data+4) }
    { r1:0 = memd(r18<<#3+##data) }
    { memw(r18<<#2+##data+612) = r0 }
    { r0 = memw(r2=##data+40); memw(r17+#0) = r18 }
    { r1:0 = memubh(r3=##data+44) }
    { memd(r3=##data+640) = r1:0 }
    { memh(r17+#2) = r0.h; memh(r17+#4) = r0 }

    // Bases that move: by a constant, by a register, in a circle, bit-reversed.
    { r0 = memw(r16++#4); r1 = memb(r17++#-1) }
    { r0 = memuh(r16++m0) }
    { r1:0 = memd(r16++m0) }
    { r17 = ##data+528 }
    { memw(r17++m0) = r0 }
    { memb(r17++#3) = r1 }
    { memd(r17++#-8) = r1:0 }
    { memh(r17++#2) = r0.h }
    { r0 = ##(1 << 24) + 24; r2 = ##data+64 }
    m1 = r0
    cs1 = r2
    loop0(.Lcircle, #9)
.Lcircle:
    { r3 = memw(r2++#8:circ(m1)); r5 = add(r5, #1) }
    { memh(r2++#-2:circ(m1)) = r5 }
    { r3 = memub(r2++I:circ(m1)) }
    { memb(r2++I:circ(m1)) = r3 }:endloop0
    { r0 = #0x400; r2 = ##data }
    m0 = r0
    loop0(.Lreversed, #4)
.Lreversed:
    { r3 = memw(r2++m0:brev); r5 = add(r5, r3) }:endloop0
    { r2 = ##data }
    loop0(.Lreversed_store, #4)
.Lreversed_store:
    { memh(r2++m0:brev) = r5 }:endloop0

    // Operations on memory, and stored constants.
    { r16 = ##data; r0 = #77 }
    { memw(r16+#4) += r0 }
    { memh(r16+#6) -= r0 }
    { memb(r16+#7) &= r0 }
    { memw(r16+#8) |= r0 }
    { memw(r16+#12) += #5 }
    { memh(r16+#14) -= #6 }
    { memb(r16+#15) = setbit(#3) }
    { memw(r16+#16) = clrbit(#2) }
    { memw(r16+##700) += r0 }
    { memw(r16+#20) = #-9; memh(r16+#24) = #10 }
    { memb(r16+#26) = #11; memw(r16+#28) = ##0x12345678 }
    { p0 = cmp.eq(r0, r0) }
    { if (p0) r1 = memw(##data+8); if (!p0) memb(##data+9) = r0 }
    { if (p0) memw(##data+720) = r1; if (!p0) r1 = memh(##data+2) }
    { if (p0) memw(r16+#32) = ##0x7fffffff; if (!p0) memb(r16+#36) = #1 }

    // The frame, also with a key; returns that depend on a predicate, old and new.
    call .Lframe
    { r0 = ##0x55aa55aa }
    framekey = r0
    call .Lframe
    { r0 = #0 }
    framekey = r0
    { p0 = cmp.eq(r0, #0) }
    call .Lreturn_if
    call .Lreturn_if_new
    call .Lreturn_unless_new
    call .Lduplexes

    // Sequences that hold a place; zeroing a line; moves of the cache that touch nothing.
    { r1 = ##data+768 }
.Lagain:
    r2 = memw_locked(r1)
    { r2 = add(r2, #1) }
    memw_locked(r1, p1) = r2
    if (!p1) jump:nt .Lagain
    r3:2 = memd_locked(r1)
    { r2 = add(r2, #1) }
    memd_locked(r1, p2) = r3:2
    memw_locked(r1, p3) = r2  // nothing holds it: fails
    { r2 = add(r1, #101) }
    dczeroa(r2)
    dcfetch(r2+#0)
    { r3 = #0 }
    l2fetch(r2, r3)
    dccleaninva(r2)
    barrier
    syncht
    end_with_sum_of_data

.Lframe:
    { allocframe(#24); memd(r29+#-16) = r17:16 }
    { memw(r29+#4) = r0; r1 = memw(r29+#4) }:mem_noshuf
    { allocframe(r29, #8):raw }
    { memd(r29+#0) = r1:0 }
    { r31:30 = deallocframe(r30):raw }
    { r17:16 = memd(r29+#16); dealloc_return }
.Lreturn_if:
    { allocframe(#0) }
    { if (!p0) dealloc_return; r2 = memw(r16+#0) }
    { if (p0) dealloc_return }
    { r0 = memw(r16+#3000) }
.Lreturn_if_new:
    { allocframe(#16) }
    { p1 = cmp.eq(r0, #1); if (p1.new) dealloc_return:nt }
    { p1 = cmp.eq(r0, #0); if (p1.new) dealloc_return:t }
.Lreturn_unless_new:
    { allocframe(#16) }
    { p0 = cmp.eq(r0, #0); if (!p0.new) dealloc_return:nt }
    { p0 = cmp.eq(r0, #1); if (!p0.new) dealloc_return:t }

.Lduplexes:
    { allocframe(#32); memw(r29+#-12) = r1 }
    { r0 = memw(r16+#4); r1 = memub(r16+#9) }
    { r2 = memh(r16+#2); r3 = memuh(r16+#6) }
    { r4 = memb(r16+#5); r5 = memw(r29+#8) }
    { r1:0 = memd(r29+#8); r2 = memw(r29+#4) }
    { memw(r16+#8) = r0; memb(r16+#13) = r1 }
    { memh(r16+#6) = r2; memd(r29+#8) = r5:4 }
    { memw(r29+#4) = r3; memw(r29+#0) = r2 }
    { memw(r16+#20) = #0; memb(r16+#3) = #1 }
    { r0 = #5; r1 = memw(r16+#0) }
    { r0 = add(r0, #1); memw(r16+#16) = r1 }
    { r1:0 = combine(#0, #1); r2 = r16 }
    { r5 = memw(r16+#4); dealloc_return }

    data_of_bytes 1024
