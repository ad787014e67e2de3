// Weights stored as f16, two to a word (needs no shader-f16): block b holds words 16 b .. 16 b + 15.
const FOLD = vec4<f32>(1.0);
const OFFSET = vec4<f32>(1.0);

fn weight_scale(block: u32) -> vec2<f32> {
    return vec2<f32>(1.0, 0.0);
}

fn weight_chunk(block: u32, i: u32) -> Chunk {
    let at = block * 16u + i * 2u;
    return Chunk(
        vec4<f32>(unpack2x16float(weights[at]), unpack2x16float(weights[at + 1u])),
        vec4<f32>(unpack2x16float(weights[at + 8u]), unpack2x16float(weights[at + 9u])),
    );
}
