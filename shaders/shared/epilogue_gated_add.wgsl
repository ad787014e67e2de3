// y += gate * W x (the zip's way into the residual stream)
fn finish_row(at: u32, row: u32, sum: f32) {
    y[at] += p.gate * sum;
}
