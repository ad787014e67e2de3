// How much a row attends to each position, all heads together: out[row, j] = mean over heads of softmax(scores[h])[j].
// The row is the position of the sequence's row, modulo the rows kept. One invocation computes one position and sums each head anew: a few thousand
// additions, no barrier. Grid: [ceil(held / 64), 1, 1].
struct Params {
    heads: u32,
    capacity: u32,
    held: u32,
    q_offset: u32,
    rows: u32, // rows that out keeps
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> scores: array<f32>; // [heads, held]
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // [rows, held]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let j = id.x;
    if (j >= p.held) {
        return;
    }
    var share = 0.0;
    for (var head = 0u; head < p.heads; head++) {
        let base = head * p.held;
        var highest = scores[base];
        for (var i = 1u; i < p.held; i++) {
            highest = max(highest, scores[base + i]);
        }
        var total = 0.0;
        for (var i = 0u; i < p.held; i++) {
            total += exp(scores[base + i] - highest);
        }
        share += exp(scores[base + j] - highest) / total;
    }
    out[(state[0] % p.rows) * p.held + j] = share / f32(p.heads);
}
