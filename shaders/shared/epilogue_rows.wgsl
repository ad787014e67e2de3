// Four neighbouring rows a unit; each sum is finished by `finish_row`.
fn unit_row(unit: u32, r: u32) -> u32 {
    return min(unit * 4u + r, p.rows - 1u);
}

fn finish(t: u32, unit: u32, sums: vec4<f32>) {
    let row = unit * 4u;
    let at = p.y_offset + t * p.y_stride + row;
    finish_row(at, row, sums.x);
    if (row + 1u < p.rows) { finish_row(at + 1u, row + 1u, sums.y); }
    if (row + 2u < p.rows) { finish_row(at + 2u, row + 2u, sums.z); }
    if (row + 3u < p.rows) { finish_row(at + 3u, row + 3u, sums.w); }
}
