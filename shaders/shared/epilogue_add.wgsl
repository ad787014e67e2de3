// y += W x (the residual stream)
fn finish_row(at: u32, row: u32, sum: f32) {
    y[at] += sum;
}
