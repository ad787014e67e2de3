// RMSNorm for GPUs: one workgroup norms one row, its partial sums meet in workgroup memory.
// Grid: [count, 1, 1].
var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let t = group.x;
    let at = p.x_offset + t * p.x_stride;
    var squares = vec4<f32>(0.0);
    for (var i = local; i < p.width; i += 64u) {
        let v = load(t, at, i);
        squares += v * v;
    }
    partial[local] = dot(squares, vec4<f32>(1.0));
    for (var half = 32u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if (local < half) {
            partial[local] += partial[local + half];
        }
    }
    workgroupBarrier();
    let factor = inverseSqrt(partial[0] / f32(p.width * 4u) + p.eps);
    let to = p.out_offset + t * p.out_stride;
    for (var i = local; i < p.width; i += 64u) {
        out[to + i] = x[at + i] * factor * weight[i];
    }
}
