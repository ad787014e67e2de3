//! The matrix product against plain burn: every format, epilogue and kernel family, at awkward shapes.

mod common;

use burn::tensor::{Tensor, TensorData};
use common::{assert_close, noise, open};
use zipper::gpu::{KernelSet, PlanBuilder, storage_from};
use zipper::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul, reference};
use zipper::weights::quant::{Format, Matrix};

/// (count, rows, columns): one short of a tile, one past it, a single unit, odd numbers of blocks.
const SHAPES: [(usize, usize, usize); 8] =
    [(1, 4, 32), (1, 65, 96), (1, 130, 576), (2, 6, 64), (5, 63, 160), (31, 66, 32), (33, 10, 288), (70, 128, 64)];

const EPILOGUES: [Epilogue; 8] = [
    Epilogue::Store,
    Epilogue::Add,
    Epilogue::GatedAdd(0.37),
    Epilogue::Bias,
    Epilogue::BiasAdd,
    Epilogue::BiasRelu,
    Epilogue::BiasGelu,
    Epilogue::SwiGlu,
];

fn check(kernels: KernelSet) {
    let gpu = open(kernels);
    let device = gpu.burn().expect("burn shares the device");
    for (count, rows, columns) in SHAPES {
        let weights = noise(rows * columns, 1);
        let x = noise(count * columns, 2);
        let before = noise(count * rows, 3);
        let bias = noise(rows, 4);
        let tensor = |v: &[f32], shape: [usize; 2]| Tensor::<2>::from_data(TensorData::new(v.to_vec(), shape), &device);
        for format in [Format::F32, Format::F16, Format::Q8_0, Format::Q4_1] {
            let matrix = Matrix::quantize(format, rows, columns, &weights);
            let on_gpu = GpuMatrix::upload(&gpu, "w", &matrix);
            let (x_buffer, bias_buffer) = (storage_from(&gpu, "x", &x), storage_from(&gpu, "bias", &bias));
            for epilogue in EPILOGUES {
                if epilogue == Epilogue::SwiGlu && !rows.is_multiple_of(2) {
                    continue;
                }
                let width = if epilogue == Epilogue::SwiGlu { rows / 2 } else { rows };
                let y = storage_from(&gpu, "y", &before[..count * width]);
                let got = pollster::block_on(async {
                    let plan = gpu
                        .guarded("matmul", || {
                            let mut plan = PlanBuilder::new(&gpu);
                            let x = Rows::dense(&x_buffer, columns);
                            matmul(&mut plan, &on_gpu, x, Rows::dense(&y, width), count, epilogue, Some(&bias_buffer));
                            let plan = plan.finish();
                            plan.submit(&gpu);
                            plan
                        })
                        .await
                        .expect("the kernel compiles and runs");
                    assert_eq!(plan.len(), 1);
                    gpu.read::<f32>(&y, 0, count * width).await.expect("readback")
                });
                let want = reference::matmul(
                    tensor(&x, [count, columns]),
                    tensor(&matrix.dequantize(), [rows, columns]),
                    tensor(&before, [count, rows]),
                    Tensor::from_data(TensorData::new(bias.clone(), [rows]), &device),
                    epilogue,
                );
                let want: Vec<f32> = want.into_data().try_to_vec().expect("f32");
                let what = format!("{kernels:?} {format:?} {epilogue:?} {count}x{rows}x{columns}");
                assert_close(&what, &got, &want, 3e-5);
            }
        }
    }
}

#[test]
fn plain() {
    check(KernelSet::Plain);
}

#[test]
fn tiled() {
    check(KernelSet::Tiled);
}
