/* What happens inside one packet: two accesses, values and predicates made and used in it, and hardware loops. */
#include "start.h"

    .text
    start
    { r16 = ##data }
    { r17 = add(r16, #64); r18 = #5; r19 = #-7 }

    // Two loads, two stores, a store and a load of the same place in both orders.
    { r0 = memw(r16+#0); r1 = memw(r16+#8) }
    { r3:2 = memd(r16+#16); r4 = memub(r16+#25) }
    { memw(r17+#0) = r0; memh(r17+#6) = r1 }
    { memb(r17+#0) = r4; memb(r17+#1) = r18 }
    { memd(r17+#8) = r3:2; memw(r17+#12) = r0 }
    { r5 = memw(r17+#8); memw(r17+#8) = r19 }
    { memw(r17+#8) = r18; r6 = memw(r17+#8) }:mem_noshuf
    { memb(r17+#9) = r19; r7 = memw(r17+#8) }:mem_noshuf
    { r8 = memw(r16++#4); memw(r17++#4) = r5 }
    { r9 = memh(r16++#2); r10 = memb(r17++#1) }

    // New values: stored by the packet that computes them, of each size and by each way of addressing.
    { r11 = add(r8, r9); memw(r17+#16) = r11.new }
    { r11 = memw(r16+#4); memh(r17+#24) = r11.new }
    { r11 = sub(r11, r18); memb(r17+#31) = r11.new }
    { r11 = #-1; memw(r17++#4) = r11.new }
    { r11 = add(r11, #9); memw(r16+r18<<#2) = r11.new }
    { r11 = add(r11, #9); memw(##data+200) = r11.new }
    { r11 = add(r11, #9); memh(r12=##data+204) = r11.new }
    { r11 = add(r11, #9); memb(r18<<#1+##data+208) = r11.new }
    { r17 = add(r17, #4); memw(r17+#40) = r17.new }
    { r11 = memw(r16++#4); memw(r17+#44) = r11.new }

    // Old predicates: fulfilled and not.
    { p0 = cmp.eq(r18, #5); p1 = cmp.eq(r18, #6) }
    { p2 = and(p0, !p1); p3 = or(p1, p1) }
    { if (p0) r0 = memw(r16+#0); if (p1) r1 = memw(r16+#4) }
    { if (!p0) r0 = memw(r16+#0); if (!p1) r1 = memw(r16+#4) }
    { if (p2) memw(r17+#0) = r0; if (p3) memw(r17+#4) = r1 }
    { if (!p2) memw(r17+#0) = r0; if (!p3) memh(r17+#4) = r1 }
    { if (p0) r5:4 = memd(r16+#8); if (p1) memw(r17+#8) = r18 }
    { if (p1) r3 = memub(r16++#1); if (!p1) memb(r17++#1) = r3 }
    { if (p0) r3 = memuh(r16+r18<<#1); if (!p0) memd(r17+r18<<#3) = r1:0 }
    { if (p1) memw(r16+#60) = #7; if (p0) memh(r16+#62) = #-8 }
    { r2 = add(r2, #1); if (p0) memw(r17+#12) = r2.new }
    { r2 = add(r2, #1); if (!p0) memw(r17+#12) = r2.new }

    // Predicates of the same packet, by many ways to compute one, both outcomes.
    { p0 = cmp.eq(r18, #5); if (p0.new) r0 = memw(r16+#0) }
    { p0 = cmp.eq(r18, #6); if (p0.new) r0 = memw(r16+#0) }
    { p0 = cmp.gt(r19, r18); if (!p0.new) r0 = memw(r16+#0); if (p0.new) r1 = memw(r16+#4) }
    { p1 = cmp.gtu(r19, r18); if (p1.new) memw(r17+#0) = r0; if (!p1.new) memb(r17+#4) = r18 }
    { p1 = cmpb.eq(r18, #5); p2 = !cmp.gt(r18, r19); if (p1.new) r0 = memub(r16+#3); if (!p2.new) memw(r17+#8) = #1 }
    { p3 = tstbit(r18, #0); if (!p3.new) r2 = memw(r16++#4); if (p3.new) memh(r17++#2) = r18 }
    { p3 = bitsclr(r18, #2); r2 = add(r2, #3); if (p3.new) memw(r17+#0) = r2.new }
    { p0 = cmp.eq(r18, r18); p0 = cmp.eq(r18, r19) }  // both write it: their conjunction
    { if (p0) r2 = memw(r16+#0); p0 = cmp.eq(r18, r18) }
    { p0 = vcmpb.eq(r1:0, r3:2); if (p0.new) r4 = memw(r16+#0); memw(r17+#4) = r2 }
    { p1 = sfcmp.gt(r18, r19); if (p1.new) memw(r17+#12) = r2; if (!p1.new) memw(r17+#16) = r1 }
    { p1 = sfclass(r18, #4); if (p1.new) memb(r17+#12) = r2; r3 = memb(r16+#9) }
    { p2 = r19; if (p2.new) r3 = memw(##data+4) }
    { p2 = r18; if (!p2.new) r3 = memw(##data+4); if (p2.new) memw(r17+#12) = r3 }
    { p2 = not(p1); if (p2.new) r3 = memb(r16+r18<<#0) }
    { p1 = cmp.eq(r18, #5); if (p1.new) jump:t .Lnext; if (p1.new) memw(r17+#20) = #3 }
    { r3 = memw(r16+#1000) }
.Lnext:
    { p1 = cmp.eq(r18, #9); if (p1.new) jump:nt .Lnext; if (!p1.new) memw(r17+#24) = r18 }
    { p0 = cmp.eq(r18, #5); if (p0.new) jump:t .Lafter; r3 = memw(r16+#0) }
.Lafter:

    // Loops: of one packet, which jumps to itself; nested, with one end for both.
    { r4 = #0; r5 = ##data+128 }
    loop0(.Lone, #5)
.Lone:
    { r4 = add(r4, #1); memb(r5++#1) = r4.new }:endloop0
    { r20 = #3; r21 = #0 }
    loop1(.Louter, r20)
.Louter:
    loop0(.Linner, #4)
.Linner:
    { r22 = memub(r16+r21<<#0); r21 = add(r21, #1) }
    { r4 = add(r4, r22); memw(r5+#12) = r4.new }:endloop0
    { r4 = add(r4, #1); nop }:endloop1
    loop1(.Lboth, #2)
.Lboth:
    loop0(.Lboth_inner, #3)
.Lboth_inner:
    { r21 = add(r21, #1); r22 = memub(r16+r21<<#0); memb(r5++#1) = r21 }:endloop0:endloop1
    p3 = sp2loop0(.Lpipelined, #4)
.Lpipelined:
    { if (p3) memw(r5+#20) = r22; r22 = memub(r16++#1) }:endloop0

    call .Lcalled
    { r0 = ##.Lcalled }
    { callr r0; r1 = memw(r16+#0); memw(r5+#24) = r31 }
    end_with_sum_of_data
.Lcalled:
    { r2 = memw(r16+#8); jumpr r31; memw(r5+#28) = r1 }

    data_of_bytes 1024
