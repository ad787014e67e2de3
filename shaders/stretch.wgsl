// Linear resampling over time: row j of out lies at position (j + 1/2) * step - 1/2 of x, held at the ends.
// One invocation computes four neighbouring channels. Everything counts vec4s of channels.
// Grid: [ceil(width / 16), ceil(rows / 4), 1].
struct Params {
    width: u32,
    count: u32, // rows of x
    rows: u32,  // rows of out
    step: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= p.width || id.y >= p.rows) {
        return;
    }
    let last = p.count - 1u;
    let at = clamp((f32(id.y) + 0.5) * p.step - 0.5, 0.0, f32(last));
    let left = min(u32(at), last);
    let right = min(left + 1u, last);
    let share = at - f32(left);
    out[id.y * p.width + id.x] = mix(x[left * p.width + id.x], x[right * p.width + id.x], vec4<f32>(share));
}
