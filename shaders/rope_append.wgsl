// Rotary positions and cache append in one dispatch: a row of q | k | v gets its q rotated in place, its k rotated into
// the key cache, its v copied into the value cache. One invocation handles one pair of channels.
// Caches are [kv head, capacity, 64]; row t stands at position state[0] + t; angles are looked up (see rope.rs).
// Grid: [ceil((heads + 2 kv_heads) * 32 / 64), count, 1].
struct Params {
    heads: u32,
    kv_heads: u32,
    capacity: u32,
    offset: u32, // floats before the first row
    stride: u32, // floats from a row to the next
    interleaved: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> qkv: array<f32>;
@group(0) @binding(2) var<storage, read> angles: array<vec2<f32>>; // (cos, sin), [position, 32]
@group(0) @binding(3) var<storage, read_write> keys: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
@group(0) @binding(5) var<storage, read> state: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x >> 5u; // q heads, then k heads, then v heads
    let i = id.x & 31u;
    let position = state[0] + id.y;
    if (head >= p.heads + 2u * p.kv_heads || position >= p.capacity) {
        return;
    }
    var first = 2u * i;
    var second = first + 1u;
    if (p.interleaved == 0u) {
        first = i;
        second = i + 32u;
    }
    let at = p.offset + id.y * p.stride + head * 64u;
    let a = qkv[at + first];
    let b = qkv[at + second];
    if (head >= p.heads + p.kv_heads) {
        let to = ((head - p.heads - p.kv_heads) * p.capacity + position) * 64u;
        values[to + first] = a;
        values[to + second] = b;
        return;
    }
    let turn = angles[position * 32u + i];
    let x = a * turn.x - b * turn.y;
    let y = a * turn.y + b * turn.x;
    if (head >= p.heads) {
        let to = ((head - p.heads) * p.capacity + position) * 64u;
        keys[to + first] = x;
        keys[to + second] = y;
    } else {
        qkv[at + first] = x;
        qkv[at + second] = y;
    }
}
