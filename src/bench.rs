//! What the benches measure, natively and in the browser: the adapter's own reading speed, and the text tower in plain
//! burn operations. (Our own tower is measured through the public API, as a user would meet it.)

use crate::clock::now_ms;
use crate::error::Result;
use crate::gpu::{Gpu, PlanBuilder, storage_zeroed};
use crate::kernels::stream_read::{INVOCATIONS, stream_read};
use crate::towers::plain::{PlainCache, PlainTower};
use serde::Serialize;

/// How fast memory was read.
#[derive(Clone, Debug, Serialize)]
pub struct Roofline {
    /// Bytes read each time.
    pub bytes: u64,
    /// Bytes a second, the best of all times.
    pub bytes_per_second: f64,
    /// Milliseconds of each time.
    pub ms: Vec<f64>,
}

/// Reads about `megabytes` of device memory `times` times.
///
/// # Errors
/// What the device reports.
pub async fn roofline(gpu: &Gpu, megabytes: usize, times: usize) -> Result<Roofline> {
    let unit = INVOCATIONS * 16;
    let words = ((megabytes << 18) / unit).max(1) * unit;
    let buffer = storage_zeroed(gpu, "roofline", words);
    let sums = storage_zeroed(gpu, "roofline sums", INVOCATIONS);
    let plan = gpu
        .guarded("roofline", || {
            let mut plan = PlanBuilder::new(gpu);
            stream_read(&mut plan, &buffer, &sums);
            plan.finish()
        })
        .await?;
    let mut ms = Vec::new();
    for round in 0..=times {
        let started = now_ms();
        plan.submit(gpu);
        gpu.read::<u32>(&sums, 0, 1).await?;
        // The first time compiles.
        if round > 0 {
            ms.push(now_ms() - started);
        }
    }
    let best = ms.iter().copied().fold(f64::INFINITY, f64::min);
    let bytes = 4 * words as u64;
    Ok(Roofline { bytes, bytes_per_second: bytes as f64 / best * 1e3, ms })
}

/// What the plain tower did.
#[derive(Clone, Debug, Serialize)]
pub struct PlainRun {
    /// Greedy tokens.
    pub token_ids: Vec<u32>,
    /// Milliseconds until the first.
    pub prefill_ms: f64,
    /// Milliseconds of each further one.
    pub step_ms: Vec<f64>,
}

/// Continues `prompt` greedily by `tokens` tokens in plain burn operations, with a KV cache, argmax on the device and one
/// readback a token.
///
/// # Errors
/// [`crate::Error::Format`] if the tower lacks a tensor.
pub async fn plain(tower: &PlainTower, prompt: &[u32], tokens: usize) -> Result<PlainRun> {
    let mut cache = PlainCache::default();
    let mut run = PlainRun { token_ids: Vec::new(), prefill_ms: 0.0, step_ms: Vec::new() };
    let mut input = prompt.to_vec();
    for index in 0..tokens {
        let started = now_ms();
        let best = tower.forward(&input, 1, &mut cache)?.argmax(1);
        let data = best
            .into_data_async()
            .await
            .map_err(|e| crate::Error::Gpu { stage: "plain burn".into(), message: format!("{e:?}") })?;
        let id = data.iter::<i64>().next().unwrap_or_default() as u32;
        let ms = now_ms() - started;
        if index == 0 {
            run.prefill_ms = ms
        } else {
            run.step_ms.push(ms)
        }
        run.token_ids.push(id);
        input = vec![id];
    }
    Ok(run)
}
