//! Decoding: sequences apart, seeds, stop rules, limits, memory; and the plain burn tower beside ours.

mod common;

use common::{GGUF, fetched, open, text_tower};
use std::cell::Cell;
use zipper::decode::{Generation, Options, Runner, Sequence, Stop, decode};
use zipper::error::Error;
use zipper::gpu::KernelSet;
use zipper::kernels::sample::{Controls, Sampler};
use zipper::towers::plain::{PlainCache, PlainLoader};

fn options(max_tokens: usize, in_flight: usize) -> Options {
    Options { max_tokens, controls: Controls::default(), in_flight }
}

fn run(runner: &Runner<'_>, sequence: &mut Sequence, prompt: &[u32], options: &Options) -> zipper::Result<Generation> {
    pollster::block_on(decode(runner, sequence, prompt, options, &mut |_, _| {}, &|| false, &mut async |_| Ok(())))
}

#[test]
fn the_decode_loop() {
    let gpu = open(KernelSet::Plain);
    let before = gpu.allocated_bytes();
    let text = text_tower(&gpu);
    let tower = &text.tower;
    let work = tower.workspace(&gpu, 24);
    let sampler = Sampler::new(&gpu, tower.config.vocabulary);
    let runner = Runner { gpu: &gpu, tower, work: &work, sampler: &sampler, guide: None };
    let mut first = tower.sequence(&gpu);

    // Memory: weights as they are stored, and little beside the cache.
    let weights = tower.weight_bytes();
    let used = gpu.allocated_bytes() - before - first.cache.bytes();
    assert!(used as f64 <= 1.3 * weights as f64, "{used} bytes for {weights} bytes of weights");

    let prompt = text.tokenizer.encode("The three primary colours are red,").expect("encodes");
    let other = text.tokenizer.encode("In winter the lake").expect("encodes");
    let alone = run(&runner, &mut first, &prompt, &options(12, 1)).expect("decodes");
    assert_eq!((alone.ids.len(), alone.stop), (12, Stop::Length));

    // A second sequence in between does not disturb the first; several steps in flight change nothing.
    let mut second = tower.sequence(&gpu);
    let answer = run(&runner, &mut second, &other, &options(12, 3)).expect("decodes");
    assert_ne!(answer.ids, alone.ids);
    assert_eq!(run(&runner, &mut first, &prompt, &options(12, 4)).expect("decodes").ids, alone.ids);
    assert_eq!(run(&runner, &mut second, &other, &options(12, 1)).expect("decodes").ids, answer.ids);

    // A prompt read in pieces equals one read at once: 50 tokens through a workspace of 24 rows.
    let long: Vec<u32> = prompt.iter().chain(&alone.ids).cycle().take(50).copied().collect();
    let wide_work = tower.workspace(&gpu, 64);
    let wide = Runner { work: &wide_work, ..runner };
    let pieces = run(&runner, &mut first, &long, &options(6, 2)).expect("decodes");
    assert_eq!(pieces.ids, run(&wide, &mut second, &long, &options(6, 2)).expect("decodes").ids);

    // The end token stops and is not part of the text.
    let end = alone.ids[5];
    let at = alone.ids.iter().position(|id| *id == end).expect("it is there");
    let stopping = Options { controls: Controls { end_token: Some(end), ..Controls::default() }, ..options(12, 3) };
    let stopped = run(&runner, &mut first, &prompt, &stopping).expect("decodes");
    assert_eq!((&stopped.ids[..], stopped.stop), (&alone.ids[..at], Stop::End));

    // A seed decides.
    let seeded = |seed| Options {
        controls: Controls { temperature: 1.2, top_k: 60, top_p: 1.0, seed, ..Controls::default() },
        ..options(10, 3)
    };
    let drawn = run(&runner, &mut first, &prompt, &seeded(7)).expect("decodes").ids;
    assert_eq!(drawn, run(&runner, &mut second, &prompt, &seeded(7)).expect("decodes").ids);
    assert_ne!(drawn, run(&runner, &mut first, &prompt, &seeded(8)).expect("decodes").ids);

    // Cancelled after three tokens: what is there is handed out.
    let seen = Cell::new(0);
    let cancelled = pollster::block_on(decode(
        &runner,
        &mut first,
        &prompt,
        &options(12, 2),
        &mut |_, _| {},
        &|| seen.get() == 3,
        &mut async |_| {
            seen.set(seen.get() + 1);
            Ok(())
        },
    ))
    .expect("cancels");
    assert_eq!((&cancelled.ids[..], cancelled.stop), (&alone.ids[..3], Stop::Cancelled));

    // Limits.
    let context = first.capacity();
    assert!(matches!(run(&runner, &mut first, &[], &options(1, 1)), Err(Error::PromptEmpty)));
    let found = run(&runner, &mut first, &vec![1; context], &options(1, 1));
    assert!(matches!(found, Err(Error::PromptTooLong { found, .. }) if found == context));

    // After all that, the same prompt still gives the same text.
    assert_eq!(run(&runner, &mut first, &prompt, &options(12, 3)).expect("decodes").ids, alone.ids);
}

#[test]
fn the_plain_burn_tower_says_the_same() {
    let gpu = open(KernelSet::Plain);
    let mut loader = PlainLoader::new(&gpu.burn().expect("burn shares the device"));
    fetched(GGUF).chunks(5 << 20).for_each(|piece| loader.push(piece).expect("well formed"));
    let plain = loader.finish().expect("complete");
    let prompt = [504u32, 3575, 282, 4649, 314]; // "The capital of France is"
    let run = pollster::block_on(zipper::bench::plain(&plain, &prompt, 3)).expect("runs");

    let text = text_tower(&gpu);
    assert_eq!(text.tokenizer.encode("The capital of France is").expect("encodes"), prompt);
    let work = text.tower.workspace(&gpu, 16);
    let sampler = Sampler::new(&gpu, text.tower.config.vocabulary);
    let runner = Runner { gpu: &gpu, tower: &text.tower, work: &work, sampler: &sampler, guide: None };
    let mut sequence = text.tower.sequence(&gpu);
    let ours = self::run(&runner, &mut sequence, &prompt, &options(3, 1)).expect("decodes");
    assert_eq!(run.token_ids, ours.ids);

    // And its cache: all at once equals piece by piece.
    let logits = |pieces: &[&[u32]]| {
        let mut cache = PlainCache::default();
        let last = pieces.iter().map(|p| plain.forward(p, 1, &mut cache).expect("runs")).last().expect("some");
        common::values(last)
    };
    common::assert_close("plain cache", &logits(&[&prompt[..2], &prompt[2..]]), &logits(&[&prompt]), 1e-3);
}
