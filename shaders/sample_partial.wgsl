// Stage 1: each lane finds the largest of its logits (the first of equals) and clears its part of the histogram.
// Grid: [LANES / 16, 1, 1].
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let lane = id.x;
    var best = LOWEST;
    var best_id = 0u;
    for (var i = lane; i < p.vocabulary; i += LANES) {
        let v = logit(i);
        if (is_broken(v)) {
            best = BROKEN;
        } else if (v > best) {
            best = v;
            best_id = i;
        }
    }
    atomicStore(&scratch[PART_VALUE + lane], bitcast<u32>(best));
    atomicStore(&scratch[PART_ID + lane], best_id);
    for (var i = lane; i < BINS; i += LANES) {
        atomicStore(&scratch[HISTOGRAM + i], 0u);
    }
    if (lane == 0u) {
        atomicStore(&scratch[FOUND], 0u);
    }
}
