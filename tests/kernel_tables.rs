//! Embedding, depthwise convolution, resampling over time, spectra, overlapping windows and guidance against plain burn; the roofline's reading against the host.

mod common;

use burn::tensor::{Int, Tensor, TensorData};
use common::{SETS, assert_close, noise, open, run, tensor, values};
use zipper::gpu::{storage_from, storage_zeroed};
use zipper::kernels::contrast::{self, contrast};
use zipper::kernels::depthwise::{self, Depthwise};
use zipper::kernels::embed::{self, embed};
use zipper::kernels::matmul::{GpuMatrix, Rows};
use zipper::kernels::overlap_add::{self, overlap_add};
use zipper::kernels::spectrum::{self, SpectrumShape, spectrum};
use zipper::kernels::stream_read::{self, stream_read};
use zipper::kernels::stretch::{self, stretch};
use zipper::weights::quant::{Format, Matrix};

#[test]
fn embedding_rows_are_unpacked() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (vocabulary, width, ids) in
            [(3, 32, vec![2u32]), (50, 96, vec![0, 49, 7]), (129, 576, vec![128, 128, 0, 64, 5])]
        {
            let table = noise(vocabulary * width, 1);
            for format in Format::ALL {
                let matrix = Matrix::quantize(format, vocabulary, width, &table);
                let on_gpu = GpuMatrix::upload(&gpu, "table", &matrix);
                // One id before those that are asked for.
                let all = storage_from(&gpu, "ids", &[&[1u32], &ids[..]].concat());
                let out = storage_zeroed(&gpu, "out", ids.len() * width);
                let got = run(&gpu, &out, ids.len() * width, |plan| {
                    embed(plan, &on_gpu, &all, 1, Rows::dense(&out, width), ids.len());
                });
                let wanted: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
                let wanted: Tensor<1, Int> = Tensor::from_data(TensorData::new(wanted, [ids.len()]), &device);
                let want = embed::reference::embed(tensor(&matrix.dequantize(), [vocabulary, width], &device), wanted);
                assert_close(&format!("{set:?} {format:?} {vocabulary} x {width}"), &got, &values(want), 1e-6);
            }
        }
    }
}

#[test]
fn an_id_beyond_the_table_gives_zeros() {
    let gpu = open(SETS[0]);
    let table = GpuMatrix::upload(&gpu, "table", &Matrix::quantize(Format::F32, 2, 32, &[1.0; 64]));
    let (ids, out) = (storage_from(&gpu, "ids", &[2u32, 1]), storage_from(&gpu, "out", &[9.0f32; 64]));
    let got = run(&gpu, &out, 64, |plan| embed(plan, &table, &ids, 0, Rows::dense(&out, 32), 2));
    assert_eq!(got, [[0.0; 32], [1.0; 32]].concat());
}

#[test]
fn depthwise_convolution_equals_burn() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (count, width, taps, dilation) in
            [(1, 4, 7, 1), (2, 384, 7, 1), (17, 36, 3, 2), (63, 68, 5, 3), (9, 256, 1, 1)]
        {
            let (x, weight, bias) = (noise(count * width, 1), noise(width * taps, 2), noise(width, 3));
            let kernel = Depthwise::new(&gpu, &weight, &bias, dilation);
            let x_buffer = storage_from(&gpu, "x", &x);
            let out = storage_zeroed(&gpu, "out", count * width);
            let got = run(&gpu, &out, count * width, |plan| kernel.record(plan, &x_buffer, &out, count));
            let want = depthwise::reference::depthwise(
                tensor(&x, [count, width], &device),
                tensor(&weight, [width, taps], &device),
                tensor(&bias, [width], &device),
                dilation,
            );
            assert_close(&format!("{set:?} {count} x {width}, {taps} taps"), &got, &values(want), 1e-5);
        }
    }
}

#[test]
fn the_roofline_reads_every_word_once() {
    for set in SETS {
        let gpu = open(set);
        for share in [16, 48] {
            let words: Vec<u32> =
                (0..stream_read::INVOCATIONS * share).map(|i| (i as u32).wrapping_mul(2_654_435_761)).collect();
            let buffer = storage_from(&gpu, "words", &words);
            let sums = storage_zeroed(&gpu, "sums", stream_read::INVOCATIONS);
            run(&gpu, &sums, 1, |plan| stream_read(plan, &buffer, &sums));
            let sums = pollster::block_on(gpu.read::<u32>(&sums, 0, stream_read::INVOCATIONS)).expect("readback");
            let want = stream_read::reference::total(&words);
            assert_eq!(stream_read::reference::total(&sums), want, "{set:?}, {share} words each");
        }
    }
}

#[test]
fn resampling_equals_burn() {
    for set in SETS {
        let gpu = open(set);
        let device = gpu.burn().expect("burn shares the device");
        for (count, rows, width, step) in
            [(1, 4, 4, 0.3125), (2, 7, 36, 0.3125), (30, 96, 256, 0.3125), (17, 5, 68, 3.4)]
        {
            let x = noise(count * width, 4);
            let (from, out) = (storage_from(&gpu, "x", &x), storage_zeroed(&gpu, "out", rows * width));
            let got = run(&gpu, &out, rows * width, |plan| stretch(plan, &from, count, &out, rows, width, step));
            let want = stretch::reference::stretch(tensor(&x, [count, width], &device), rows, step);
            assert_close(&format!("{set:?} {count} to {rows} x {width}"), &got, &values(want), 1e-5);
        }
    }
}

#[test]
fn spectra_equal_burn() {
    let gpu = open(SETS[0]);
    let device = gpu.burn().expect("burn shares the device");
    for (bins, count, stride, first, frame, seed) in [
        (1, 1, 2, 0, 0, 0),
        (5, 3, 12, 1, 7, 1),
        (64, 2, 128, 0, 3, 9),
        (601, 4, 1216, 2, 40, 7),
        (65, 70, 136, 0, 1000, 3),
    ] {
        // Far apart, so that the bounds are met: logarithms over 7, turns over 1, phases over 2 pi.
        let parts: Vec<f32> = noise((first + count) * 5 * bins, 1).iter().map(|v| v * 8.0).collect();
        let source = noise(count * stride, 2);
        let buffers = [storage_from(&gpu, "parts", &parts), storage_from(&gpu, "source", &source)];
        let out = storage_zeroed(&gpu, "out", count * stride);
        let got = run(&gpu, &out, count * stride, |plan| {
            let shape = SpectrumShape { bins, count, stride, first, frame, seed };
            spectrum(plan, &buffers[0], &buffers[1], &out, shape);
        });
        let halves = |rows: &[f32]| -> [Tensor<2>; 2] {
            [0, bins].map(|from| {
                let half: Vec<f32> = rows.chunks(stride).flat_map(|row| row[from..from + bins].to_vec()).collect();
                tensor(&half, [count, bins], &device)
            })
        };
        let mut hiss = vec![0.0; count * stride];
        for t in 0..count {
            for bin in 0..bins {
                let z = zipper::vocoder::synthesis::noise(seed, (frame + t) as u32, bin as u32);
                (hiss[t * stride + bin], hiss[t * stride + bins + bin]) = (z.re, z.im);
            }
        }
        let used = tensor(&parts[first * 5 * bins..], [count, 5, bins], &device);
        let [real, imaginary] = spectrum::reference::spectrum(used, halves(&source), halves(&hiss)).map(values);
        for t in 0..count {
            let what = format!("{bins} bins, frame {t} of {count}");
            let row = &got[t * stride..];
            // Up to e^7 a term.
            assert_close(&what, &row[..bins], &real[t * bins..(t + 1) * bins], 5e-3);
            let mut want = imaginary[t * bins..(t + 1) * bins].to_vec();
            (want[0], want[bins - 1]) = (0.0, 0.0);
            assert_close(&what, &row[bins..2 * bins], &want, 5e-3);
        }
    }
}

#[test]
fn overlapping_windows_equal_burn() {
    let gpu = open(SETS[0]);
    let device = gpu.burn().expect("burn shares the device");
    for (size, hop, count) in [(1, 1, 1), (4, 1, 7), (12, 3, 5), (7, 3, 9), (5, 5, 3), (1200, 300, 21)] {
        let windows = noise(size * count, 1);
        let (buffer, samples) = (storage_from(&gpu, "windows", &windows), (count - 1) * hop + size);
        let out = storage_zeroed(&gpu, "out", samples);
        let got = run(&gpu, &out, samples, |plan| overlap_add(plan, &buffer, &out, size, hop, count));
        let want = values(overlap_add::reference::overlap_add(tensor(&windows, [count, size], &device), hop));
        assert_close(&format!("{count} windows of {size}, {hop} apart"), &got, &want, 1e-6);
    }
}

#[test]
fn guidance_equals_burn() {
    let gpu = open(SETS[0]);
    let device = gpu.burn().expect("burn shares the device");
    for (vocabulary, weight, depth) in
        [(1, 1.0, 6.0), (7, 0.5, 1.0), (256, 2.0, 0.3), (257, 0.0, 6.0), (3136, 0.7, 6.0)]
    {
        let (free, own): (Vec<f32>, Vec<f32>) = (
            noise(vocabulary, 1).iter().map(|v| 9.0 * v).collect(),
            noise(vocabulary, 2).iter().map(|v| 9.0 * v).collect(),
        );
        let (free_buffer, own_buffer) = (storage_from(&gpu, "free", &free), storage_from(&gpu, "own", &own));
        let got = run(&gpu, &own_buffer, vocabulary, |plan| {
            contrast(plan, &free_buffer, &own_buffer, vocabulary, weight, depth);
        });
        let on_device = |values: &[f32]| tensor(values, [vocabulary], &device);
        let want = values(contrast::reference::contrast(on_device(&free), on_device(&own), weight, depth));
        assert_close(&format!("{vocabulary} logits, weight {weight}, depth {depth}"), &got, &want, 1e-5);
        let lifted = got.iter().zip(&own).filter(|(g, o)| **g > **o - 50.0).count();
        assert!(lifted >= 1 && (vocabulary == 1 || lifted < vocabulary), "{lifted} of {vocabulary} are plausible");
    }
}

#[test]
fn a_logit_that_is_no_number_stays_none() {
    let gpu = open(SETS[0]);
    let (free, own) = (storage_from(&gpu, "free", &[0.0f32; 3]), storage_from(&gpu, "own", &[1.0, f32::NAN, 0.5]));
    let got = run(&gpu, &own, 3, |plan| contrast(plan, &free, &own, 3, 1.0, 6.0));
    assert!(got[1].is_nan(), "{got:?}");
}
