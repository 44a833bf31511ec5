/* HVX: aligned and unaligned, masked, predicated, new-value and temporary accesses; scatters and gathers. */
#include "start.h"

    .text
    start
    // Accesses of whole vectors.
    { r0 = ##data; r16 = ##data }
    { r1 = ##data+512 }
    { v0 = vmem(r0+#0) }
    { v1 = vmemu(r0+#1) }
    { r2 = add(r0, #5); r3 = #-1; r5 = ##0x01010101 }
    { v2 = vmemu(r2+#0) }
    { v3 = vmem(r2++#1) }
    { vmem(r1+#0) = v0 }
    { vmem(r1+#1) = v1 }
    { r2 = add(r1, #3) }
    { vmemu(r2+#0) = v2 }
    { vmem(r2++#1) = v3 }
    { v4 = vsplat(r5) }
    { q0 = vcmp.gt(v0.ub, v4.ub) }
    { q1 = vsetq(r5) }
    { if (q0) vmem(r1+#0) = v4 }
    { if (!q0) vmem(r1+#0) = v4 }
    { if (q1) vmem(r1+#1) = v4 }
    { p0 = cmp.eq(r0, r0); p1 = cmp.eq(r0, r1) }
    { if (p0) vmem(r1+#2) = v1 }
    { if (p1) vmem(r1+#3) = v1 }
    { if (!p1) v7 = vmem(r1+#0) }
    { if (p1) v8 = vmem(r1+#0) }
    { v9.cur = vmem(r0+#1); vmem(r1+#1) = v9 }
    { v10.w = vadd(v9.w, v0.w); vmem(r1+#3) = v10.new }
    { v11.tmp = vmem(r0+#1); v12.w = vadd(v11.w, v0.w) }

    // Elements all over the place: each offset in v14.
    { r6 = #252; r5 = #4 }
    m1 = r6
    { v13 = vsplat(r5) }
    { r7 = ##offsets }
    { v14 = vmem(r7+#0) }
    { vscatter(r1, m1, v14.w).w = v0 }
    { vmem(r1+#0):scatter_release }
    { v15 = vmem(r1+#0) }
    { vscatter(r1, m1, v14.w).w += v0 }
    { vscatter(r1, m1, v14.h).h = v0 }
    { vscatter(r1, m1, v14.h).h += v0 }
    { v17:16 = vcombine(v14, v14) }
    { vscatter(r1, m1, v17:16.w).h = v0 }
    { vscatter(r1, m1, v17:16.w).h += v0 }
    { if (q1) vscatter(r1, m1, v14.w).w = v0 }
    { if (q0) vscatter(r1, m1, v14.h).h = v0 }
    { if (q0) vscatter(r1, m1, v17:16.w).h = v0 }
    { vtmp.w = vgather(r1, m1, v14.w).w; vmem(r0+#1) = vtmp.new }
    { vtmp.h = vgather(r1, m1, v14.h).h; vmem(r0+#1) = vtmp.new }
    { vtmp.h = vgather(r1, m1, v17:16.w).h; vmem(r0+#1) = vtmp.new }
    { if (q1) vtmp.w = vgather(r1, m1, v14.w).w; vmem(r0+#1) = vtmp.new }
    { if (q0) vtmp.h = vgather(r1, m1, v14.h).h; vmem(r0+#1) = vtmp.new }
    { r0 = vextract(v0, r5) }

    // Operations: pairs, masks, shifts by a scalar, carries, the whole file.
    { v1:0 = vshuff(v3, v2, r5) }
    { v3:2.uh = vmpy(v4.ub, v5.ub) }
    { v3:2.w += vmpy(v4.h, v5.h) }
    { v6.w = vadd(v4.w, v5.w, q1):carry }
    { v7 = vmux(q0, v5, v6) }
    { q2 = and(q0, q1); v8 = valign(v7, v6, r5) }
    { q3 |= vcmp.eq(v7.w, v6.w) }
    { vdeal(v2, v3, r5) }
    { v9.b = vlut32(v2.b, v3.b, r5) }
    { v11:10.uh = vunpack(v9.ub) }
    { v12.w = vinsert(r5) }
    { if (q3) v12.w += v11.w }
    { r2 = vextract(v12, r5) }
    { p0 = cmp.eq(r5, #4) }
    { if (p0) v13 = v12 }
    { if (!p0) v15:14 = vcombine(v12, v11) }
    { v31.tmp = vmem(r16+#0); vhist }
    { v0 = vmem(r16+#2); vmem(r16+#1) = v13 }
    { memw(r16+#8) = r2; vmem(r16++m1) = v14 }
    end_with_sum_of_data

    data_of_bytes 1536
offsets:
    .set value, 0
    .rept 32
    .word value * 28 & 511
    .set value, value + 1
    .endr
