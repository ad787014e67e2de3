//! Every way Zipper can fail, each saying what was found, what was expected and what to do.

use thiserror::Error;

/// Zipper's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Zipper's errors. [`Error::code`] names the kind in a form that crosses the JavaScript border.
#[derive(Debug, Clone, Error)]
pub enum Error {
    /// The browser or machine offers no WebGPU adapter.
    #[error(
        "no WebGPU adapter was found: use a browser with WebGPU (current Chrome, Edge, Safari or Firefox) and allow hardware acceleration"
    )]
    NoWebGpu,
    /// The adapter lacks a limit that the kernels need.
    #[error("the adapter {adapter} offers {limit} = {found}, Zipper needs at least {needed}")]
    AdapterLimit {
        /// The adapter's name.
        adapter: String,
        /// The limit's name in the WebGPU specification.
        limit: &'static str,
        /// What the adapter offers.
        found: u64,
        /// What is needed.
        needed: u64,
    },
    /// The adapter refused to hand out a device.
    #[error("the adapter gave no device: {0}")]
    NoDevice(String),
    /// The device went away (driver reset, too long a job, memory pressure).
    #[error("the GPU device was lost ({0}): load the model again to go on")]
    DeviceLost(String),
    /// A kernel failed validation or ran out of memory; its output must not be used.
    #[error("the GPU refused the work in {stage}: {message}")]
    Gpu {
        /// What was being done.
        stage: String,
        /// The implementation's message.
        message: String,
    },
    /// A model file is not what its format says.
    #[error("{file}: {message}")]
    Format {
        /// The file or part.
        file: String,
        /// What was found and what was expected.
        message: String,
    },
    /// A shard has the wrong length.
    #[error("shard {shard} has {found} bytes, its manifest says {expected}: download it again")]
    ShardShort {
        /// The shard's name.
        shard: String,
        /// Bytes received.
        found: u64,
        /// Bytes listed.
        expected: u64,
    },
    /// A shard's bytes do not hash to the listed sum.
    #[error("shard {shard} was changed: its sha256 is {found}, its manifest says {expected}: download it again")]
    ShardTampered {
        /// The shard's name.
        shard: String,
        /// Sum of the bytes received.
        found: String,
        /// Sum listed.
        expected: String,
    },
    /// The model is not loaded (or only in part).
    #[error("the model is not loaded: {0}")]
    ModelMissing(String),
    /// The prompt has no text.
    #[error("the prompt is empty: write some text first")]
    PromptEmpty,
    /// A text has nothing in it that could be said.
    #[error("“{0}” has no letters or digits that could be said: write some words")]
    NothingToSay(String),
    /// A word is longer than any that is said.
    #[error("the word “{word}…” has {letters} letters, at most {most} can be said: put spaces into it")]
    WordTooLong {
        /// Its beginning.
        word: String,
        /// How many it has.
        letters: usize,
        /// How many it may have.
        most: usize,
    },
    /// The prompt does not fit the context.
    #[error(
        "the prompt is {found} tokens long, the context holds {context} and at least one must stay free: shorten it"
    )]
    PromptTooLong {
        /// Tokens in the prompt.
        found: usize,
        /// Positions of the KV cache.
        context: usize,
    },
    /// An option has a value that makes no sense.
    #[error("option {name} is {found}, expected {expected}")]
    Option {
        /// The option's name.
        name: &'static str,
        /// The value found.
        found: String,
        /// The values accepted.
        expected: &'static str,
    },
    /// The engine is already at work.
    #[error("the engine is busy with {0}: wait for it or cancel it")]
    Busy(&'static str),
}

impl Error {
    /// A stable short name, the `code` of the JavaScript error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoWebGpu | Self::NoDevice(_) => "no-webgpu",
            Self::AdapterLimit { .. } => "adapter-limit",
            Self::DeviceLost(_) => "device-lost",
            Self::Gpu { .. } => "gpu-error",
            Self::Format { .. } => "model-format",
            Self::ShardShort { .. } => "shard-short",
            Self::ShardTampered { .. } => "shard-tampered",
            Self::ModelMissing(_) => "model-missing",
            Self::PromptEmpty => "prompt-empty",
            Self::NothingToSay(_) => "nothing-to-say",
            Self::WordTooLong { .. } => "word-too-long",
            Self::PromptTooLong { .. } => "prompt-too-long",
            Self::Option { .. } => "bad-option",
            Self::Busy(_) => "busy",
        }
    }

    /// A [`Error::Format`] for `file`.
    pub fn format(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Format { file: file.into(), message: message.into() }
    }
}
