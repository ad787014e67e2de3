//! Sound on its way to the speech encoder.

pub mod log_mel;
pub mod vad;

pub use log_mel::LogMel;

/// Samples a second that the encoder hears.
pub const RATE: usize = 16_000;
