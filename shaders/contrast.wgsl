// Guidance: logits further away from what would be said without knowing the text. logits += weight (logits - free); what lies more than `depth`
// below the likeliest is not lifted but pushed out of reach.
// One workgroup. Grid: [1, 1, 1].
struct Params {
    vocabulary: u32,
    weight: f32,
    depth: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> free: array<f32>; // [vocabulary]
@group(0) @binding(2) var<storage, read_write> logits: array<f32>; // [vocabulary]

const LANES = 256u;
const AWAY = 100.0;
var<workgroup> largest: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
    var most = -3.0e38;
    for (var i = lane; i < p.vocabulary; i += LANES) {
        most = max(most, logits[i]);
    }
    largest[lane] = most;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) {
            largest[lane] = max(largest[lane], largest[lane + half]);
        }
        workgroupBarrier();
    }
    let floor = largest[0] - p.depth;
    for (var i = lane; i < p.vocabulary; i += LANES) {
        let own = logits[i];
        logits[i] = select(own - AWAY, own + p.weight * (own - free[i]), own >= floor);
    }
}
