//! Classifier-free guidance (Ho & Salimans 2022; for language models Sanchez et al. 2023, arXiv 2306.17806): beside the zipped tower runs the same
//! tower alone, which knows what was said so far but not the text. What the zip says more of than the tower alone is said more still. What is
//! implausible to begin with is not lifted (Li et al. 2022, arXiv 2210.15097).

use super::Sequence;
use crate::gpu::{Gpu, PlanBuilder};
use crate::kernels::contrast::contrast;
use crate::towers::{Rows, Tower, Workspace};

/// Nats below the likeliest within which a token counts as plausible.
pub const PLAUSIBLE: f32 = 6.0;

/// The tower alone.
pub struct Guide {
    sequence: Sequence,
    work: Workspace,
    weight: f32,
}

impl Guide {
    /// Beside `sequence` of `tower`, whose tokens and place it shares; `weight` 0 would change nothing.
    #[must_use]
    pub fn new(gpu: &Gpu, tower: &Tower, sequence: &Sequence, weight: f32) -> Self {
        let cache = tower.kv_cache(gpu, sequence.capacity());
        Self { sequence: sequence.twin(cache), work: tower.workspace(gpu, 1), weight }
    }

    /// Rows that it reads at once.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.work.rows
    }

    /// Records the tower alone over the same ids.
    pub(super) fn record(&self, plan: &mut PlanBuilder<'_>, tower: &Tower, ids: (&wgpu::Buffer, usize), count: usize) {
        tower.record(plan, &self.work, &self.sequence, ids, count, &mut |_, _| {});
    }

    /// Records what becomes of `logits`, those of the last of `count` rows.
    pub(super) fn record_contrast(
        &self,
        plan: &mut PlanBuilder<'_>,
        tower: &Tower,
        logits: &wgpu::Buffer,
        count: usize,
    ) {
        let vocabulary = tower.config.vocabulary;
        tower.record_logits(plan, &self.work, count - 1, 1, Rows::dense(&self.work.logits, vocabulary));
        contrast(plan, &self.work.logits, logits, vocabulary, self.weight, PLAUSIBLE);
    }
}
