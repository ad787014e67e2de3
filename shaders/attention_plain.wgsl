// Attention for many rows without barriers: one invocation takes one row and head.
//
// The query and the sum stay in registers (16 vec4s each, written out so that no array is indexed at run time).
// Grid: [heads, ceil(count / 4), 1].
struct Head {
    a: mat4x4<f32>,
    b: mat4x4<f32>,
    c: mat4x4<f32>,
    d: mat4x4<f32>,
}

fn key_dot(h: Head, at: u32) -> f32 {
    var s = h.a[0] * keys[at] + h.a[1] * keys[at + 1u] + h.a[2] * keys[at + 2u] + h.a[3] * keys[at + 3u];
    s += h.b[0] * keys[at + 4u] + h.b[1] * keys[at + 5u] + h.b[2] * keys[at + 6u] + h.b[3] * keys[at + 7u];
    s += h.c[0] * keys[at + 8u] + h.c[1] * keys[at + 9u] + h.c[2] * keys[at + 10u] + h.c[3] * keys[at + 11u];
    s += h.d[0] * keys[at + 12u] + h.d[1] * keys[at + 13u] + h.d[2] * keys[at + 14u] + h.d[3] * keys[at + 15u];
    return dot(s, vec4<f32>(SCALE));
}

fn query(at: u32) -> Head {
    return Head(
        mat4x4<f32>(q[at], q[at + 1u], q[at + 2u], q[at + 3u]),
        mat4x4<f32>(q[at + 4u], q[at + 5u], q[at + 6u], q[at + 7u]),
        mat4x4<f32>(q[at + 8u], q[at + 9u], q[at + 10u], q[at + 11u]),
        mat4x4<f32>(q[at + 12u], q[at + 13u], q[at + 14u], q[at + 15u]),
    );
}

fn value(at: u32) -> Head {
    return Head(
        mat4x4<f32>(values[at], values[at + 1u], values[at + 2u], values[at + 3u]),
        mat4x4<f32>(values[at + 4u], values[at + 5u], values[at + 6u], values[at + 7u]),
        mat4x4<f32>(values[at + 8u], values[at + 9u], values[at + 10u], values[at + 11u]),
        mat4x4<f32>(values[at + 12u], values[at + 13u], values[at + 14u], values[at + 15u]),
    );
}

@compute @workgroup_size(1, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x;
    let t = id.y;
    if (t >= p.count) {
        return;
    }
    let h = query(p.q_offset + t * p.q_stride + head * 16u);
    let base = (head / p.group) * p.capacity * 16u;
    let n = seen(t);
    var highest = LOWEST;
    var total = 0.0;
    var sum = Head(mat4x4<f32>(), mat4x4<f32>(), mat4x4<f32>(), mat4x4<f32>());
    for (var j = 0u; j < n; j++) {
        let at = base + j * 16u;
        let score = key_dot(h, at);
        let v = value(at);
        if (score > highest) {
            let shrink = exp(highest - score);
            highest = score;
            total = total * shrink + 1.0;
            sum.a = sum.a * shrink + v.a;
            sum.b = sum.b * shrink + v.b;
            sum.c = sum.c * shrink + v.c;
            sum.d = sum.d * shrink + v.d;
        } else {
            let w = exp(score - highest);
            total += w;
            sum.a += v.a * w;
            sum.b += v.b * w;
            sum.c += v.c * w;
            sum.d += v.d * w;
        }
    }
    let f = select(1.0 / total, 0.0, n == 0u);
    let to = p.out_offset + t * p.out_stride + head * 16u;
    for (var i = 0u; i < 4u; i++) {
        out[to + i] = sum.a[i] * f;
        out[to + 4u + i] = sum.b[i] * f;
        out[to + 8u + i] = sum.c[i] * f;
        out[to + 12u + i] = sum.d[i] * f;
    }
}
