// Embedding: out[t] = row ids[first + t] of the table, unpacked. An id beyond the table gives zeros.
// One invocation unpacks one chunk (8 values). Grid: [ceil(4 blocks / 64), count, 1].
struct Params {
    rows: u32,
    blocks: u32,
    first: u32,
    out_offset: u32,
    out_stride: u32,
    scales: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

struct Chunk {
    lo: vec4<f32>,
    hi: vec4<f32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let b = id.x >> 2u;
    let i = id.x & 3u;
    if (b >= p.blocks) {
        return;
    }
    let row = ids[p.first + id.y];
    var lo = vec4<f32>(0.0);
    var hi = vec4<f32>(0.0);
    if (row < p.rows) {
        let block = row * p.blocks + b;
        let s = weight_scale(block);
        let c = weight_chunk(block, i);
        lo = c.lo * (s.x * FOLD) + s.y * OFFSET;
        hi = c.hi * (s.x * FOLD) + s.y * OFFSET;
    }
    let at = p.out_offset + id.y * p.out_stride + b * 32u + i * 4u;
    for (var j = 0u; j < 4u; j++) {
        out[at + j] = lo[j];
        out[at + 16u + j] = hi[j];
    }
}
