//! A kernel: WGSL, the access of each binding, and the pipeline compiled once a device.

use super::Gpu;
use std::rc::Rc;

/// How a kernel touches a storage buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `var<storage, read>`
    Read,
    /// `var<storage, read_write>`
    ReadWrite,
}

/// A kernel's text and interface. Binding 0 is always the uniform parameters; storage buffers follow from 1 on.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Unique name: two kernels of the same name have the same source.
    pub name: String,
    /// The whole WGSL; the entry point is `main`.
    pub source: String,
    /// One entry a storage binding, in order (at most 8).
    pub access: &'static [Access],
}

pub(super) struct Compiled {
    pub pipeline: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
}

impl Gpu {
    /// The compiled form of `kernel`, from the cache where it was compiled before.
    pub(super) fn compiled(&self, kernel: &Kernel) -> Rc<Compiled> {
        if let Some(found) = self.inner.kernels.borrow().get(&kernel.name) {
            return found.clone();
        }
        let compiled = Rc::new(compile(self.device(), kernel));
        self.inner.kernels.borrow_mut().insert(kernel.name.clone(), compiled.clone());
        compiled
    }
}

fn compile(device: &wgpu::Device, kernel: &Kernel) -> Compiled {
    let label = Some(kernel.name.as_str());
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label,
        source: wgpu::ShaderSource::Wgsl(kernel.source.as_str().into()),
    });
    let entry = |binding: u32, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    };
    let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
    for (binding, access) in (1..).zip(kernel.access) {
        entries.push(entry(binding, wgpu::BufferBindingType::Storage { read_only: *access == Access::Read }));
    }
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label, entries: &entries });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label,
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            // Every kernel writes its workgroup memory before reading it.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    });
    Compiled { pipeline, layout }
}
