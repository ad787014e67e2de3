//! Speaking against the recorded tensors of `models/zipper-en/reference/speak.safetensors`, as far as speech tokens.

mod common;

use common::{joint, open, relative_error};
use std::cell::Cell;
use zipper::gpu::{Gpu, KernelSet};
use zipper::kernels::sample::Controls;
use zipper::weights::safetensors::Tensors;

fn ids(reference: &Tensors, name: &str) -> Vec<u32> {
    reference.get(name).expect("recorded").integers().expect("i32").iter().map(|id| *id as u32).collect()
}

fn check(kernels: KernelSet) {
    let gpu: Gpu = open(kernels);
    let (mut writer, mut zipped) = joint(&gpu);
    let reference = common::tensors("reference/speak.safetensors");
    let text_ids = ids(&reference, "text_ids");
    let sentence = "The kettle is on.";
    assert_eq!(zipped.spell(sentence), text_ids, "a token a byte, between marks");
    pollster::block_on(zipped.read_aloud(&mut writer, &text_ids)).expect("reads");
    let (_, memories) = zipped.parts();
    let memory = &memories.links[6];
    for (name, buffer) in [("link6.k", &memory.keys), ("link6.v", &memory.values)] {
        let all = pollster::block_on(gpu.read::<f32>(buffer, 0, 6 * memory.capacity * 64)).expect("readback");
        let rows = text_ids.len() * 64;
        let held: Vec<f32> = all.chunks(memory.capacity * 64).flat_map(|head| head[..rows].to_vec()).collect();
        let error = relative_error(&held, &reference.get(name).expect("recorded").floats().expect("floats"));
        println!("{kernels:?} {name}: {error:.2e}");
        assert!(error <= 1e-4, "{kernels:?} {name} is off by {error:.2e} of its largest value");
    }
    // The recorded run was greedy with both marks masked: as many tokens before the end mark as were recorded.
    let want = ids(&reference, "speech_ids");
    let before_end = sentence.len().min(want.len() - 1);
    // That many are enough: asked once a token, the closure then stops the rest.
    let asked = Cell::new(0);
    let enough = || asked.replace(asked.get() + 1) > before_end;
    let spoken = pollster::block_on(zipped.speak_tokens(&mut writer, sentence, &Controls::default(), &enough));
    let spoken = spoken.expect("speaks").ids;
    assert_eq!(spoken[..before_end], want[1..=before_end], "{kernels:?}: speech tokens while the end mark is barred");
    assert!(spoken.iter().all(|id| *id < 3125), "{kernels:?}: codes only");
}

#[test]
fn plain() {
    check(KernelSet::Plain);
}

#[test]
fn tiled() {
    check(KernelSet::Tiled);
}
