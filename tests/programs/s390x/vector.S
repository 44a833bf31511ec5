// The vector facility: every load and store, gathers and scatters, arithmetic, strings, vector floating point.
#include "bare.h"
    ENTER
    vl %v1, 0(%r13)
    vl %v17, 16(%r13)
    vl %v31, 16(%r13), 4
    vst %v31, 512(%r13)
    vlm %v16, %v31, 0(%r13)
    vlm %v2, %v5, 64(%r13)
    vlm %v14, %v18, 64(%r13)
    vlm %v7, %v7, 64(%r13)
    vstm %v14, %v18, 512(%r13)
    vstm %v0, %v15, 512(%r13)
    .irp register, 3, 19
    vleb %v\register, 5(%r13), 3
    vleh %v\register, 5(%r13), 3
    vlef %v\register, 5(%r13), 3
    vleg %v\register, 5(%r13), 1
    vsteb %v\register, 517(%r13), 3
    vsteh %v\register, 517(%r13), 3
    vstef %v\register, 517(%r13), 3
    vsteg %v\register, 517(%r13), 1
    .irp size, b, h, f, g
    vllez\size %v\register, 9(%r13)
    vlrep\size %v\register, 9(%r13)
    vlvg\size %v\register, %r13, 1(%r0)
    vlgv\size %r4, %v\register, 0(%r0)
    .endr
    vllezlf %v\register, 9(%r13)
    .irp block, 0, 1, 6
    vlbb %v\register, 60(%r13), \block
    .endr
    .irp length, 0, 1, 7, 15, 16, 255
    lghi %r5, \length
    vll %v\register, %r5, 33(%r13)
    vstl %v\register, %r5, 533(%r13)
    .endr
    vlebrh %v\register, 3(%r13), 2
    vlebrf %v\register, 3(%r13), 2
    vlebrg %v\register, 3(%r13), 1
    vlbrh %v\register, 3(%r13)
    vlbrq %v\register, 3(%r13)
    vlerh %v\register, 3(%r13)
    vlerg %v\register, 3(%r13)
    vllebrzf %v\register, 3(%r13)
    vllebrze %v\register, 3(%r13)
    vlbrreph %v\register, 3(%r13)
    vlbrrepg %v\register, 3(%r13)
    vstebrh %v\register, 513(%r13), 2
    vstebrf %v\register, 513(%r13), 2
    vstebrg %v\register, 513(%r13), 1
    vstbrf %v\register, 513(%r13)
    vsterf %v\register, 513(%r13)
    .endr
    // Gathers and scatters by each element
    .irp register, 4, 20
    vl %v\register, indices-data(%r13)
    vgef %v6, 8(%v\register,%r13), 0
    vgef %v22, 8(%v\register,%r13), 3
    vscef %v6, 512(%v\register,%r13), 1
    vscef %v22, 512(%v\register,%r13), 2
    vl %v\register, indices-data+16(%r13)
    vgeg %v6, 8(%v\register,%r13), 0
    vgeg %v22, 8(%v\register,%r13), 1
    vsceg %v6, 512(%v\register,%r13), 1
    vsceg %v22, 512(%v\register,%r13), 0
    .endr
    // In registers
    .irp operation, vab, vaf, vaq, vsh, vsq, vmlb, vmhf, vmef, vavgb, vmxg, vmnlh, vceqf, vchg, vmrhb, vmrlg, vpkh, vpksf, vpklsg
    \operation %v6, %v18, %v25
    .endr
    .irp operation, vn, vo, vx, vnc, vno, voc, vnn, vnx, vsl, vsrl, vsra, vslb, vsrlb, veslvf, vesrlvg, verllvb, vgfmb, vsumgh, vcksm
    \operation %v6, %v18, %v25
    .endr
    .irp operation, vlcb, vlpf, vclzg, vctzh, vpopctg, vuphb, vuplf, vuplhb, vupllf, vsegb, vlr
    \operation %v6, %v18
    .endr
    vacq %v6, %v7, %v18, %v19
    vaccq %v6, %v7, %v18
    vsel %v6, %v7, %v18, %v19
    vperm %v6, %v7, %v18, %v19
    vmalb %v6, %v7, %v18, %v19
    vsldb %v6, %v17, %v18, 5
    vpdi %v6, %v17, %v18, 4
    vrepf %v6, %v18, 2
    vrepih %v6, -5
    vgbm %v6, 0xaaaa
    vgmg %v6, 5, 60
    veslf %v6, %v18, 5
    vlgvb %r4, %v18, 3(%r13)
    vlvgp %v22, %r4, %r5
    vtm %v6, %v18
    vecf %v6, %v18
    vceqbs %v6, %v18, %v25
    vistrbs %v6, %v18
    vfeebs %v6, %v18, %v25
    vfeezbs %v6, %v18, %v25
    vfenebs %v6, %v18, %v25
    vfaebs %v6, %v18, %v25, 0
    vstrcbs %v6, %v18, %v25, %v26
    vstrsb %v6, %v18, %v25, %v26
    // Floating point
    .irp operation, vfadb, vfsdb, vfmdb, vfddb, vfcedb, vfchdb, vfasb, wfadb, wfmsb, wfaxb
    \operation %v6, %v18, %v25
    .endr
    vfmadb %v6, %v18, %v25, %v26
    vfsqdb %v6, %v18
    vfidb %v6, %v18, 0, 0
    vcdgb %v6, %v18, 0, 0
    vcgdb %v6, %v18, 0, 5
    vldeb %v6, %v18
    vledb %v6, %v18, 0, 0
    vflcdb %v6, %v18
    vftcidb %v6, %v18, 0xfff
    wfcdb %v6, %v18
    vfmaxdb %v6, %v18, %v25, 0
    LEAVE
    .data
    .balign 16
data:
    .rept 32
    .quad 0x3ff8000000000000, 0x4002030400060708
    .endr
    .skip 1024
indices:
    .long 0, 4, 40, 16
    .quad 8, 104
