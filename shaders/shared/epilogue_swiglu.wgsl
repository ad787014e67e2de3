// Gate and up projections in one product: W holds all gate rows, then all up rows, and y = silu(gate) * up has half as
// many columns as W has rows. A unit is two gate rows and the two up rows that belong to them.
fn unit_row(unit: u32, r: u32) -> u32 {
    let half = p.rows >> 1u;
    let row = min(unit * 2u + (r & 1u), half - 1u);
    return select(row, row + half, r > 1u);
}

fn finish(t: u32, unit: u32, sums: vec4<f32>) {
    let row = unit * 2u;
    let at = p.y_offset + t * p.y_stride + row;
    let silu = sums.xy / (vec2<f32>(1.0) + exp(-sums.xy));
    y[at] = silu.x * sums.z;
    if (row + 1u < (p.rows >> 1u)) {
        y[at + 1u] = silu.y * sums.w;
    }
}
