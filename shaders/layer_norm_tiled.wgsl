// LayerNorm for GPUs: one workgroup norms one row; mean and variance meet in workgroup memory.
// Grid: [count, 1, 1].
var<workgroup> partial: array<f32, 64>;

fn total(local: u32, mine: f32) -> f32 {
    workgroupBarrier();
    partial[local] = mine;
    for (var half = 32u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if (local < half) {
            partial[local] += partial[local + half];
        }
    }
    workgroupBarrier();
    return partial[0];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let t = group.x;
    let at = p.x_offset + t * p.x_stride;
    let n = f32(p.width * 4u);
    var sum = vec4<f32>(0.0);
    for (var i = local; i < p.width; i += 64u) {
        sum += load(t, at, i);
    }
    let mean = total(local, dot(sum, vec4<f32>(1.0))) / n;
    var squares = vec4<f32>(0.0);
    for (var i = local; i < p.width; i += 64u) {
        let v = x[at + i] - vec4<f32>(mean);
        squares += v * v;
    }
    let factor = inverseSqrt(total(local, dot(squares, vec4<f32>(1.0))) / n + p.eps);
    let to = p.out_offset + t * p.out_stride;
    for (var i = local; i < p.width; i += 64u) {
        out[to + i] = (x[at + i] - vec4<f32>(mean)) * factor * weight[i] + bias[i];
    }
}
