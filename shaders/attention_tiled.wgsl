// Attention for GPUs: one workgroup takes one row and head, 64 positions at a time.
//
// Invocation l scores position l of the chunk, then sums channel l of the values: both loads run along memory.
// Grid: [heads, count, 1].
var<workgroup> shared_q: array<vec4<f32>, 16>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> chunk_highest: array<f32, 64>;
var<workgroup> shared_out: array<f32, 64>;
var<workgroup> shared_n: u32;

fn value_channel(at: u32, channel: u32) -> f32 {
    return values[at + (channel >> 2u)][channel & 3u];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = group.x;
    let t = group.y;
    let base = (head / p.group) * p.capacity * 16u;
    if (local < 16u) {
        shared_q[local] = q[p.q_offset + t * p.q_stride + head * 16u + local];
    }
    if (local == 0u) {
        shared_n = seen(t);
    }
    // The loop holds barriers, so its bound must be known to be the same everywhere.
    let n = workgroupUniformLoad(&shared_n);
    var highest = LOWEST;
    var total = 0.0;
    var sum = 0.0;
    for (var first = 0u; first < n; first += 64u) {
        var score = LOWEST;
        let j = first + local;
        if (j < n) {
            let at = base + j * 16u;
            var d = vec4<f32>(0.0);
            for (var i = 0u; i < 16u; i++) {
                d += shared_q[i] * keys[at + i];
            }
            score = dot(d, vec4<f32>(SCALE));
        }
        chunk_highest[local] = score;
        for (var half = 32u; half > 0u; half >>= 1u) {
            workgroupBarrier();
            if (local < half) {
                chunk_highest[local] = max(chunk_highest[local], chunk_highest[local + half]);
            }
        }
        workgroupBarrier();
        let top = max(highest, chunk_highest[0]);
        weights[local] = select(0.0, exp(score - top), j < n);
        workgroupBarrier();
        let shrink = exp(highest - top);
        total *= shrink;
        sum *= shrink;
        let here = min(64u, n - first);
        for (var i = 0u; i < here; i++) {
            total += weights[i];
            sum += weights[i] * value_channel(base + (first + i) * 16u, local);
        }
        highest = top;
        workgroupBarrier();
    }
    let f = select(1.0 / total, 0.0, n == 0u);
    shared_out[local] = sum * f;
    workgroupBarrier();
    if (local < 16u) {
        let c = local * 4u;
        out[p.out_offset + t * p.out_stride + head * 16u + local] =
            vec4<f32>(shared_out[c], shared_out[c + 1u], shared_out[c + 2u], shared_out[c + 3u]);
    }
}
