//! Where a decode step's time goes, on this machine's adapter: `cargo run --example speed`.

use zipper::bench::roofline;
use zipper::clock::now_ms;
use zipper::gpu::{Gpu, Open, PlanBuilder, storage_zeroed};
use zipper::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use zipper::weights::quant::{Format, Matrix};

fn main() {
    pollster::block_on(async {
        let gpu = Gpu::open(Open::default()).await.expect("an adapter");
        println!("{} {:?}", gpu.report().name, gpu.report().kernels);
        let r = roofline(&gpu, 96, 5).await.expect("reads");
        println!("roofline {:.2} GB/s", r.bytes_per_second / 1e9);
        for (format, rows, columns, epilogue) in [
            (Format::Q4_1, 960, 576, Epilogue::Store),
            (Format::Q4_1, 576, 576, Epilogue::Add),
            (Format::Q4_1, 3072, 576, Epilogue::SwiGlu),
            (Format::Q4_1, 576, 1536, Epilogue::Add),
            (Format::Q8_0, 49152, 576, Epilogue::Store),
        ] {
            let matrix =
                GpuMatrix::upload(&gpu, "w", &Matrix::quantize(format, rows, columns, &vec![0.5; rows * columns]));
            for count in [1usize, 32] {
                let x = storage_zeroed(&gpu, "x", columns * count);
                let y = storage_zeroed(&gpu, "y", rows * count);
                let times = if rows > 9000 { 2 } else { 30 };
                let mut plan = PlanBuilder::new(&gpu);
                for _ in 0..times {
                    matmul(&mut plan, &matrix, Rows::dense(&x, columns), Rows::dense(&y, rows), count, epilogue, None);
                }
                let plan = plan.finish();
                let mut best = f64::INFINITY;
                for _ in 0..4 {
                    let t = now_ms();
                    plan.submit(&gpu);
                    gpu.read::<f32>(&y, 0, 1).await.expect("readback");
                    best = best.min((now_ms() - t) / times as f64);
                }
                let bytes = matrix.buffer().size() as f64;
                println!(
                    "{format:?} {rows}x{columns} x{count}: {best:.3} ms, {:.2} GB/s, {:.2} GFLOPS",
                    bytes / best / 1e6,
                    2.0 * (rows * columns * count) as f64 / best / 1e6
                );
            }
        }
    });
}
