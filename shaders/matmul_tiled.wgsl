// Matrix product for GPUs: a workgroup computes 16 units (64 rows) for 32 rows of x, a block of 32 columns at a time.
//
// Both tiles lie in workgroup memory (8 KiB and 4 KiB), already scaled; an invocation sums one unit for two rows of x.
// Grid: [ceil(units / 16), ceil(count / 32), 1].
const UNITS = 16u;
const ROWS_OF_X = 32u;

// Scalars, since a store to one component of a shared vector may touch its neighbours.
var<workgroup> tile_w: array<array<f32, 64>, 32>;        // [column, row of W]
var<workgroup> tile_x: array<array<f32, ROWS_OF_X>, 32>; // [column, row of x]

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let first_unit = group.x * UNITS;
    let first_t = group.y * ROWS_OF_X;

    // Loading: invocation l brings chunk l % 4 of weight row l / 4, and vec4 l % 8 of row l / 8 of x.
    let load_unit = local >> 4u;
    let load_r = (local >> 2u) & 3u;
    let load_chunk = local & 3u;
    let units = (p.rows + 3u) / 4u;
    let load_row = unit_row(min(first_unit + load_unit, units - 1u), load_r) * p.blocks;
    let load_t = local >> 3u;
    let load_vec = local & 7u;
    let x_at = p.x_offset + min(first_t + load_t, p.count - 1u) * p.x_stride + load_vec;

    let unit = local & 15u;
    let pair = local >> 4u; // rows 2 pair and 2 pair + 1 of the x tile
    var sum0 = vec4<f32>(0.0);
    var sum1 = vec4<f32>(0.0);
    for (var b = 0u; b < p.blocks; b++) {
        let w = weight_chunk(load_row + b, load_chunk);
        let s = weight_scale(load_row + b);
        let lo = w.lo * (s.x * FOLD) + s.y * OFFSET;
        let hi = w.hi * (s.x * FOLD) + s.y * OFFSET;
        let xs = x[x_at + b * 8u];
        workgroupBarrier();
        for (var j = 0u; j < 4u; j++) {
            tile_w[load_chunk * 4u + j][load_unit * 4u + load_r] = lo[j];
            tile_w[16u + load_chunk * 4u + j][load_unit * 4u + load_r] = hi[j];
            tile_x[load_vec * 4u + j][load_t] = xs[j];
        }
        workgroupBarrier();
        for (var k = 0u; k < 32u; k++) {
            let at = unit * 4u;
            let column = vec4<f32>(tile_w[k][at], tile_w[k][at + 1u], tile_w[k][at + 2u], tile_w[k][at + 3u]);
            sum0 += column * tile_x[k][pair * 2u];
            sum1 += column * tile_x[k][pair * 2u + 1u];
        }
    }
    if ((first_unit + unit) * 4u < p.rows) {
        let t = first_t + pair * 2u;
        if (t < p.count) { finish(t, first_unit + unit, sum0); }
        if (t + 1u < p.count) { finish(t + 1u, first_unit + unit, sum1); }
    }
}
