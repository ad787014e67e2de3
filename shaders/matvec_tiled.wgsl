// Matrix-vector product for GPUs: a workgroup computes two units (eight rows), 32 invocations a row.
//
// Neighbouring invocations read neighbouring words of a row, so loads coalesce; partial sums meet in workgroup memory.
// Grid: [ceil(units / 2), count, 1].
var<workgroup> partial: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = local & 31u;
    let r = local >> 5u;
    let t = group.y;
    let unit = group.x * 2u + (r >> 2u);
    let inside = unit * 4u < p.rows;
    var sum = 0.0;
    if (inside) {
        let row = unit_row(unit, r & 3u) * p.blocks;
        let at = p.x_offset + t * p.x_stride;
        for (var c = lane; c < p.blocks * 4u; c += 32u) {
            let b = c >> 2u;
            let i = c & 3u;
            let w = weight_chunk(row + b, i);
            let s = weight_scale(row + b);
            let lo = x[at + b * 8u + i];
            let hi = x[at + b * 8u + 4u + i];
            sum += s.x * (dot(w.lo, lo * FOLD) + dot(w.hi, hi * FOLD)) + s.y * dot(lo + hi, OFFSET);
        }
    }
    partial[local] = sum;
    for (var half = 16u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if (lane < half) {
            partial[local] += partial[local + half];
        }
    }
    workgroupBarrier();
    if (inside && lane == 0u && (r & 3u) == 0u) {
        finish(t, unit, vec4<f32>(partial[local], partial[local + 32u], partial[local + 64u], partial[local + 96u]));
    }
}
