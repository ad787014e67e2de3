//! The zip: two towers that were trained apart, joined by gated cross-attention (arXiv 2405.18669). Read this first.
//!
//! One joint sequence is made of spans, each of one tower: speech then text is recognition, text then speech is
//! synthesis. A position attends to its own tower's past, which the tower does by itself, and, through the [`Link`]s,
//! to every position of the other tower that precedes it in the sequence:
//!
//! ```text
//!   source tower, after layer s                      target tower, after layer t
//!        x_S ── norm ──┬─ k ── rope ─┐                  x_T ── norm ── q ── rope ─┐
//!                      └─ v ─────────┤  Memory                                   │
//!                                    └──────────────── attention ────────────────┘
//!                                                          │
//!   x_T  +=  tanh(gate) · o( ······························┘ )
//! ```
//!
//! Data goes one way. While a span's tower runs, every link that starts in it appends keys and values to its
//! [`Memory`] ([`Link::remember`]), once; while a later span of the other tower runs, every link that ends in it reads
//! them ([`Link::attend`]). Since spans are processed in order, "all that precedes" is simply "all that the memory
//! holds", and no mask is ever built. A sequence of one modality calls neither: the tower is then the pretrained one.
//!
//! Nothing in here knows what the towers are about: which tower is which comes from the [`LinkSpec`]s.

mod link;
mod load;
mod projection;
mod watch;

pub use link::{Link, LinkSpec, LinkWork, Memory};
pub use load::{Ends, LinkConfig};
pub use projection::Projection;
pub use watch::Watch;

use crate::gpu::{Gpu, PlanBuilder};
use crate::towers::Layer;

/// All links between two towers.
pub struct Zip {
    /// In the order of the model's file.
    pub links: Vec<Link>,
}

/// What the links of one joint sequence remember.
pub struct Memories {
    /// One a link, in the same order.
    pub links: Vec<Memory>,
    work: LinkWork,
}

impl Zip {
    /// Empty memories with room for `capacity` source positions, and scratch memory for `rows` rows at once.
    #[must_use]
    pub fn memories(&self, gpu: &Gpu, capacity: usize, rows: usize) -> Memories {
        Memories {
            links: self.links.iter().map(|link| link.memory(gpu, capacity)).collect(),
            work: LinkWork::new(gpu, &self.links, rows),
        }
    }

    /// Records what the links do after a layer of tower `tower`: those that start there remember the states, then those
    /// that end there add to them. Word 0 of `state`, the state of that tower's stream, is the position of the first row.
    /// Sources are read before anything is added, so the order of links does not matter.
    pub fn record(
        &self,
        plan: &mut PlanBuilder<'_>,
        tower: usize,
        layer: &Layer<'_>,
        state: &wgpu::Buffer,
        memories: &Memories,
    ) {
        self.record_watched(plan, tower, layer, state, memories, None);
    }

    /// As [`Zip::record`], for one row; the link that `watch` watches also writes down what it attends to.
    pub fn record_watched(
        &self,
        plan: &mut PlanBuilder<'_>,
        tower: usize,
        layer: &Layer<'_>,
        state: &wgpu::Buffer,
        memories: &Memories,
        watch: Option<&Watch>,
    ) {
        let links = || self.links.iter().zip(&memories.links);
        for (link, memory) in links().filter(|(link, _)| link.spec.source == (tower, layer.after)) {
            link.remember(plan, layer, state, memory, &memories.work);
        }
        for (number, (link, memory)) in links().enumerate() {
            if link.spec.target == (tower, layer.after) {
                let watch = watch.filter(|w| w.link == number);
                link.attend(plan, layer, state, memory, &memories.work, watch);
            }
        }
    }
}

impl Memories {
    /// Source positions that fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.links.iter().map(|memory| memory.capacity).min().unwrap_or(0)
    }

    /// Notes that tower `tower` has `positions` positions in the joint sequence so far: what its links may be asked for.
    /// To be called after a span of it was recorded, before the next span of the other tower is.
    pub fn hold(&self, zip: &Zip, tower: usize, positions: usize) {
        for (link, memory) in zip.links.iter().zip(&self.links) {
            if link.spec.source.0 == tower {
                memory.hold(positions);
            }
        }
    }
}
