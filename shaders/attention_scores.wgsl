// Scores of one query row against a cache: scores[h, j] = q[h] . K[h, j] / 8, for j below held.
// Heads have 64 channels = 16 vec4s. One invocation computes one score. Grid: [ceil(held / 64), heads, 1].
struct Params {
    heads: u32,
    capacity: u32, // positions the cache holds
    held: u32,     // positions that count
    q_offset: u32, // vec4s
    rows: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> keys: array<vec4<f32>>; // [heads, capacity, 16]
@group(0) @binding(3) var<storage, read_write> scores: array<f32>; // [heads, held]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let j = id.x;
    let head = id.y;
    if (j >= p.held) {
        return;
    }
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < 16u; i++) {
        sum += q[p.q_offset + head * 16u + i] * keys[(head * p.capacity + j) * 16u + i];
    }
    scores[head * p.held + j] = dot(sum, vec4<f32>(0.125));
}
