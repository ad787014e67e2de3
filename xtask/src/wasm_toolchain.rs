//! Which cargo builds for wasm: rustup's where it has the target, else Debian's with the standard library built from source.

use crate::{place, run};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// The target of the page.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A way to build for wasm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WasmToolchain {
    /// The ordinary toolchain has the target.
    Ordinary,
    /// Debian's `rustc-web`, `cargo-web` and `rust-web-src`: the target's standard library is built from source.
    Debian,
}

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CLIPPY: &str = "/usr/bin/clippy-driver";

impl WasmToolchain {
    /// The toolchain that is installed, if any.
    pub fn find() -> Result<Option<Self>> {
        let sysroot = run::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(place::root()))?;
        if Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).is_dir() {
            return Ok(Some(Self::Ordinary));
        }
        let sources = Path::new("/usr/lib/rustlib/src/rust").exists();
        let programs = [DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_CLIPPY].iter().all(|file| Path::new(file).is_file());
        let linker = run::find(&["wasm-ld-22", "wasm-ld", "rust-lld"]).is_some();
        Ok((sources && programs && linker).then_some(Self::Debian))
    }

    /// `cargo VERB …` for the page's target, in a target folder of its own so that native builds do not wait for it.
    pub fn cargo(self, verb: &str) -> Command {
        let mut command = match self {
            Self::Ordinary => Command::new("cargo"),
            Self::Debian => {
                let mut command = Command::new(DEBIAN_CARGO);
                command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                command
            }
        };
        // Under `cargo run` the outer toolchain names itself in these; the inner cargo must choose for itself.
        for name in ["CARGO", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH", "RUSTFLAGS"] {
            command.env_remove(name);
        }
        command.arg(verb);
        if self == Self::Debian {
            command.args(["-Z", "build-std=std,panic_abort"]);
        }
        command
            .args(["--target", TARGET])
            .env("CARGO_TARGET_DIR", place::root().join("target-wasm"))
            .current_dir(place::root());
        command
    }

    /// Clippy as a compiler, for [`crate::stages`].
    pub fn clippy_driver(self) -> &'static str {
        match self {
            Self::Ordinary => "clippy-driver",
            Self::Debian => DEBIAN_CLIPPY,
        }
    }
}
