//! A plan: dispatches recorded once (pipelines, bind groups, sizes) and replayed in one compute pass, one submit.

use super::{Gpu, Kernel, kernel::Compiled};
use std::rc::Rc;

/// What a kernel's storage binding sees: a whole buffer, or a part of one.
#[derive(Clone, Copy)]
pub struct Binding<'a> {
    buffer: &'a wgpu::Buffer,
    offset: u64,
    size: Option<wgpu::BufferSize>,
}

impl<'a> Binding<'a> {
    /// `words` 32-bit words from word `offset` on. The byte offset must be a multiple of 256 (64 words).
    #[must_use]
    pub fn part(buffer: &'a wgpu::Buffer, offset: usize, words: usize) -> Self {
        Self { buffer, offset: (offset * 4) as u64, size: wgpu::BufferSize::new((words * 4) as u64) }
    }
}

impl<'a> From<&'a wgpu::Buffer> for Binding<'a> {
    fn from(buffer: &'a wgpu::Buffer) -> Self {
        Self { buffer, offset: 0, size: None }
    }
}

struct Step {
    kernel: Rc<Compiled>,
    group: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// Recorded dispatches, in order. Later ones see what earlier ones wrote.
pub struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Number of dispatches.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Encodes every dispatch into one compute pass of `encoder`.
    pub fn encode(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for step in &self.steps {
            pass.set_pipeline(&step.kernel.pipeline);
            pass.set_bind_group(0, &step.group, &[]);
            let [x, y, z] = step.workgroups;
            pass.dispatch_workgroups(x, y, z);
        }
    }

    /// Submits the plan by itself.
    pub fn submit(&self, gpu: &Gpu) {
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.encode(&mut encoder);
        gpu.queue().submit([encoder.finish()]);
    }
}

/// Uniform offsets are multiples of this in every WebGPU implementation.
const UNIFORM_STRIDE: usize = 256;

struct Recorded {
    kernel: Rc<Compiled>,
    params: usize,
    bindings: Vec<(wgpu::Buffer, u64, Option<wgpu::BufferSize>)>,
    workgroups: [u32; 3],
}

/// Records a [`Plan`].
pub struct PlanBuilder<'g> {
    gpu: &'g Gpu,
    params: Vec<u8>,
    recorded: Vec<Recorded>,
}

impl<'g> PlanBuilder<'g> {
    /// An empty recording.
    #[must_use]
    pub fn new(gpu: &'g Gpu) -> Self {
        Self { gpu, params: Vec::new(), recorded: Vec::new() }
    }

    /// The device this is recorded for.
    #[must_use]
    pub fn gpu(&self) -> &'g Gpu {
        self.gpu
    }

    /// Adds a dispatch of `kernel` with uniform `params`, storage `bindings` and a grid of `workgroups`.
    ///
    /// An empty grid is left out.
    pub fn dispatch<P: bytemuck::NoUninit>(
        &mut self,
        kernel: &Kernel,
        params: &P,
        bindings: &[Binding<'_>],
        workgroups: [u32; 3],
    ) {
        debug_assert_eq!(kernel.access.len(), bindings.len(), "bindings of {}", kernel.name);
        if workgroups.contains(&0) {
            return;
        }
        let at = self.params.len();
        let bytes = bytemuck::bytes_of(params);
        debug_assert!(bytes.len() <= UNIFORM_STRIDE);
        self.params.extend_from_slice(bytes);
        self.params.resize(at + UNIFORM_STRIDE, 0);
        self.recorded.push(Recorded {
            kernel: self.gpu.compiled(kernel),
            params: at,
            bindings: bindings.iter().map(|b| (b.buffer.clone(), b.offset, b.size)).collect(),
            workgroups,
        });
    }

    /// Uploads the parameters and makes the bind groups.
    #[must_use]
    pub fn finish(self) -> Plan {
        if self.recorded.is_empty() {
            return Plan { steps: Vec::new() };
        }
        let device = self.gpu.device();
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("plan parameters"),
            size: self.params.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.gpu.queue().write_buffer(&params, 0, &self.params);
        let steps = self
            .recorded
            .into_iter()
            .map(|r| {
                let mut entries = vec![wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &params,
                        offset: r.params as u64,
                        size: wgpu::BufferSize::new(UNIFORM_STRIDE as u64),
                    }),
                }];
                for (binding, (buffer, offset, size)) in (1..).zip(&r.bindings) {
                    entries.push(wgpu::BindGroupEntry {
                        binding,
                        resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                            buffer,
                            offset: *offset,
                            size: *size,
                        }),
                    });
                }
                let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: None,
                    layout: &r.kernel.layout,
                    entries: &entries,
                });
                Step { kernel: r.kernel, group, workgroups: r.workgroups }
            })
            .collect();
        Plan { steps }
    }
}
