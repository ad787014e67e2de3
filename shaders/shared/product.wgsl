// What every matrix product shares: y[t, n] = epilogue(sum_k W[n, k] * x[t, k]).
//
// W has p.rows rows of p.blocks blocks of 32 weights, in one of the storage formats (weights_*.wgsl), each of which gives
//   weight_scale(block) -> (scale, minimum)   and   weight_chunk(block, i) -> weights 4i..4i+3 and 16+4i..16+4i+3,
// of which the true ones are scale * FOLD * chunk + minimum * OFFSET (both constant vectors of the format, so that they
// can be applied to x, once for many rows). Block b of row n is block n * p.blocks + b. Four rows make a unit; an epilogue (epilogue_*.wgsl) gives
//   unit_row(unit, r) -> row of W             and   finish(t, unit, sums of its four rows).
struct Params {
    rows: u32,     // rows of W
    blocks: u32,   // columns of W / 32
    count: u32,    // rows of x
    x_stride: u32, // vec4s from a row of x to the next
    x_offset: u32, // vec4s before the first row of x
    y_stride: u32, // floats from a row of y to the next
    y_offset: u32, // floats before the first row of y
    scales: u32,   // word where the scales begin (Q8_0)
    gate: f32,     // factor of the sum (gated_add)
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> weights: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;

struct Chunk {
    lo: vec4<f32>,
    hi: vec4<f32>,
}
