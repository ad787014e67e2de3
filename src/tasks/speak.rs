//! Speak: text becomes speech tokens through the zip. The text tower reads the spelled text once, up to the last layer that
//! a link reads; then each step runs the speech tower only, whose links read what the text tower left behind.

use super::generate::{Writer, in_flight};
use super::transcribe::{Listener, SPEECH, TEXT};
use crate::decode::{Generation, Options, Runner, decode};
use crate::error::{Error, Result};
use crate::gpu::{PlanBuilder, storage_from};
use crate::kernels::sample::Controls;
use crate::tokens::speech::CODES;

/// Seconds of speech a second of which no text of so many bytes needs: fewer tokens than bytes is faster than speech.
const TOKENS_PER_BYTE: usize = 5;
/// Tokens that even an empty text may take.
const TOKENS_AT_LEAST: usize = 25;

impl Listener {
    /// Token ids of `text` as the zip wants it read aloud: one token a byte, between end marks.
    #[must_use]
    pub fn spell(&self, text: &str) -> Vec<u32> {
        let text_config = &self.config.text;
        let mark = std::iter::once(text_config.end);
        let bytes = text.bytes().filter_map(|b| text_config.spelling.get(usize::from(b)).copied());
        mark.clone().chain(bytes).chain(mark).collect()
    }

    /// Runs the text tower over spelled `ids`; the links that lead to the speech tower remember its states.
    ///
    /// # Errors
    /// [`Error::PromptTooLong`] if the text has more bytes than a workspace has rows; what the device reports.
    pub async fn read_aloud(&mut self, writer: &mut Writer, ids: &[u32]) -> Result<()> {
        let Writer { gpu, tower, work, sequence, .. } = writer;
        let count = ids.len();
        if count > work.rows.min(self.memories.capacity()) {
            return Err(Error::PromptTooLong { found: count, context: work.rows });
        }
        let zip = &self.zip;
        let layers = zip.links.iter().map(|l| l.spec.source).filter(|s| s.0 == TEXT).map(|s| s.1).max().unwrap_or(0);
        let ids = storage_from(gpu, "spelled text", ids);
        sequence.restart_at(gpu, 0);
        self.memories.hold(zip, SPEECH, 0);
        let (state, memories) = (sequence.state.clone(), &self.memories);
        gpu.guarded("the text tower", || {
            let mut plan = PlanBuilder::new(gpu);
            tower.tower.record_lower(&mut plan, work, sequence, (&ids, 0), count, layers, &mut |plan, layer| {
                zip.record(plan, TEXT, &layer, &state, memories);
            });
            plan.finish().submit(gpu);
        })
        .await?;
        self.memories.hold(zip, TEXT, count);
        Ok(())
    }

    /// Speech tokens for `text` (at most as many bytes as a workspace has rows, less two). `controls` says how tokens are
    /// drawn; marks and stop rule are set here.
    ///
    /// # Errors
    /// [`Error::PromptEmpty`], [`Error::PromptTooLong`], and what the device reports.
    pub async fn speak_tokens(
        &mut self,
        writer: &mut Writer,
        text: &str,
        controls: &Controls,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Generation> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::PromptEmpty);
        }
        let ids = self.spell(text);
        self.read_aloud(writer, &ids).await?;
        let Self { gpu, speech, work, sequence, zip, memories, projection, sampler, .. } = self;
        let runner = Runner { gpu, tower: &speech.tower, work, sampler };
        let bytes = text.len();
        let controls = Controls {
            end_token: Some(speech.config.end),
            // Beyond the end mark there are only spare rows; the start mark stands between codes and end mark.
            limit: Some(CODES as u32 + 2),
            banned: Some(speech.config.start),
            min_tokens: bytes as u32,
            ..controls.clone()
        };
        let options =
            Options { max_tokens: TOKENS_AT_LEAST + TOKENS_PER_BYTE * bytes, controls, in_flight: in_flight(gpu) };
        let (state, start) = (sequence.state.clone(), speech.config.start);
        let mut between = |plan: &mut PlanBuilder<'_>, layer: crate::towers::Layer<'_>| {
            if layer.after == 0 {
                projection.record(plan, layer.x, &work.hidden, layer.count);
            }
            zip.record(plan, SPEECH, &layer, &state, memories);
        };
        decode(&runner, sequence, &[start], &options, &mut between, cancelled, &mut |_| Ok(())).await
    }
}
