// Sampled stage 5: a candidate's rank is the number of candidates before it (larger, or equal with a lower id).
// Grid: [MOST / 64, 1, 1].
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let count = min(atomicLoad(&scratch[FOUND]), MOST);
    if (id.x >= count) {
        return;
    }
    let mine = atomicLoad(&scratch[CANDIDATE_ID + id.x]);
    let bits = atomicLoad(&scratch[CANDIDATE_VALUE + id.x]);
    let value = bitcast<f32>(bits);
    var rank = 0u;
    for (var i = 0u; i < count; i++) {
        let v = bitcast<f32>(atomicLoad(&scratch[CANDIDATE_VALUE + i]));
        let other = atomicLoad(&scratch[CANDIDATE_ID + i]);
        rank += select(0u, 1u, v > value || (v == value && other < mine));
    }
    if (rank < top_k()) {
        atomicStore(&scratch[SORTED_ID + rank], mine);
        atomicStore(&scratch[SORTED_VALUE + rank], bits);
    }
}
