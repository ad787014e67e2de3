// y = gelu(W x + bias), the exact GELU: z * Phi(z), with erf by Abramowitz and Stegun 7.1.26 (error below 1.5e-7).
fn gelu(z: f32) -> f32 {
    let a = abs(z) * 0.70710678118654752;
    let t = 1.0 / (1.0 + 0.3275911 * a);
    let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    let erf = sign(z) * (1.0 - poly * exp(-a * a));
    return 0.5 * z * (1.0 + erf);
}

fn finish_row(at: u32, row: u32, sum: f32) {
    y[at] = gelu(sum + bias[row]);
}
