// Matrix product without barriers: one invocation computes a unit of four rows for four rows of x.
//
// A weight is unpacked once for four rows of x, and x is loaded once for four rows of W.
// Grid: [ceil(units / 16), ceil(count / 4), 1].
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let unit = id.x;
    let t = id.y * 4u;
    if (unit * 4u >= p.rows) {
        return;
    }
    let rows = vec4<u32>(unit_row(unit, 0u), unit_row(unit, 1u), unit_row(unit, 2u), unit_row(unit, 3u)) * p.blocks;
    // Rows of x past the end read the last one; their sums are dropped.
    let at = vec4<u32>(p.x_offset) + min(vec4<u32>(t, t + 1u, t + 2u, t + 3u), vec4<u32>(p.count - 1u)) * p.x_stride;
    // Column c of each matrix belongs to row c of x, row r to row r of the unit.
    var sums = mat4x4<f32>();
    for (var b = 0u; b < p.blocks; b++) {
        let w = rows + vec4<u32>(b);
        var dots = mat4x4<f32>();
        var total0 = vec4<f32>(0.0);
        var total1 = vec4<f32>(0.0);
        var total2 = vec4<f32>(0.0);
        var total3 = vec4<f32>(0.0);
        for (var i = 0u; i < 4u; i++) {
            let k = at + vec4<u32>(b * 8u + i);
            var l0 = x[k.x];
            var l1 = x[k.y];
            var l2 = x[k.z];
            var l3 = x[k.w];
            var h0 = x[k.x + 4u];
            var h1 = x[k.y + 4u];
            var h2 = x[k.z + 4u];
            var h3 = x[k.w + 4u];
            total0 += l0 + h0;
            l0 *= FOLD;
            h0 *= FOLD;
            total1 += l1 + h1;
            l1 *= FOLD;
            h1 *= FOLD;
            total2 += l2 + h2;
            l2 *= FOLD;
            h2 *= FOLD;
            total3 += l3 + h3;
            l3 *= FOLD;
            h3 *= FOLD;
            let c0 = weight_chunk(w.x, i);
            let c1 = weight_chunk(w.y, i);
            let c2 = weight_chunk(w.z, i);
            let c3 = weight_chunk(w.w, i);
            dots[0] += vec4<f32>(dot(c0.lo, l0) + dot(c0.hi, h0), dot(c1.lo, l0) + dot(c1.hi, h0), dot(c2.lo, l0) + dot(c2.hi, h0), dot(c3.lo, l0) + dot(c3.hi, h0));
            dots[1] += vec4<f32>(dot(c0.lo, l1) + dot(c0.hi, h1), dot(c1.lo, l1) + dot(c1.hi, h1), dot(c2.lo, l1) + dot(c2.hi, h1), dot(c3.lo, l1) + dot(c3.hi, h1));
            dots[2] += vec4<f32>(dot(c0.lo, l2) + dot(c0.hi, h2), dot(c1.lo, l2) + dot(c1.hi, h2), dot(c2.lo, l2) + dot(c2.hi, h2), dot(c3.lo, l2) + dot(c3.hi, h2));
            dots[3] += vec4<f32>(dot(c0.lo, l3) + dot(c0.hi, h3), dot(c1.lo, l3) + dot(c1.hi, h3), dot(c2.lo, l3) + dot(c2.hi, h3), dot(c3.lo, l3) + dot(c3.hi, h3));
        }
        let s0 = weight_scale(w.x);
        let s1 = weight_scale(w.y);
        let s2 = weight_scale(w.z);
        let s3 = weight_scale(w.w);
        let scale = vec4<f32>(s0.x, s1.x, s2.x, s3.x);
        let minimum = vec4<f32>(s0.y, s1.y, s2.y, s3.y);
        sums[0] += scale * dots[0] + minimum * dot(total0, OFFSET);
        sums[1] += scale * dots[1] + minimum * dot(total1, OFFSET);
        sums[2] += scale * dots[2] + minimum * dot(total2, OFFSET);
        sums[3] += scale * dots[3] + minimum * dot(total3, OFFSET);
    }
    finish(t, unit, sums[0]);
    if (t + 1u < p.count) { finish(t + 1u, unit, sums[1]); }
    if (t + 2u < p.count) { finish(t + 2u, unit, sums[2]); }
    if (t + 3u < p.count) { finish(t + 3u, unit, sums[3]); }
}
