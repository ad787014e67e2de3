// Q4_1 as in GGUF: 5 words a block. Word 0 holds scale and minimum as f16; byte j of the other four holds weight j in
// its low half and weight j + 16 in its high half. A weight is scale * nibble + minimum.
//
// Nibbles are masked out where they stand and not shifted down; FOLD makes up for it. (Conversion goes through i32: from
// u32 it costs several instructions on processors.)
const FOLD = vec4<f32>(1.0, 0.00390625, 0.0000152587890625, 0.000000059604644775390625);
const OFFSET = vec4<f32>(1.0);

fn weight_scale(block: u32) -> vec2<f32> {
    return unpack2x16float(weights[block * 5u]);
}

fn weight_chunk(block: u32, i: u32) -> Chunk {
    let w = weights[block * 5u + 1u + i];
    let mask = vec4<u32>(0xfu, 0xf00u, 0xf0000u, 0xf000000u);
    return Chunk(vec4<f32>(vec4<i32>(vec4<u32>(w) & mask)), vec4<f32>(vec4<i32>(vec4<u32>(w >> 4u) & mask)));
}
