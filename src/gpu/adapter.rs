//! Choosing an adapter, checking it against the weakest limits we hold to, and choosing kernels for it.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Two families of kernels with the same meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KernelSet {
    /// One invocation computes its outputs alone: no workgroup memory, no barriers. For software adapters, where a
    /// barrier costs more than the memory traffic that it saves.
    Plain,
    /// Workgroups share tiles and partial sums through workgroup memory. For GPUs.
    Tiled,
}

/// How to open the device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "snake_case")]
pub struct Open {
    /// `None` lets the adapter decide.
    pub kernels: Option<KernelSet>,
    /// Ask for the low-power adapter where there are two.
    pub low_power: bool,
}

/// The adapter as a person (or a page) wants to know it.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterReport {
    /// The name or description the implementation gives.
    pub name: String,
    /// Vendor, where known.
    pub vendor: String,
    /// Architecture, where known.
    pub architecture: String,
    /// The graphics API below.
    #[serde(serialize_with = "as_text")]
    pub backend: wgpu::Backend,
    /// The work is done by the processor.
    pub software: bool,
    /// Optional features that were found and enabled.
    pub features: Vec<String>,
    /// The kernel family in use.
    pub kernels: KernelSet,
    /// The limits that matter to us, by their names in the specification.
    pub limits: BTreeMap<&'static str, u64>,
}

fn as_text<S: serde::Serializer>(backend: &wgpu::Backend, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.serialize_str(backend.to_str())
}

pub(super) struct Opened {
    pub instance: wgpu::Instance,
    pub adapter: wgpu::Adapter,
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub report: AdapterReport,
}

/// A limit's name, the least it may be, and where it stands.
type Limit = (&'static str, u64, fn(&wgpu::Limits) -> u64);

/// The least that every kernel may count on (the defaults of the WebGPU specification, or below them).
const NEEDED: [Limit; 5] = [
    ("maxStorageBuffersPerShaderStage", 8, |l| u64::from(l.max_storage_buffers_per_shader_stage)),
    ("maxComputeInvocationsPerWorkgroup", 256, |l| u64::from(l.max_compute_invocations_per_workgroup)),
    ("maxComputeWorkgroupStorageSize", 16_384, |l| u64::from(l.max_compute_workgroup_storage_size)),
    ("maxStorageBufferBindingSize", 128 << 20, |l| l.max_storage_buffer_binding_size),
    ("maxComputeWorkgroupsPerDimension", 65_535, |l| u64::from(l.max_compute_workgroups_per_dimension)),
];

/// Refuses an adapter that offers less than we count on.
fn check_limits(adapter: &str, limits: &wgpu::Limits) -> Result<()> {
    for (limit, needed, read) in NEEDED {
        let found = read(limits);
        if found < needed {
            return Err(Error::AdapterLimit { adapter: adapter.to_owned(), limit, found, needed });
        }
    }
    Ok(())
}

pub(super) async fn open(options: Open) -> Result<Opened> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends =
        wgpu::Backends::BROWSER_WEBGPU | wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let instance = wgpu::Instance::new(descriptor);
    let adapter = instance
        .request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: if options.low_power {
                wgpu::PowerPreference::LowPower
            } else {
                wgpu::PowerPreference::HighPerformance
            },
            ..Default::default()
        })
        .await
        .map_err(|_| Error::NoWebGpu)?;
    let info = adapter.get_info();
    let limits = adapter.limits();
    check_limits(&info.name, &limits)?;
    // The adapter's own limits are asked for, since burn sizes its pools by them; our kernels stay within NEEDED.
    // So are its features: burn decides from the adapter, not the device, what its kernels may use.
    let features =
        adapter.features() - wgpu::Features::MAPPABLE_PRIMARY_BUFFERS - wgpu::Features::all_experimental_mask();
    let (device, queue) = adapter
        .request_device(&wgpu::DeviceDescriptor {
            label: Some("zipper"),
            required_features: features,
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        })
        .await
        .map_err(|e| Error::NoDevice(e.to_string()))?;
    let (vendor, architecture) = vendor_and_architecture(&device, &info);
    let name = if info.name.is_empty() { format!("{vendor} {architecture}") } else { info.name.clone() };
    let lower = format!("{name} {vendor} {architecture}").to_lowercase();
    let software = info.device_type == wgpu::DeviceType::Cpu
        || ["swiftshader", "llvmpipe", "lavapipe", "warp"].iter().any(|s| lower.contains(s));
    let kernels = options.kernels.unwrap_or(if software { KernelSet::Plain } else { KernelSet::Tiled });
    let report = AdapterReport {
        name: name.trim().to_owned(),
        vendor,
        architecture,
        backend: info.backend,
        software,
        features: features.iter_names().map(|(name, _)| name.to_owned()).collect(),
        kernels,
        limits: NEEDED.iter().map(|(name, _, read)| (*name, read(&limits))).collect(),
    };
    Ok(Opened { instance, adapter, device, queue, report })
}

/// The browser tells vendor and architecture only on its own adapter info object.
#[cfg(target_arch = "wasm32")]
fn vendor_and_architecture(device: &wgpu::Device, _info: &wgpu::AdapterInfo) -> (String, String) {
    let read = |key: &str| -> Option<String> {
        let device: &wasm_bindgen::JsValue = device.as_webgpu()?.as_ref();
        let info = js_sys::Reflect::get(device, &"adapterInfo".into()).ok()?;
        js_sys::Reflect::get(&info, &key.into()).ok()?.as_string()
    };
    (read("vendor").unwrap_or_default(), read("architecture").unwrap_or_default())
}

#[cfg(not(target_arch = "wasm32"))]
fn vendor_and_architecture(_device: &wgpu::Device, info: &wgpu::AdapterInfo) -> (String, String) {
    (format!("{:#06x}", info.vendor), info.driver.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_webgpu_are_enough_and_less_is_refused_by_name() {
        let enough = wgpu::Limits::default();
        assert!(check_limits("some adapter", &enough).is_ok());
        let small = wgpu::Limits { max_storage_buffers_per_shader_stage: 4, ..enough };
        let error = check_limits("some adapter", &small).expect_err("too few buffers");
        assert_eq!(error.code(), "adapter-limit");
        let words = error.to_string();
        assert!(words.contains("some adapter") && words.contains("maxStorageBuffersPerShaderStage"), "{words}");
    }
}
