//! The voice: speech tokens to sound. `docs/voice.md` is the contract.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`acoustic`] | tokens (25 a second) to content, pitch and energy (80 a second), on the device |
//! | [`decoder`] | these to the parts of a spectrum, on the device |
//! | [`synthesis`] | harmonics of the pitch, noise and a free part to samples |
//! | [`istft`] | the same on the device |
//! | [`voice`] | all three, piece by piece while tokens still arrive |

pub mod acoustic;
pub mod decoder;
pub mod istft;
pub mod synthesis;
pub mod voice;

pub use voice::{Speech, Voice, VoiceInfo};

/// Samples a second.
pub const RATE: usize = 24_000;
/// Samples of a speech token.
pub const SAMPLES_PER_TOKEN: usize = 960;
/// Tokens of the longest piece that is vocoded at once, margins included.
pub const MOST_TOKENS: usize = 160;
/// Frames of that piece.
pub const MOST_FRAMES: usize = frames(MOST_TOKENS);
const WIDTH: usize = 256;
const HIDDEN: usize = 768;

/// 80 Hz frames of so many 25 Hz tokens.
#[must_use]
pub const fn frames(tokens: usize) -> usize {
    (16 * tokens).div_ceil(5)
}
