// The roofline: reads every word of a buffer once and does next to nothing with it. Each invocation sums vec4s that lie
// p.stride apart, or neighbouring ones where p.stride is 1.
// Grid: [ceil(invocations / 64), 1, 1].
struct Params {
    count: u32,   // vec4s an invocation reads
    stride: u32,  // from one of its vec4s to the next
    spacing: u32, // from an invocation's first vec4 to the next invocation's
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> words: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> sums: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var at = id.x * p.spacing;
    var a = vec4<u32>(0u);
    var b = vec4<u32>(0u);
    for (var i = 0u; i < p.count; i += 4u) {
        a += words[at] + words[at + p.stride];
        b += words[at + 2u * p.stride] + words[at + 3u * p.stride];
        at += 4u * p.stride;
    }
    let s = a + b;
    sums[id.x] = s.x + s.y + s.z + s.w;
}
