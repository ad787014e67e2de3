// Overlapping windows to their sum: out[s] = sum over frames t of windows[t, s - t hop].
// One invocation computes one sample. Grid: [ceil(samples / 64), 1, 1].
struct Params {
    size: u32,  // samples of a window
    hop: u32,   // samples from a window to the next
    count: u32, // windows, at least 1
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> windows: array<f32>; // [count, size]
@group(0) @binding(2) var<storage, read_write> out: array<f32>; // [(count - 1) hop + size]

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let s = id.x;
    if (s >= (p.count - 1u) * p.hop + p.size) {
        return;
    }
    let newest = min(s / p.hop, p.count - 1u);
    let oldest = select(0u, (s - p.size) / p.hop + 1u, s >= p.size);
    var sum = 0.0;
    for (var t = oldest; t <= newest; t++) {
        sum += windows[t * p.size + s - t * p.hop];
    }
    out[s] = sum;
}
