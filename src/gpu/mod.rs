//! The device: one adapter, one queue, shared by burn and by our own kernels.
//!
//! `wgpu` sets up adapter, limits and features here; [`Gpu::burn`] registers the very same device with burn,
//! so that plain burn operations and our WGSL run side by side. Weights, caches and activations of the towers
//! are plain `wgpu` buffers of ours: they live as long as the model, so a pool would only add slack, and a bind
//! group made once stays good for every replay of a [`Plan`].

mod adapter;
mod buffer;
mod fault;
mod kernel;
mod plan;
mod readback;

pub use adapter::{AdapterReport, KernelSet, Open};
pub use buffer::{storage_from, storage_zeroed, write_f32};
pub use fault::Faults;
pub use kernel::{Access, Kernel};
pub use plan::{Binding, Plan, PlanBuilder};
pub use readback::Readback;
pub use wgpu;

use crate::error::{Error, Result};
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// A device with its queue, its kernels compiled so far, and what went wrong on it.
///
/// Cloning is cheap and shares everything. Not `Send`: the engine lives in one worker.
#[derive(Clone)]
pub struct Gpu {
    inner: Rc<Inner>,
}

struct Inner {
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    report: AdapterReport,
    faults: Faults,
    kernels: RefCell<HashMap<String, Rc<kernel::Compiled>>>,
    allocated: std::cell::Cell<u64>,
    burn: OnceCell<burn::tensor::Device>,
}

impl Gpu {
    /// Opens the best adapter, or the one named by the environment natively.
    ///
    /// # Errors
    /// [`Error::NoWebGpu`], [`Error::AdapterLimit`] or [`Error::NoDevice`].
    pub async fn open(options: Open) -> Result<Self> {
        let opened = adapter::open(options).await?;
        let faults = Faults::default();
        faults.watch(&opened.device);
        Ok(Self {
            inner: Rc::new(Inner {
                instance: opened.instance,
                adapter: opened.adapter,
                device: opened.device,
                queue: opened.queue,
                report: opened.report,
                faults,
                kernels: RefCell::default(),
                allocated: std::cell::Cell::new(0),
                burn: OnceCell::new(),
            }),
        })
    }

    /// The `wgpu` device.
    #[must_use]
    pub fn device(&self) -> &wgpu::Device {
        &self.inner.device
    }

    /// The `wgpu` queue.
    #[must_use]
    pub fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }

    /// What adapter this is and which kernels were chosen for it.
    #[must_use]
    pub fn report(&self) -> &AdapterReport {
        &self.inner.report
    }

    /// The kernel family in use.
    #[must_use]
    pub fn kernels(&self) -> KernelSet {
        self.inner.report.kernels
    }

    /// Bytes of GPU memory that this crate's own buffers took so far (never decreases).
    #[must_use]
    pub fn allocated_bytes(&self) -> u64 {
        self.inner.allocated.get()
    }

    fn count_allocation(&self, bytes: u64) {
        self.inner.allocated.set(self.inner.allocated.get() + bytes);
    }

    /// The same device as burn sees it, for plain burn operations.
    ///
    /// # Errors
    /// [`Error::NoDevice`] when burn refuses the adapter.
    pub fn burn(&self) -> Result<burn::tensor::Device> {
        if let Some(device) = self.inner.burn.get() {
            return Ok(device.clone());
        }
        let setup = burn_wgpu::WgpuSetup {
            instance: self.inner.instance.clone(),
            adapter: self.inner.adapter.clone(),
            device: self.inner.device.clone(),
            queue: self.inner.queue.clone(),
            backend: self.inner.report.backend,
        };
        let device = burn::tensor::Device::wgpu_options()
            .setup(setup)
            .init()
            .map_err(|e| Error::NoDevice(format!("burn refused the adapter: {e:?}")))?;
        // burn installs handlers of its own, which panic; ours turn the same events into errors.
        self.inner.faults.watch(&self.inner.device);
        Ok(self.inner.burn.get_or_init(|| device).clone())
    }

    /// Fails if the device was lost or reported an error outside any scope.
    ///
    /// # Errors
    /// [`Error::DeviceLost`] or [`Error::Gpu`].
    pub fn check(&self) -> Result<()> {
        // Natively the device tells of its loss only when it is polled.
        #[cfg(not(target_arch = "wasm32"))]
        let _ = self.inner.device.poll(wgpu::PollType::Poll);
        self.inner.faults.check()
    }

    /// Runs `work` inside error scopes: a validation error, an internal one or want of memory becomes an error.
    ///
    /// # Errors
    /// [`Error::Gpu`] naming `stage`, or [`Error::DeviceLost`].
    pub async fn guarded<T>(&self, stage: &str, work: impl FnOnce() -> T) -> Result<T> {
        let device = &self.inner.device;
        let scopes = [
            device.push_error_scope(wgpu::ErrorFilter::Validation),
            device.push_error_scope(wgpu::ErrorFilter::OutOfMemory),
            device.push_error_scope(wgpu::ErrorFilter::Internal),
        ];
        let value = work();
        // All scopes are popped before the first await: scopes of interleaved tasks must not cross.
        let [validation, memory, internal] = scopes;
        let popped = [internal.pop(), memory.pop(), validation.pop()];
        let mut first = None;
        for error in popped {
            first = first.or(error.await);
        }
        // A lost device makes everything else fail too: that it is lost is the thing to say.
        self.check()?;
        match first {
            Some(error) => Err(Error::Gpu { stage: stage.into(), message: error.to_string() }),
            None => Ok(value),
        }
    }

    /// Waits for `receiver`, to which a callback of `submission` will send; drives the device where no event loop does.
    async fn wait<T>(
        &self,
        submission: wgpu::SubmissionIndex,
        receiver: futures_channel::oneshot::Receiver<T>,
    ) -> Result<T> {
        #[cfg(not(target_arch = "wasm32"))]
        self.inner
            .device
            .poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: None })
            .map_err(|e| Error::DeviceLost(e.to_string()))?;
        #[cfg(target_arch = "wasm32")]
        let _ = submission;
        receiver.await.map_err(|_| Error::DeviceLost("a callback was dropped".into()))
    }
}
