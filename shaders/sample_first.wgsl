// Greedy stage 2: the largest logit of all, the lowest id among equals.
// Grid: [1, 1, 1].
@compute @workgroup_size(1)
fn main() {
    var best = LOWEST;
    var best_id = 0u;
    for (var i = 0u; i < LANES; i++) {
        let v = bitcast<f32>(atomicLoad(&scratch[PART_VALUE + i]));
        let id = atomicLoad(&scratch[PART_ID + i]);
        if (v > best || (v == best && id < best_id)) {
            best = v;
            best_id = id;
        }
    }
    take(choice_or_none(best, best_id));
}
