// Matrix-vector product without barriers: one invocation computes a unit of four rows.
//
// The four rows share every load of x. Scale and minimum enter once a block: the sum over a block is
// scale * sum(q x) + minimum * sum(x), and sum(x) serves all four rows.
// Grid: [ceil(units / 16), count, 1].
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let unit = id.x;
    let t = id.y;
    if (unit * 4u >= p.rows) {
        return;
    }
    let rows = vec4<u32>(unit_row(unit, 0u), unit_row(unit, 1u), unit_row(unit, 2u), unit_row(unit, 3u)) * p.blocks;
    var sums = vec4<f32>(0.0);
    for (var b = 0u; b < p.blocks; b++) {
        let at = p.x_offset + t * p.x_stride + b * 8u;
        let w = rows + vec4<u32>(b);
        var dots = vec4<f32>(0.0);
        var total = vec4<f32>(0.0);
        for (var i = 0u; i < 4u; i++) {
            let x_lo = x[at + i];
            let x_hi = x[at + 4u + i];
            total += x_lo + x_hi;
            let lo = x_lo * FOLD;
            let hi = x_hi * FOLD;
            let c0 = weight_chunk(w.x, i);
            let c1 = weight_chunk(w.y, i);
            let c2 = weight_chunk(w.z, i);
            let c3 = weight_chunk(w.w, i);
            dots += vec4<f32>(
                dot(c0.lo, lo) + dot(c0.hi, hi),
                dot(c1.lo, lo) + dot(c1.hi, hi),
                dot(c2.lo, lo) + dot(c2.hi, hi),
                dot(c3.lo, lo) + dot(c3.hi, hi),
            );
        }
        let s0 = weight_scale(w.x);
        let s1 = weight_scale(w.y);
        let s2 = weight_scale(w.z);
        let s3 = weight_scale(w.w);
        let sum_x = dot(total, OFFSET);
        sums += vec4<f32>(s0.x, s1.x, s2.x, s3.x) * dots + vec4<f32>(s0.y, s1.y, s2.y, s3.y) * sum_x;
    }
    finish(t, unit, sums);
}
