// RMSNorm without barriers: one invocation norms one row. x += add comes first where there is something to add.
// Grid: [ceil(count / 4), 1, 1].
@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let t = id.x;
    if (t >= p.count) {
        return;
    }
    let at = p.x_offset + t * p.x_stride;
    var squares = vec4<f32>(0.0);
    for (var i = 0u; i < p.width; i++) {
        let v = load(t, at, i);
        squares += v * v;
    }
    let factor = inverseSqrt(dot(squares, vec4<f32>(1.0)) / f32(p.width * 4u) + p.eps);
    let to = p.out_offset + t * p.out_stride;
    for (var i = 0u; i < p.width; i++) {
        out[to + i] = x[at + i] * factor * weight[i];
    }
}
