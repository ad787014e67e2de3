// y = relu(W x + bias)
fn finish_row(at: u32, row: u32, sum: f32) {
    y[at] = max(sum + bias[row], 0.0);
}
