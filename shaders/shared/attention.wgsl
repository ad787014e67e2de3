// Attention over a cache: out[t, h] = softmax(q[t, h] . K[g]^T / 8) V[g], with g the key head that query head h shares.
// Heads have 64 channels = 16 vec4s. Softmax is online: no score leaves the invocation or the workgroup.
struct Params {
    heads: u32,
    group: u32,    // query heads a key head
    capacity: u32, // positions a cache holds
    count: u32,
    q_offset: u32, // vec4s
    q_stride: u32,
    out_offset: u32,
    out_stride: u32,
    full: u32,     // 0: causal, else every row sees positions 0 .. full - 1
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> keys: array<vec4<f32>>;   // [key head, capacity, 16]
@group(0) @binding(3) var<storage, read> values: array<vec4<f32>>; // [key head, capacity, 16]
@group(0) @binding(4) var<storage, read> state: array<u32>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

const SCALE = 0.125;
// Below every score that can occur, yet far from the end of the range.
const LOWEST = -1.0e30;

// Positions that row t sees.
fn seen(t: u32) -> u32 {
    return min(select(p.full, state[0] + t + 1u, p.full == 0u), p.capacity);
}
