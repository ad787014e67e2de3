//! A kernel that did not run never returns numbers: refused shaders, errors outside of any scope, a lost device.

mod common;

use common::open;
use zipper::error::Error;
use zipper::gpu::{Access, Gpu, Kernel, KernelSet, PlanBuilder, storage_zeroed, wgpu};

fn kernel(name: &str, body: &str) -> Kernel {
    let source = format!(
        "@group(0) @binding(0) var<uniform> p: vec4<u32>;
         @group(0) @binding(1) var<storage, read_write> out: array<u32>;
         @compute @workgroup_size(1) fn main() {{ {body} }}"
    );
    Kernel { name: name.into(), source, access: &[Access::ReadWrite] }
}

async fn run(gpu: &Gpu, kernel: &Kernel, out: &wgpu::Buffer) -> zipper::Result<u32> {
    gpu.guarded("a test", || {
        let mut plan = PlanBuilder::new(gpu);
        plan.dispatch(kernel, &[0u32; 4], &[out.into()], [1, 1, 1]);
        plan.finish().submit(gpu);
    })
    .await?;
    Ok(gpu.read::<u32>(out, 0, 1).await?[0])
}

#[test]
fn a_shader_that_is_refused_is_an_error_and_the_device_goes_on() {
    let gpu = open(KernelSet::Plain);
    let out = storage_zeroed(&gpu, "out", 4);
    pollster::block_on(async {
        let refused = run(&gpu, &kernel("broken", "out[0] = 1.5;"), &out).await;
        assert!(matches!(&refused, Err(Error::Gpu { stage, .. }) if stage == "a test"), "{refused:?}");
        assert_eq!(run(&gpu, &kernel("sound", "out[0] = 7u + p.x;"), &out).await.expect("runs"), 7);
    });
}

#[test]
fn an_error_outside_of_any_scope_spoils_the_next_reading() {
    let gpu = open(KernelSet::Plain);
    let out = storage_zeroed(&gpu, "out", 4);
    pollster::block_on(async {
        // A copy beyond the end: nobody watches, but nobody gets numbers either.
        let mut encoder = gpu.device().create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&out, 0, &out, 1 << 20, 1 << 20);
        gpu.queue().submit([encoder.finish()]);
        let spoiled = gpu.read::<u32>(&out, 0, 1).await;
        assert!(matches!(spoiled, Err(Error::Gpu { .. })), "{spoiled:?}");
        assert_eq!(gpu.read::<u32>(&out, 0, 1).await.expect("said once"), [0]);
    });
}

#[test]
fn a_lost_device_is_said() {
    let gpu = open(KernelSet::Plain);
    let out = storage_zeroed(&gpu, "out", 4);
    gpu.device().destroy();
    pollster::block_on(async {
        let lost = run(&gpu, &kernel("late", "out[0] = 1u;"), &out).await;
        assert!(matches!(lost, Err(Error::DeviceLost(_) | Error::Gpu { .. })), "{lost:?}");
        let again = gpu.guarded("later", || ()).await;
        assert!(matches!(again, Err(Error::DeviceLost(_))), "it stays lost: {again:?}");
    });
}
