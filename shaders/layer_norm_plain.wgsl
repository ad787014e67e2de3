// LayerNorm without barriers: one invocation norms one row, in two passes over it (mean, then variance around it).
// Grid: [ceil(count / 4), 1, 1].
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = id.x;
    if (t >= p.count) {
        return;
    }
    let at = p.x_offset + t * p.x_stride;
    let n = f32(p.width * 4u);
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < p.width; i++) {
        sum += load(t, at, i);
    }
    let mean = dot(sum, vec4<f32>(1.0)) / n;
    var squares = vec4<f32>(0.0);
    for (var i = 0u; i < p.width; i++) {
        let v = x[at + i] - vec4<f32>(mean);
        squares += v * v;
    }
    let factor = inverseSqrt(dot(squares, vec4<f32>(1.0)) / n + p.eps);
    let to = p.out_offset + t * p.out_stride;
    for (var i = 0u; i < p.width; i++) {
        out[to + i] = (x[at + i] - vec4<f32>(mean)) * factor * weight[i] + bias[i];
    }
}
