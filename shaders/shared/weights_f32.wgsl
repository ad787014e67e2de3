// Weights stored as f32: block b holds words 32 b .. 32 b + 31.
const FOLD = vec4<f32>(1.0);
const OFFSET = vec4<f32>(1.0);

fn weight_scale(block: u32) -> vec2<f32> {
    return vec2<f32>(1.0, 0.0);
}

fn weight_chunk(block: u32, i: u32) -> Chunk {
    let at = block * 32u + i * 4u;
    return Chunk(
        bitcast<vec4<f32>>(vec4<u32>(weights[at], weights[at + 1u], weights[at + 2u], weights[at + 3u])),
        bitcast<vec4<f32>>(vec4<u32>(weights[at + 16u], weights[at + 17u], weights[at + 18u], weights[at + 19u])),
    );
}
