//! Drawing tokens on the device against the host: exact ids for many seeds, and the distribution as a whole.

mod common;

use common::{SETS, noise, open};
use std::collections::HashMap;
use zipper::gpu::{Gpu, PlanBuilder, storage_from, storage_zeroed};
use zipper::kernels::sample::{CONTROL_WORDS, Controls, NONE, Sampler, reference};

/// Draws `count` tokens in a row from the same logits; returns them and the state afterwards.
fn draw(gpu: &Gpu, logits: &[f32], controls: &Controls, count: usize, advance: usize) -> (Vec<u32>, Vec<u32>) {
    let sampler = Sampler::new(gpu, logits.len());
    let buffer = storage_from(gpu, "logits", logits);
    let state = storage_from(gpu, "state", &[5u32, 0, 0, 0]);
    let drawn = storage_zeroed(gpu, "drawn", count);
    let words = storage_zeroed(gpu, "controls", CONTROL_WORDS);
    controls.write(gpu, &words);
    pollster::block_on(async {
        gpu.guarded("sampling", || {
            let mut plan = PlanBuilder::new(gpu);
            sampler.record(&mut plan, controls.greedy(), &buffer, &state, &drawn, &words, advance);
            let plan = plan.finish();
            (0..count).for_each(|_| plan.submit(gpu));
        })
        .await
        .expect("runs");
        let tokens = gpu.read(&drawn, 0, count).await.expect("readback");
        (tokens, gpu.read(&state, 0, 4).await.expect("readback"))
    })
}

fn logits(n: usize, seed: u32) -> Vec<f32> {
    noise(n, seed).into_iter().map(|v| v * 8.0).collect()
}

#[test]
fn greedy_takes_the_first_of_the_largest() {
    for set in SETS {
        let gpu = open(set);
        for (n, seed) in [(1, 1), (5, 2), (255, 3), (257, 4), (3136, 5), (49_152, 6)] {
            let mut values = logits(n, seed);
            let best = (0..n).max_by(|a, b| values[*a].total_cmp(&values[*b]).then(b.cmp(a))).expect("some");
            let twin = (best * 7 + 3) % n;
            values[twin] = values[best];
            let controls = Controls { end_token: Some(best.min(twin) as u32), ..Controls::default() };
            let (tokens, state) = draw(&gpu, &values, &controls, 2, 3);
            let want = best.min(twin) as u32;
            assert_eq!(tokens, [want, want], "{set:?} {n}");
            assert_eq!(state, [5 + 2 * 3, want, 1, 2], "{set:?} {n}: position, token, done, drawn");
        }
    }
}

#[test]
fn sampling_equals_the_host_for_every_seed() {
    for set in SETS {
        let gpu = open(set);
        for (n, top_k, top_p, temperature) in [
            (3, 2, 1.0, 1.0),
            (300, 40, 0.95, 0.8),
            (3136, 128, 1.0, 1.5),
            (49_152, 50, 0.9, 0.7),
            (1000, 1000, 0.3, 2.0),
        ] {
            let values = logits(n, top_k);
            for seed in [0u64, 1, 0xDEAD_BEEF_0000_0007] {
                let controls = Controls { temperature, top_k, top_p, seed, ..Controls::default() };
                let (tokens, _) = draw(&gpu, &values, &controls, 12, 1);
                let want: Vec<u32> = (0..12).map(|i| reference::draw(&values, &controls, i)).collect();
                assert_eq!(tokens, want, "{set:?} n {n} k {top_k} p {top_p} seed {seed}");
                assert_eq!(tokens, draw(&gpu, &values, &controls, 12, 1).0, "the same seed again");
            }
        }
    }
}

#[test]
fn the_distribution_is_the_softmax() {
    let gpu = open(SETS[0]);
    let values = [2.0, 1.0, 0.0, -1.0, 1.5];
    let controls = Controls { temperature: 1.0, top_k: 4, top_p: 1.0, seed: 9, ..Controls::default() };
    let draws = 4000;
    let (tokens, _) = draw(&gpu, &values, &controls, draws, 0);
    let mut counts: HashMap<u32, f64> = HashMap::new();
    tokens.iter().for_each(|t| *counts.entry(*t).or_default() += 1.0);
    for (id, probability) in reference::distribution(&values, &controls, 0) {
        let share = counts.remove(&id).unwrap_or(0.0) / draws as f64;
        // Four standard deviations.
        let slack = 4.0 * (probability * (1.0 - probability) / draws as f64).sqrt();
        assert!((share - probability).abs() < slack, "id {id}: {share} of the draws, probability {probability}");
    }
    assert!(counts.is_empty(), "drawn outside of the four likeliest: {counts:?}");
}

#[test]
fn what_is_forbidden_is_never_drawn() {
    for set in SETS {
        let gpu = open(set);
        let values = [1.0, 5.0, 2.0, 9.0, 8.0];
        let base = Controls { end_token: Some(1), limit: Some(3), min_tokens: 2, ..Controls::default() };
        let (tokens, state) = draw(&gpu, &values, &base, 3, 1);
        assert_eq!(tokens, [2, 2, 1], "{set:?}: ids from 3 on are out, the end token waits for two others");
        assert_eq!(state[2], 1);
        let (tokens, _) =
            draw(&gpu, &values, &Controls { banned: Some(1), limit: Some(3), ..Controls::default() }, 1, 1);
        assert_eq!(tokens, [2], "{set:?}");
    }
}

#[test]
fn what_is_no_number_draws_no_token() {
    let sampled = Controls { temperature: 0.8, top_k: 20, seed: 3, ..Controls::default() };
    for set in SETS {
        let gpu = open(set);
        for controls in [Controls::default(), sampled.clone()] {
            for bad in [f32::NAN, f32::NEG_INFINITY] {
                let (tokens, state) = draw(&gpu, &[bad; 300], &controls, 2, 1);
                assert_eq!(tokens, [NONE, NONE], "{set:?} {bad} at temperature {}", controls.temperature);
                assert_eq!(state[3], 2, "they count as draws");
            }
            // Nothing may be drawn at all.
            let forbidden = Controls { banned: Some(0), limit: Some(1), ..controls.clone() };
            assert_eq!(draw(&gpu, &logits(300, 1), &forbidden, 1, 1).0, [NONE], "{set:?}");
        }
    }
}

#[test]
fn one_logit_that_is_no_number_draws_no_token() {
    let sampled = Controls { temperature: 0.8, top_k: 20, seed: 3, ..Controls::default() };
    for set in SETS {
        let gpu = open(set);
        for controls in [sampled.clone(), Controls::default()] {
            let name = format!("{set:?} at temperature {}", controls.temperature);
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY] {
                for place in [0, 37, 299] {
                    let mut values = logits(300, 1);
                    values[place] = bad;
                    assert_eq!(draw(&gpu, &values, &controls, 1, 1).0, [NONE], "{name}: {bad} at {place}");
                }
                // Where it may not be drawn anyway, it does no harm.
                let mut values = logits(300, 1);
                values[7] = bad;
                let banned = Controls { banned: Some(7), ..controls.clone() };
                let (tokens, _) = draw(&gpu, &values, &banned, 1, 1);
                assert!(tokens[0] < 300 && tokens[0] != 7, "{name}: {bad}, banned, drew {tokens:?}");
            }
            // Below all others is a number's place.
            let mut values = [f32::NEG_INFINITY; 300];
            values[37] = -2.0;
            assert_eq!(draw(&gpu, &values, &controls, 3, 1).0, [37; 3], "{name}");
        }
    }
}

#[test]
fn a_temperature_near_nothing_takes_the_likeliest() {
    let gpu = open(SETS[0]);
    let values = logits(300, 2);
    let greedy = draw(&gpu, &values, &Controls::default(), 1, 1).0;
    let cold = Controls { temperature: 1e-9, top_k: 20, seed: 5, ..Controls::default() };
    assert_eq!(draw(&gpu, &values, &cold, 1, 1).0, greedy);
}
