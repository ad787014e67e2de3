//! What the machine's adapter makes of our kernels: bytes of weights a second, beside its own reading speed, and whole
//! steps of the text tower. `cargo bench --package zipper-bench`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zipper::decode::{Options, Runner, decode};
use zipper::gpu::{Gpu, Open, Plan, PlanBuilder, storage_zeroed, wgpu};
use zipper::kernels::matmul::{Epilogue, GpuMatrix, Rows, matmul};
use zipper::kernels::sample::{Controls, Sampler};
use zipper::kernels::stream_read::{INVOCATIONS, stream_read};
use zipper::towers::text::Loader;
use zipper::weights::quant::{Format, Matrix};

fn open() -> Gpu {
    pollster::block_on(Gpu::open(Open::default())).expect("an adapter")
}

/// Submits `plan` and waits for it.
fn finish(gpu: &Gpu, plan: &Plan, out: &wgpu::Buffer) {
    plan.submit(gpu);
    pollster::block_on(gpu.read::<u32>(out, 0, 1)).expect("readback");
}

fn roofline(c: &mut Criterion) {
    let gpu = open();
    let words = storage_zeroed(&gpu, "words", INVOCATIONS * 16 * 400);
    let sums = storage_zeroed(&gpu, "sums", INVOCATIONS);
    let mut plan = PlanBuilder::new(&gpu);
    stream_read(&mut plan, &words, &sums);
    let plan = plan.finish();
    let mut group = c.benchmark_group("roofline");
    group.sample_size(10).throughput(Throughput::Bytes(words.size()));
    group.bench_function("stream_read", |b| b.iter(|| finish(&gpu, &plan, &sums)));
}

fn products(c: &mut Criterion) {
    let gpu = open();
    let mut group = c.benchmark_group("product");
    group.sample_size(10);
    for (name, format, rows, columns, epilogue) in [
        ("qkv", Format::Q4_1, 960, 576, Epilogue::Store),
        ("output", Format::Q4_1, 576, 576, Epilogue::Add),
        ("gate_up", Format::Q4_1, 3072, 576, Epilogue::SwiGlu),
        ("down", Format::Q4_1, 576, 1536, Epilogue::Add),
        ("logits", Format::Q8_0, 49_152, 576, Epilogue::Store),
    ] {
        let values = vec![0.5; rows * columns];
        let matrix = GpuMatrix::upload(&gpu, name, &Matrix::quantize(format, rows, columns, &values));
        for count in [1, 32] {
            let x = storage_zeroed(&gpu, "x", columns * count);
            let y = storage_zeroed(&gpu, "y", rows * count);
            let mut plan = PlanBuilder::new(&gpu);
            matmul(&mut plan, &matrix, Rows::dense(&x, columns), Rows::dense(&y, rows), count, epilogue, None);
            let plan = plan.finish();
            group.throughput(Throughput::Bytes(matrix.buffer().size()));
            group.bench_function(BenchmarkId::new(name, count), |b| b.iter(|| finish(&gpu, &plan, &y)));
        }
    }
}

fn text_tower(c: &mut Criterion) {
    let home = std::env::var("HOME").unwrap_or_default();
    let data = std::env::var("ZIPPER_DATA").unwrap_or_else(|_| format!("{home}/.cache/zipper"));
    let file = std::path::Path::new(&data).join("models/smollm2-135m-instruct-q4_1.gguf");
    let bytes = std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}; run `cargo xtask models`", file.display()));
    let gpu = open();
    let mut loader = Loader::new(&gpu);
    pollster::block_on(loader.push(&bytes)).expect("well formed");
    let text = loader.finish().expect("complete");
    let work = text.tower.workspace(&gpu, 64);
    let sampler = Sampler::new(&gpu, text.tower.config.vocabulary);
    let runner = Runner { gpu: &gpu, tower: &text.tower, work: &work, sampler: &sampler, guide: None };
    let mut sequence = text.tower.sequence(&gpu);
    let prompt: Vec<u32> = (1000..1032).collect();
    let mut group = c.benchmark_group("text_tower");
    group.sample_size(10);
    for tokens in [1, 16] {
        let options = Options { max_tokens: tokens, controls: Controls::default(), in_flight: 3 };
        group.bench_function(BenchmarkId::new("prompt of 32, tokens", tokens), |b| {
            b.iter(|| {
                pollster::block_on(decode(
                    &runner,
                    &mut sequence,
                    &prompt,
                    &options,
                    &mut |_, _| {},
                    &|| false,
                    &mut async |_| Ok(()),
                ))
                .expect("decodes")
            });
        });
    }
}

criterion_group!(benches, roofline, products, text_tower);
criterion_main!(benches);
