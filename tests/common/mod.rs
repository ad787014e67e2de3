//! What the kernel tests share: a device in either kernel family, deterministic numbers, comparison.
#![allow(dead_code)]

use zipper::gpu::{Gpu, KernelSet, Open};

/// Opens the machine's adapter with the kernel family forced.
pub fn open(kernels: KernelSet) -> Gpu {
    pollster::block_on(Gpu::open(Open { kernels: Some(kernels), low_power: false }))
        .expect("these tests need a Vulkan, Metal or DX12 adapter (on Debian: mesa-vulkan-drivers)")
}

/// Deterministic values in about [-1, 1), without a pattern that a wrong index could hit by chance.
pub fn noise(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Fails where `got` and `want` differ by more than `tolerance` absolute plus relative.
pub fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance * (1.0 + w.abs()), "{what}: {g} instead of {w} at {i} of {}", got.len());
    }
}

/// A file that `cargo xtask models` fetched.
pub fn fetched(path: &str) -> Vec<u8> {
    let home = std::env::var("HOME").unwrap_or_default();
    let data = std::env::var("ZIPPER_DATA").unwrap_or_else(|_| format!("{home}/.cache/zipper"));
    let file = std::path::Path::new(&data).join(path);
    std::fs::read(&file).unwrap_or_else(|e| panic!("{}: {e}; run `cargo xtask models` first", file.display()))
}

/// The text tower's file.
pub const GGUF: &str = "models/smollm2-135m-instruct-q4_1.gguf";

/// The text tower, loaded as the page loads it: in pieces.
pub fn text_tower(gpu: &Gpu) -> zipper::towers::text::TextTower {
    let mut loader = zipper::towers::text::Loader::new(gpu);
    pollster::block_on(async {
        for piece in fetched(GGUF).chunks(16 << 20) {
            loader.push(piece).await.expect("well formed");
        }
        loader.finish().expect("complete")
    })
}

/// Both kernel families.
pub const SETS: [KernelSet; 2] = [KernelSet::Plain, KernelSet::Tiled];

/// Records with `record`, runs it, and reads `words` of `out` back.
pub fn run(
    gpu: &Gpu,
    out: &wgpu::Buffer,
    words: usize,
    record: impl FnOnce(&mut zipper::gpu::PlanBuilder<'_>),
) -> Vec<f32> {
    pollster::block_on(async {
        gpu.guarded("test", || {
            let mut plan = zipper::gpu::PlanBuilder::new(gpu);
            record(&mut plan);
            plan.finish().submit(gpu);
        })
        .await
        .expect("the kernel compiles and runs");
        gpu.read(out, 0, words).await.expect("readback")
    })
}

/// A burn tensor of `values`.
pub fn tensor<const D: usize>(
    values: &[f32],
    shape: [usize; D],
    device: &burn::tensor::Device,
) -> burn::tensor::Tensor<D> {
    burn::tensor::Tensor::from_data(burn::tensor::TensorData::new(values.to_vec(), shape), device)
}

/// The values of a burn tensor.
pub fn values<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

/// A file of the zipped model.
pub fn model(file: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/zipper-en").join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A safetensors file of the zipped model.
pub fn tensors(file: &str) -> zipper::weights::safetensors::Tensors {
    zipper::weights::safetensors::Tensors::read(file, &model(file)).expect("well formed")
}

/// Samples of a plain WAV file: 16 bit, mono, 16 kHz, behind a header of 44 bytes.
pub fn wav(bytes: &[u8]) -> Vec<f32> {
    bytes[44..].chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect()
}

/// The committed clip.
pub fn clip() -> Vec<f32> {
    wav(&model("reference/clip.wav"))
}

/// The largest difference, over the largest value: hidden states differ by orders of magnitude between channels.
pub fn relative_error(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let largest = want.iter().fold(1e-9f32, |m, v| m.max(v.abs()));
    got.iter().zip(want).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max) / largest
}

/// The text tower ready to write, and the speech tower zipped to it.
pub fn joint(gpu: &Gpu) -> (zipper::tasks::generate::Writer, zipper::tasks::zipped::Zipped) {
    let writer = zipper::tasks::generate::Writer::new(gpu, text_tower(gpu));
    let files = zipper::tasks::zipped::ZipFiles {
        config: &String::from_utf8(model("config.json")).expect("UTF-8"),
        speech_tower: &tensors("speech_tower.safetensors"),
        zip: &tensors("zip.safetensors"),
    };
    let zipped = zipper::tasks::zipped::Zipped::new(gpu, &writer, &files).expect("the model fits its config");
    (writer, zipped)
}

/// What hearing needs beside them.
pub fn ears(
    gpu: &Gpu,
    writer: &zipper::tasks::generate::Writer,
    zipped: &zipper::tasks::zipped::Zipped,
) -> zipper::tasks::transcribe::Ears {
    let encoder = fetched("models/whisper-base-encoder.safetensors");
    let files = zipper::tasks::transcribe::EarFiles {
        encoder: &zipper::weights::safetensors::Tensors::read("encoder", &encoder).expect("well formed"),
        quantizer: &tensors("quantizer.safetensors"),
        speller: &tensors("speller.safetensors"),
    };
    zipper::tasks::transcribe::Ears::new(gpu, writer, zipped, &files).expect("well formed")
}
