// Sampled stage 4: gathers every logit down to that bin, in whatever order; the next stage sorts.
// Grid: [LANES / 16, 1, 1].
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let top = largest();
    let last = atomicLoad(&scratch[THRESHOLD]);
    for (var i = id.x; i < p.vocabulary; i += LANES) {
        let v = logit(i);
        if (bin(top, v) <= last) {
            let slot = atomicAdd(&scratch[FOUND], 1u);
            if (slot < MOST) {
                atomicStore(&scratch[CANDIDATE_ID + slot], i);
                atomicStore(&scratch[CANDIDATE_VALUE + slot], bitcast<u32>(v));
            }
        }
    }
}
