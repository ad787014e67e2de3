// Attention for few rows without tiles: 16 invocations share the positions of one row and head, and merge once.
//
// Invocation s sums positions s, s + 16, ...; a single barrier later it merges one vec4 of all 16 partial sums.
// Grid: [heads, count, 1].
const SPLIT = 16u;

var<workgroup> part_highest: array<f32, 16>;
var<workgroup> part_total: array<f32, 16>;
var<workgroup> part_sum: array<vec4<f32>, 256>; // [split, 16]

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) s: u32) {
    let head = group.x;
    let t = group.y;
    let from_q = p.q_offset + t * p.q_stride + head * 16u;
    let base = (head / p.group) * p.capacity * 16u;
    let n = seen(t);
    let qa = mat4x4<f32>(q[from_q], q[from_q + 1u], q[from_q + 2u], q[from_q + 3u]);
    let qb = mat4x4<f32>(q[from_q + 4u], q[from_q + 5u], q[from_q + 6u], q[from_q + 7u]);
    let qc = mat4x4<f32>(q[from_q + 8u], q[from_q + 9u], q[from_q + 10u], q[from_q + 11u]);
    let qd = mat4x4<f32>(q[from_q + 12u], q[from_q + 13u], q[from_q + 14u], q[from_q + 15u]);
    var highest = LOWEST;
    var total = 0.0;
    var sa = mat4x4<f32>();
    var sb = mat4x4<f32>();
    var sc = mat4x4<f32>();
    var sd = mat4x4<f32>();
    for (var j = s; j < n; j += SPLIT) {
        let at = base + j * 16u;
        var d = qa[0] * keys[at] + qa[1] * keys[at + 1u] + qa[2] * keys[at + 2u] + qa[3] * keys[at + 3u];
        d += qb[0] * keys[at + 4u] + qb[1] * keys[at + 5u] + qb[2] * keys[at + 6u] + qb[3] * keys[at + 7u];
        d += qc[0] * keys[at + 8u] + qc[1] * keys[at + 9u] + qc[2] * keys[at + 10u] + qc[3] * keys[at + 11u];
        d += qd[0] * keys[at + 12u] + qd[1] * keys[at + 13u] + qd[2] * keys[at + 14u] + qd[3] * keys[at + 15u];
        let score = dot(d, vec4<f32>(SCALE));
        let top = max(highest, score);
        let shrink = exp(highest - top);
        let w = exp(score - top);
        highest = top;
        total = total * shrink + w;
        sa = sa * shrink + mat4x4<f32>(values[at], values[at + 1u], values[at + 2u], values[at + 3u]) * w;
        sb = sb * shrink + mat4x4<f32>(values[at + 4u], values[at + 5u], values[at + 6u], values[at + 7u]) * w;
        sc = sc * shrink + mat4x4<f32>(values[at + 8u], values[at + 9u], values[at + 10u], values[at + 11u]) * w;
        sd = sd * shrink + mat4x4<f32>(values[at + 12u], values[at + 13u], values[at + 14u], values[at + 15u]) * w;
    }
    part_highest[s] = highest;
    part_total[s] = total;
    for (var i = 0u; i < 4u; i++) {
        part_sum[s * 16u + i] = sa[i];
        part_sum[s * 16u + 4u + i] = sb[i];
        part_sum[s * 16u + 8u + i] = sc[i];
        part_sum[s * 16u + 12u + i] = sd[i];
    }
    workgroupBarrier();
    var top = LOWEST;
    for (var i = 0u; i < SPLIT; i++) {
        top = max(top, part_highest[i]);
    }
    var all = 0.0;
    var merged = vec4<f32>(0.0);
    for (var i = 0u; i < SPLIT; i++) {
        let w = exp(part_highest[i] - top);
        all += part_total[i] * w;
        merged += part_sum[i * 16u + s] * w;
    }
    out[p.out_offset + t * p.out_stride + head * 16u + s] = merged * select(1.0 / all, 0.0, n == 0u);
}
