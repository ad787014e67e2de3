//! What went wrong on the device, kept until somebody asks: no number is read back from a faulty device.

use crate::error::{Error, Result};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Default)]
struct State {
    lost: Option<String>,
    uncaptured: Option<String>,
}

/// The device's record of faults.
#[derive(Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

impl Faults {
    /// Installs the handlers on `device` (replacing any that were there).
    pub fn watch(&self, device: &wgpu::Device) {
        let state = self.state.clone();
        device.set_device_lost_callback(move |reason, message| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.lost.get_or_insert(format!("{reason:?}: {message}"));
        });
        let state = self.state.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            log::error!("uncaptured GPU error: {error}");
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.uncaptured.get_or_insert(error.to_string());
        }));
    }

    /// Fails with the first fault on record. A lost device stays lost; an uncaptured error is reported once.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] or [`Error::Gpu`].
    pub fn check(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lost) = &state.lost {
            return Err(Error::DeviceLost(lost.clone()));
        }
        match state.uncaptured.take() {
            Some(message) => Err(Error::Gpu { stage: "the device queue".into(), message }),
            None => Ok(()),
        }
    }
}
