//! Rotary positions, cache append and attention against plain burn: grouped heads, caches half full, causal and full.

mod common;

use common::{SETS, assert_close, noise, open, run, tensor, values};
use zipper::gpu::{storage_from, storage_zeroed};
use zipper::kernels::attention::{self, AttentionShape, Mask, attention};
use zipper::kernels::attention_weights::{self, WeightsShape, attention_weights};
use zipper::kernels::matmul::Rows;
use zipper::kernels::rope::{self, RopeShape, rope_append};

const TOLERANCE: f32 = 2e-5;

/// (rows, positions before them, heads, kv heads, capacity)
const SHAPES: [(usize, usize, usize, usize, usize); 8] = [
    (1, 0, 9, 3, 8),
    (1, 63, 9, 3, 64),
    (1, 64, 3, 1, 130),
    (2, 15, 2, 2, 32),
    (3, 129, 5, 5, 200),
    (7, 0, 9, 3, 7),
    (65, 3, 4, 2, 96),
    (1, 300, 1, 1, 301),
];

#[test]
fn attention_equals_burn() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (count, before, heads, kv_heads, capacity) in SHAPES {
            let stride = (heads + 2 * kv_heads) * 64;
            let q = noise(count * stride, 1);
            let (keys, cached) = (noise(kv_heads * capacity * 64, 2), noise(kv_heads * capacity * 64, 3));
            let state = storage_from(&gpu, "state", &[before as u32, 0, 0, 0]);
            let (k, v) = (storage_from(&gpu, "k", &keys), storage_from(&gpu, "v", &cached));
            let q_buffer = storage_from(&gpu, "q", &q);
            for mask in [Mask::Causal, Mask::Full(before + count), Mask::Full(1)] {
                let out = storage_zeroed(&gpu, "out", count * heads * 64);
                let got = run(&gpu, &out, count * heads * 64, |plan| {
                    let shape = AttentionShape { heads, kv_heads, capacity, count, mask };
                    let q = Rows { buffer: &q_buffer, offset: 0, stride };
                    attention(plan, q, &k, &v, &state, Rows::dense(&out, heads * 64), shape);
                });
                let seen = |t: usize| if let Mask::Full(n) = mask { n } else { before + t + 1 };
                let hidden: Vec<f32> =
                    (0..count).flat_map(|t| (0..capacity).map(move |j| if j < seen(t) { 0.0 } else { -1e9 })).collect();
                let q: Vec<f32> = q.chunks(stride).flat_map(|row| row[..heads * 64].to_vec()).collect();
                let want = attention::reference::attention(
                    tensor(&q, [count, heads, 64], &device),
                    tensor(&keys, [kv_heads, capacity, 64], &device),
                    tensor(&cached, [kv_heads, capacity, 64], &device),
                    tensor(&hidden, [count, capacity], &device),
                );
                assert_close(&format!("{set:?} {count} rows after {before}, {mask:?}"), &got, &values(want), TOLERANCE);
            }
        }
    }
}

#[test]
fn rope_turns_queries_and_fills_the_caches() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (count, before, heads, kv_heads, capacity) in SHAPES {
            for interleaved in [true, false] {
                let stride = (heads + 2 * kv_heads) * 64;
                let qkv = noise(count * stride, 1);
                let table = rope::table(10_000.0, capacity);
                let state = storage_from(&gpu, "state", &[before as u32, 0, 0, 0]);
                let buffer = storage_from(&gpu, "qkv", &qkv);
                let angles = storage_from(&gpu, "angles", &table);
                let words = kv_heads * capacity * 64;
                let (k, v) = (storage_zeroed(&gpu, "k", words), storage_zeroed(&gpu, "v", words));
                let after = run(&gpu, &buffer, count * stride, |plan| {
                    let shape = RopeShape { heads, kv_heads, capacity, count, interleaved };
                    rope_append(plan, Rows::dense(&buffer, stride), &angles, &k, &v, &state, shape);
                });
                let read = |b| pollster::block_on(gpu.read::<f32>(b, 0, words)).expect("readback");
                let (keys, cached) = (read(&k), read(&v));
                let part = |i: usize| -> Vec<f32> {
                    table[before * 64..(before + count) * 64].chunks(2).map(|pair| pair[i]).collect()
                };
                let all: Vec<f32> = qkv.chunks(stride).flat_map(|r| r[..(heads + kv_heads) * 64].to_vec()).collect();
                let turned = values(rope::reference::rotate(
                    tensor(&all, [count, heads + kv_heads, 64], &device),
                    tensor(&part(0), [count, 32], &device),
                    tensor(&part(1), [count, 32], &device),
                    interleaved,
                ));
                let what = format!("{set:?} {count} rows after {before}, interleaved {interleaved}");
                for t in 0..count {
                    let want = &turned[t * (heads + kv_heads) * 64..][..(heads + kv_heads) * 64];
                    let q = &after[t * stride..][..heads * 64];
                    assert_close(&format!("{what}: q of row {t}"), q, &want[..heads * 64], TOLERANCE);
                    for head in 0..kv_heads {
                        let at = (head * capacity + before + t) * 64;
                        let k = &want[(heads + head) * 64..][..64];
                        assert_close(&format!("{what}: k of row {t}"), &keys[at..at + 64], k, TOLERANCE);
                        let v = &qkv[t * stride + (heads + kv_heads + head) * 64..][..64];
                        assert_close(&format!("{what}: v of row {t}"), &cached[at..at + 64], v, 0.0);
                    }
                }
            }
        }
    }
}

#[test]
fn rows_beyond_the_capacity_write_nothing() {
    let gpu = open(SETS[0]);
    let state = storage_from(&gpu, "state", &[4u32, 0, 0, 0]);
    let qkv = storage_from(&gpu, "qkv", &noise(2 * 192, 1));
    let angles = storage_from(&gpu, "angles", &rope::table(10_000.0, 5));
    let (k, v) = (storage_zeroed(&gpu, "k", 5 * 64), storage_zeroed(&gpu, "v", 6 * 64));
    let after = run(&gpu, &v, 6 * 64, |plan| {
        let shape = RopeShape { heads: 1, kv_heads: 1, capacity: 5, count: 2, interleaved: true };
        rope_append(plan, Rows::dense(&qkv, 192), &angles, &k, &v, &state, shape);
    });
    assert!(after[4 * 64..5 * 64].iter().all(|v| *v != 0.0), "row 0 stands at position 4");
    assert!(after[5 * 64..].iter().all(|v| *v == 0.0), "row 1 has no place");
}

/// (heads, capacity, held, rows kept, position)
const WATCHED: [(usize, usize, usize, usize, usize); 6] = [
    (1, 1, 1, 1, 0),
    (6, 8, 5, 1, 9),
    (6, 200, 64, 3, 1),
    (5, 130, 129, 4, 7),
    (2, 768, 768, 2, 4),
    (6, 70, 65, 70, 69),
];

#[test]
fn attention_weights_equal_burn() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (heads, capacity, held, rows, position) in WATCHED {
            // A few channels before the queries.
            let (q, keys) = (noise(8 + heads * 64, 1), noise(heads * capacity * 64, 2));
            let (q_buffer, k) = (storage_from(&gpu, "q", &q), storage_from(&gpu, "k", &keys));
            let state = storage_from(&gpu, "state", &[position as u32, 0, 0, 0]);
            let scratch = storage_zeroed(&gpu, "scores", heads * held);
            let out = storage_from(&gpu, "out", &vec![7.0f32; rows * held]);
            let got = run(&gpu, &out, rows * held, |plan| {
                let shape = WeightsShape { heads, capacity, held, rows };
                let q = Rows { buffer: &q_buffer, offset: 8, stride: heads * 64 };
                attention_weights(plan, q, &k, &state, &scratch, &out, shape);
            });
            let seen: Vec<f32> = keys.chunks(capacity * 64).flat_map(|head| head[..held * 64].to_vec()).collect();
            let want = values(attention_weights::reference::attention_weights(
                tensor(&q[8..], [heads, 64], &device),
                tensor(&seen, [heads, held, 64], &device),
            ));
            assert!((want.iter().sum::<f32>() - 1.0).abs() < 1e-4, "weights sum to 1");
            for (row, got) in got.chunks(held).enumerate() {
                let what = format!("{set:?} {heads} heads, {held} of {capacity}, row {row} of {rows}");
                if row == position % rows {
                    assert_close(&what, got, &want, 1e-6);
                } else {
                    assert!(got.iter().all(|w| *w == 7.0), "{what} is untouched");
                }
            }
        }
    }
}
