//! Linear resampling over time: speech tokens' 25 rows a second to the voice's 80.

use crate::gpu::{Access, Kernel, PlanBuilder};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    width: u32,
    count: u32,
    rows: u32,
    step: f32,
}

fn kernel() -> Kernel {
    Kernel {
        name: "stretch".into(),
        source: include_str!("../../shaders/stretch.wgsl").into(),
        access: &[Access::Read, Access::ReadWrite],
    }
}

/// Every variant.
#[must_use]
pub fn all() -> Vec<Kernel> {
    vec![kernel()]
}

/// Records `out[j] = x[(j + 1/2) · step − 1/2]` for `rows` rows, linear between the `count` rows of `x`, held at the ends. Rows are dense,
/// `width` channels wide (a multiple of 4); `x` and `out` are different buffers; there is at least one row.
pub fn stretch(
    plan: &mut PlanBuilder<'_>,
    x: &wgpu::Buffer,
    count: usize,
    out: &wgpu::Buffer,
    rows: usize,
    width: usize,
    step: f32,
) {
    let params = Params { width: (width / 4) as u32, count: count as u32, rows: rows as u32, step };
    let grid = [params.width.div_ceil(16), params.rows.div_ceil(4), 1];
    plan.dispatch(&kernel(), &params, &[x.into(), out.into()], grid);
}

/// The same in plain burn operations.
pub mod reference {
    use burn::tensor::{Int, Tensor, TensorData};

    /// `x` `[count, width]` to `[rows, width]`.
    #[must_use]
    pub fn stretch(x: Tensor<2>, rows: usize, step: f32) -> Tensor<2> {
        let (last, device) = (x.dims()[0] - 1, x.device());
        let at: Vec<f32> = (0..rows).map(|j| ((j as f32 + 0.5) * step - 0.5).clamp(0.0, last as f32)).collect();
        let index = |up: usize| -> Tensor<1, Int> {
            let places: Vec<i32> = at.iter().map(|a| (*a as usize + up).min(last) as i32).collect();
            Tensor::from_data(TensorData::new(places, [rows]), &device)
        };
        let share: Vec<f32> = at.iter().map(|a| a.fract()).collect();
        let share: Tensor<2> = Tensor::from_data(TensorData::new(share, [rows, 1]), &device);
        let (left, right) = (x.clone().select(0, index(0)), x.select(0, index(1)));
        left.clone() + (right - left) * share
    }
}
