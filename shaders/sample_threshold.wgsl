// Sampled stage 3: the bin that holds the k-th largest logit. The last bin (32 nats and more below the top) never counts.
// Grid: [1, 1, 1].
@compute @workgroup_size(1)
fn main() {
    var count = 0u;
    var i = 0u;
    loop {
        count += atomicLoad(&scratch[HISTOGRAM + i]);
        if (count >= top_k() || i == BINS - 2u) {
            break;
        }
        i++;
    }
    atomicStore(&scratch[THRESHOLD], i);
}
