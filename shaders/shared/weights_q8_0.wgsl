// Q8_0, repacked so that every load is aligned: all signed bytes first (8 words a block), then the f16 scales, two to
// a word, from word p.scales on. A weight is scale * byte.
fn weight_scale(block: u32) -> vec2<f32> {
    let pair = unpack2x16float(weights[p.scales + (block >> 1u)]);
    return vec2<f32>(select(pair.x, pair.y, (block & 1u) == 1u), 0.0);
}

fn signed_bytes(word: u32) -> vec4<f32> {
    // Shifting left first and then arithmetically right extends the sign.
    let w = bitcast<i32>(word);
    return vec4<f32>(vec4<i32>(w << 24u, w << 16u, w << 8u, w) >> vec4<u32>(24u));
}

fn weight_chunk(block: u32, i: u32) -> Chunk {
    let at = block * 8u + i;
    return Chunk(signed_bytes(weights[at]), signed_bytes(weights[at + 4u]));
}
