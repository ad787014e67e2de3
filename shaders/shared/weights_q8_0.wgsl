// Q8_0, repacked: all bytes first (8 words a block), then the f16 scales, two to a word, from word p.scales on. A weight is
// scale * byte.
//
// Bytes are masked out where they stand. The top byte of a word keeps its sign that way; the other three are stored with
// 128 added, which OFFSET and a minimum of -128 scale take away again.
const FOLD = vec4<f32>(1.0, 0.00390625, 0.0000152587890625, 0.000000059604644775390625);
const OFFSET = vec4<f32>(1.0, 1.0, 1.0, 0.0);

fn weight_scale(block: u32) -> vec2<f32> {
    let pair = unpack2x16float(weights[p.scales + (block >> 1u)]);
    let scale = select(pair.x, pair.y, (block & 1u) == 1u);
    return vec2<f32>(scale, -128.0 * scale);
}

fn four_bytes(word: u32) -> vec4<f32> {
    return vec4<f32>(vec4<i32>(vec4<u32>(word) & vec4<u32>(0xffu, 0xff00u, 0xff0000u, 0xff000000u)));
}

fn weight_chunk(block: u32, i: u32) -> Chunk {
    let at = block * 8u + i;
    return Chunk(four_bytes(weights[at]), four_bytes(weights[at + 4u]));
}
