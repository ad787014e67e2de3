//! RMSNorm and LayerNorm against plain burn, with and without the sum before them, rows apart in memory.

mod common;

use common::{SETS, assert_close, noise, open, run, tensor, values};
use zipper::gpu::{storage_from, storage_zeroed};
use zipper::kernels::layer_norm::{self, Norm, layer_norm};
use zipper::kernels::matmul::Rows;
use zipper::kernels::rms_norm::{self, rms_norm};

/// (rows, width): one row, one short of a workgroup's share, one past it, a single vec4.
const SHAPES: [(usize, usize); 6] = [(1, 576), (1, 4), (3, 252), (5, 260), (7, 320), (33, 512)];
const TOLERANCE: f32 = 2e-5;
const EPS: f32 = 1e-5;

#[test]
fn norms() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (count, width) in SHAPES {
            let stride = width + 8;
            let x = noise(count * stride, 1);
            let add = noise(count * width, 2);
            let (weight, bias) = (noise(width, 3), noise(width, 4));
            let rows = |from: &[f32]| -> Vec<f32> { from.chunks(stride).flat_map(|r| r[..width].to_vec()).collect() };
            for adding in [false, true] {
                let mut dense = rows(&x);
                if adding {
                    dense.iter_mut().zip(&add).for_each(|(x, a)| *x += a);
                }
                let add_buffer = storage_from(&gpu, "add", &add);
                let norm = Norm { weight: storage_from(&gpu, "w", &weight), bias: storage_from(&gpu, "b", &bias) };
                let what = format!("{set:?} {count} x {width}, adding {adding}");
                for layer in [false, true] {
                    let x_buffer = storage_from(&gpu, "x", &x);
                    let out = storage_zeroed(&gpu, "out", count * width);
                    let x_rows = Rows { buffer: &x_buffer, offset: 0, stride };
                    let add_rows = adding.then(|| Rows::dense(&add_buffer, width));
                    let got = run(&gpu, &out, count * width, |plan| {
                        let out = Rows::dense(&out, width);
                        if layer {
                            layer_norm(plan, x_rows, add_rows, &norm, out, width, count);
                        } else {
                            rms_norm(plan, x_rows, add_rows, &norm.weight, out, width, count, EPS);
                        }
                    });
                    let (x, w) = (tensor(&dense, [count, width], &device), tensor(&weight, [width], &device));
                    let want = if layer {
                        layer_norm::reference::layer_norm(x, w, tensor(&bias, [width], &device), EPS)
                    } else {
                        rms_norm::reference::rms_norm(x, w, EPS)
                    };
                    assert_close(&format!("{what}, layer norm {layer}"), &got, &values(want), TOLERANCE);
                    let after = pollster::block_on(gpu.read::<f32>(&x_buffer, 0, count * stride)).expect("readback");
                    assert_close(&format!("{what}: x itself"), &rows(&after), &dense, 1e-6);
                }
            }
        }
    }
}
