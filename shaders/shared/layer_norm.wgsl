// LayerNorm: out = (x - mean) / sqrt(variance + eps) * weight + bias. Offsets, strides and the width count vec4s.
struct Params {
    width: u32,
    count: u32,
    x_offset: u32,
    x_stride: u32,
    out_offset: u32,
    out_stride: u32,
    add_offset: u32,
    add_stride: u32,
    eps: f32,
    adds: u32, // 1: x += add first
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> addend: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

// Each vec4 of x is loaded first by the invocation that later norms it, so the sum can be written back on the way.
fn load(t: u32, at: u32, i: u32) -> vec4<f32> {
    var v = x[at + i];
    if (p.adds == 1u) {
        v += addend[p.add_offset + t * p.add_stride + i];
        x[at + i] = v;
    }
    return v;
}
