// Sampled stage 6: softmax at the temperature over the k best, cut to the likeliest that together reach top-p, and one
// draw by a counter-based generator (PCG; Jarzynski and Olano 2020) of (seed, number of the token).
// Grid: [1, 1, 1].
fn pcg(v: u32) -> u32 {
    let s = v * 747796405u + 2891336453u;
    let w = ((s >> ((s >> 28u) + 4u)) ^ s) * 277803737u;
    return (w >> 22u) ^ w;
}

@compute @workgroup_size(1)
fn main() {
    let k = min(top_k(), min(atomicLoad(&scratch[FOUND]), MOST));
    let top = bitcast<f32>(atomicLoad(&scratch[SORTED_VALUE]));
    var total = 0.0;
    for (var i = 0u; i < k; i++) {
        total += exp((bitcast<f32>(atomicLoad(&scratch[SORTED_VALUE + i])) - top) / temperature());
    }
    var kept = 0.0;
    var n = 0u;
    loop {
        kept += exp((bitcast<f32>(atomicLoad(&scratch[SORTED_VALUE + n])) - top) / temperature());
        n++;
        if (n >= k || kept >= top_p() * total) {
            break;
        }
    }
    let random = pcg(pcg(pcg(controls[3]) ^ controls[4]) ^ state[3]);
    var left = f32(random >> 8u) / 16777216.0 * kept;
    var choice = 0u;
    loop {
        left -= exp((bitcast<f32>(atomicLoad(&scratch[SORTED_VALUE + choice])) - top) / temperature());
        if (left < 0.0 || choice + 1u >= n) {
            break;
        }
        choice++;
    }
    take(choice_or_none(largest(), atomicLoad(&scratch[SORTED_ID + choice])));
}
