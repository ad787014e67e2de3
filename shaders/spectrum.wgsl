// A spectrum from its parts: turned harmonics, noise and a free part (docs/voice.md, section C). Real parts stand before imaginary ones.
//   S = exp(lh) e^(i pi tanh theta) source + exp(ln) Z + exp(lr) e^(i phi)
// One invocation computes one bin of one frame. Grid: [ceil(bins / 64), frames, 1].
struct Params {
    bins: u32,
    count: u32,     // frames
    stride: u32,    // words from a frame of source or out to the next
    parts_from: u32, // first word of the parts
    frame: u32,     // number of the first frame, for the noise
    seed: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> parts: array<f32>;  // [frames, 5, bins]: lh, theta, ln, lr, phi
@group(0) @binding(2) var<storage, read> source: array<f32>; // [frames, stride]
@group(0) @binding(3) var<storage, read_write> out: array<f32>; // [frames, stride]

const PI = 3.14159265358979;
const LOUDEST = 7.0;

// PCG's output hash (Jarzynski & Olano 2020).
fn hashed(x: u32) -> u32 {
    let s = x * 747796405u + 2891336453u;
    let word = ((s >> ((s >> 28u) + 4u)) ^ s) * 277803737u;
    return (word >> 22u) ^ word;
}

// e^(i angle); the angle is brought near 0 first, where every device is exact.
fn turn(angle: f32) -> vec2<f32> {
    let near = angle - 2.0 * PI * round(angle / (2.0 * PI));
    return vec2<f32>(cos(near), sin(near));
}

// Complex normal noise, unit variance in each part (Box & Muller 1958).
fn noise(frame: u32, bin: u32) -> vec2<f32> {
    let a = hashed(hashed(frame + hashed(p.seed)) + bin);
    let b = hashed(a ^ 0x9E3779B9u);
    let u = (f32(a >> 8u) + 0.5) / 16777216.0;
    let v = f32(b >> 8u) / 16777216.0;
    return sqrt(-2.0 * log(u)) * turn(2.0 * PI * v);
}

fn loud(x: f32) -> f32 {
    return exp(min(x, LOUDEST));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let bin = id.x;
    let t = id.y;
    if (bin >= p.bins || t >= p.count) {
        return;
    }
    let at = p.parts_from + t * 5u * p.bins + bin;
    let row = t * p.stride;
    let s = vec2<f32>(source[row + bin], source[row + p.bins + bin]);
    let w = loud(parts[at]) * turn(PI * tanh(clamp(parts[at + p.bins], -9.0, 9.0)));
    var z = vec2<f32>(w.x * s.x - w.y * s.y, w.x * s.y + w.y * s.x);
    z += loud(parts[at + 2u * p.bins]) * noise(p.frame + t, bin);
    z += loud(parts[at + 3u * p.bins]) * turn(parts[at + 4u * p.bins]);
    // A real signal's first and last bin are real.
    let real = bin == 0u || bin + 1u == p.bins;
    out[row + bin] = z.x;
    out[row + p.bins + bin] = select(z.y, 0.0, real);
}
