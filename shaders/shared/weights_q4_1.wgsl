// Q4_1 as in GGUF: 5 words a block. Word 0 holds scale and minimum as f16; byte j of the other four holds weight j in
// its low half and weight j + 16 in its high half. A weight is scale * nibble + minimum.
fn weight_scale(block: u32) -> vec2<f32> {
    return unpack2x16float(weights[block * 5u]);
}

fn weight_chunk(block: u32, i: u32) -> Chunk {
    let w = weights[block * 5u + 1u + i];
    return Chunk(
        vec4<f32>(vec4<u32>(w, w >> 8u, w >> 16u, w >> 24u) & vec4<u32>(15u)),
        vec4<f32>(vec4<u32>(w >> 4u, w >> 12u, w >> 20u, w >> 28u) & vec4<u32>(15u)),
    );
}
