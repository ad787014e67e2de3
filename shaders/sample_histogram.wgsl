// Sampled stage 2: how many logits lie how far below the largest, in steps of 1/64 nat.
// Grid: [LANES / 16, 1, 1].
@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let top = largest();
    for (var i = id.x; i < p.vocabulary; i += LANES) {
        atomicAdd(&scratch[HISTOGRAM + bin(top, logit(i))], 1u);
    }
}
