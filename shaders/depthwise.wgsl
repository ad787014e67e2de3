// Depthwise convolution over time: out[t, c] = bias[c] + sum_k weight[k, c] * x[t * 1 + k - pad, c], zeros outside.
// One invocation computes four neighbouring channels. Everything counts vec4s of channels.
// Grid: [ceil(width / 16), ceil(count / 4), 1].
struct Params {
    width: u32,
    count: u32,
    taps: u32,
    dilation: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;      // [count, width]
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>; // [taps, width]
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;   // [width]
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(16, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let c = id.x;
    let t = id.y;
    if (c >= p.width || t >= p.count) {
        return;
    }
    let reach = i32((p.taps / 2u) * p.dilation);
    var sum = bias[c];
    for (var k = 0u; k < p.taps; k++) {
        let at = i32(t + k * p.dilation) - reach;
        if (at >= 0 && at < i32(p.count)) {
            sum += weight[k * p.width + c] * x[u32(at) * p.width + c];
        }
    }
    out[t * p.width + c] = sum;
}
