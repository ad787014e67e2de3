//! The text tower against PyTorch on the same dequantized weights (recipe: `train/zipper_train/text_reference.py`).

mod common;

use common::{open, text_tower};
use zipper::decode::{Options, Runner, Sequence, decode};
use zipper::gpu::{Gpu, KernelSet, PlanBuilder, storage_from, storage_zeroed};
use zipper::kernels::sample::{Controls, Sampler};
use zipper::towers::text::TextTower;
use zipper::towers::{Rows, Workspace};
use zipper::weights::safetensors::Tensors;

/// Largest difference of a logit from PyTorch's.
const TOLERANCE: f32 = 2e-2;
const PROMPTS: usize = 10;
/// The tiled kernels are slow on a software adapter, where these tests usually run: fewer prompts do.
const PROMPTS_TILED: usize = 2;

fn reference() -> Tensors {
    let bytes = include_bytes!("reference/text_tower.safetensors");
    Tensors::read("text_tower.safetensors", bytes).expect("recorded")
}

fn ids(reference: &Tensors, name: &str) -> Vec<u32> {
    reference.get(name).expect("recorded").integers().expect("i32").into_iter().map(|id| id as u32).collect()
}

/// Logits of every row of `tokens`, `[rows, vocabulary]`.
fn all_logits(gpu: &Gpu, text: &TextTower, work: &Workspace, sequence: &mut Sequence, tokens: &[u32]) -> Vec<f32> {
    let vocabulary = text.tower.config.vocabulary;
    let (count, buffer) = (tokens.len(), storage_from(gpu, "ids", tokens));
    let out = storage_zeroed(gpu, "logits", count * vocabulary);
    sequence.restart_at(gpu, 0);
    pollster::block_on(async {
        gpu.guarded("logits", || {
            let mut plan = PlanBuilder::new(gpu);
            text.tower.record(&mut plan, work, sequence, (&buffer, 0), count, &mut |_, _| {});
            text.tower.record_logits(&mut plan, work, 0, count, Rows::dense(&out, vocabulary));
            plan.finish().submit(gpu);
        })
        .await
        .expect("runs");
        gpu.read(&out, 0, count * vocabulary).await.expect("readback")
    })
}

fn check(kernels: KernelSet, prompts: usize) {
    let gpu = open(kernels);
    let text = text_tower(&gpu);
    let work = text.tower.workspace(&gpu, 128);
    let sampler = Sampler::new(&gpu, text.tower.config.vocabulary);
    let runner = Runner { gpu: &gpu, tower: &text.tower, work: &work, sampler: &sampler, guide: None };
    let mut sequence = text.tower.sequence(&gpu);
    let reference = reference();
    let scattered = ids(&reference, "scattered_ids");
    let vocabulary = text.tower.config.vocabulary;
    let mut largest = 0.0f32;
    for number in 0..prompts {
        let prompt = ids(&reference, &format!("{number}.prompt_ids"));
        let greedy = ids(&reference, &format!("{number}.greedy_ids"));
        let steps = greedy.len();

        let tokens = [&prompt[..], &greedy[..steps - 1]].concat();
        let logits = all_logits(&gpu, &text, &work, &mut sequence, &tokens);
        let floats = |name: &str, n: usize| reference.floats(&format!("{number}.{name}"), steps * n).expect("recorded");
        let (top, some, sums) = (floats("top_logits", 16), floats("scattered_logits", 48), floats("log_sum_exp", 1));
        let top_ids = ids(&reference, &format!("{number}.top_ids"));
        for step in 0..steps {
            let row = &logits[(prompt.len() - 1 + step) * vocabulary..][..vocabulary];
            let listed = top_ids[step * 16..][..16].iter().zip(&top[step * 16..]);
            for (id, want) in listed.chain(scattered.iter().zip(&some[step * 48..])) {
                let difference = (row[*id as usize] - want).abs();
                largest = largest.max(difference);
                assert!(
                    difference <= TOLERANCE,
                    "{kernels:?} prompt {number}, step {step}, id {id}: off by {difference}"
                );
            }
            let highest = row.iter().copied().fold(f32::MIN, f32::max);
            let sum = highest + row.iter().map(|l| (l - highest).exp()).sum::<f32>().ln();
            assert!(
                (sum - sums[step]).abs() <= TOLERANCE,
                "{kernels:?} prompt {number}, step {step}: log-sum-exp {sum}"
            );
        }

        // The same through the decode loop: steps in flight, tokens chosen on the device.
        let options = Options { max_tokens: steps, controls: Controls::default(), in_flight: 3 };
        let mut seen = Vec::new();
        let generation = pollster::block_on(decode(
            &runner,
            &mut sequence,
            &prompt,
            &options,
            &mut |_, _| {},
            &|| false,
            &mut async |token: zipper::decode::Token| {
                seen.push(token.id);
                Ok(())
            },
        ))
        .expect("decodes");
        assert_eq!(generation.ids, greedy, "{kernels:?} prompt {number}");
        assert_eq!(seen, greedy);
        println!(
            "{kernels:?}: prompt of {} in {:.0} ms, {steps} steps in {:.0} ms",
            prompt.len(),
            generation.prefill_ms,
            generation.decode_ms
        );
    }
    println!("{kernels:?}: largest difference of a logit {largest:.2e}");
}

#[test]
fn plain() {
    check(KernelSet::Plain, PROMPTS);
}

#[test]
fn tiled() {
    check(KernelSet::Tiled, PROMPTS_TILED);
}
