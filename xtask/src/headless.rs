//! The page's own code in headless Chromium, for the command line. The driving script is `xtask/headless/*.mjs` (playwright-core).

use crate::server::Server;
use crate::{build, models, place, run, setup};
use anyhow::{Context, Result};
use clap::Args;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Options of `generate`.
#[derive(Args)]
pub struct Generate {
    /// The text to continue
    pub prompt: String,
    /// How many tokens at most
    #[arg(long, default_value_t = 64)]
    pub tokens: u32,
    /// Seed of the sampling
    #[arg(long)]
    pub seed: Option<u64>,
    /// Sampling temperature; 0 takes the likeliest token
    #[arg(long, default_value_t = 0.0)]
    pub temperature: f32,
    /// Wrap the prompt as a chat turn instead of continuing it
    #[arg(long)]
    pub chat: bool,
    /// One JSON object: text, token_ids, tokens_per_second, timings
    #[arg(long)]
    pub json: bool,
    /// Use dist/ as it is
    #[arg(long)]
    pub as_is: bool,
}

/// Options of `transcribe`.
#[derive(Args)]
pub struct Transcribe {
    /// Recordings: whatever Chromium can decode
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// One JSON object a line: file, text, words, seconds, rtf, timings; or file, error
    #[arg(long)]
    pub json: bool,
    /// Without a browser, on this machine's own adapter
    #[arg(long)]
    pub native: bool,
    /// Use dist/ as it is
    #[arg(long)]
    pub as_is: bool,
}

/// Options of `speak`.
#[derive(Args)]
pub struct Speak {
    /// The text
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    pub text: Option<String>,
    /// The voice's name; the first one if none is given
    #[arg(long)]
    pub voice: Option<String>,
    /// Where the sound goes
    #[arg(short, long, default_value = "out.wav")]
    pub output: PathBuf,
    /// A file with a text a line, instead of one text; empty lines are left out
    #[arg(long, requires = "out_dir")]
    pub lines: Option<PathBuf>,
    /// Where the sounds of --lines go: 0001.wav and so on
    #[arg(long)]
    pub out_dir: Option<PathBuf>,
    /// The same seed says a text the same way
    #[arg(long, default_value_t = 1)]
    pub seed: u32,
    /// How freely speech is drawn; 0 takes the likeliest
    #[arg(long)]
    pub temperature: Option<f32>,
    /// One JSON object a line: text, file, seconds, rtf, first_sound_ms, timings; or text, error
    #[arg(long)]
    pub json: bool,
    /// Without a browser, on this machine's own adapter
    #[arg(long)]
    pub native: bool,
    /// Use dist/ as it is
    #[arg(long)]
    pub as_is: bool,
}

/// Options of `with-page`.
#[derive(Args)]
pub struct WithPage {
    /// The script
    pub script: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<String>,
}

/// `cargo xtask generate`.
pub fn generate(options: &Generate) -> Result<()> {
    if !options.as_is {
        prepare()?;
    }
    let request = serde_json::json!({
        "prompt": options.prompt,
        "options": {
            "maxTokens": options.tokens,
            "seed": options.seed,
            "temperature": options.temperature,
            "chat": options.chat,
        },
        "json": options.json,
    });
    drive(&place::root().join("xtask/headless/generate.mjs"), &[request.to_string()])
}

/// `cargo xtask transcribe`.
pub fn transcribe(options: &Transcribe) -> Result<()> {
    if options.native {
        let files = options.files.iter().map(|file| file.as_os_str());
        return natively("transcribe", options.json, files);
    }
    if !options.as_is {
        prepare()?;
    }
    let request = serde_json::json!({ "files": options.files, "json": options.json });
    drive(&place::root().join("xtask/headless/transcribe.mjs"), &[request.to_string()])
}

/// `cargo xtask speak`.
pub fn speak(options: &Speak) -> Result<()> {
    if options.native {
        let mut given: Vec<OsString> = vec!["--seed".into(), options.seed.to_string().into()];
        given.extend(options.text.iter().map(OsString::from));
        let mut pair =
            |name: &str, value: Option<OsString>| given.extend(value.into_iter().flat_map(|v| [name.into(), v]));
        pair("--voice", options.voice.as_ref().map(Into::into));
        pair("--temperature", options.temperature.map(|t| t.to_string().into()));
        pair("--lines", options.lines.as_ref().map(Into::into));
        pair("--out-dir", options.out_dir.as_ref().map(Into::into));
        if options.lines.is_none() {
            pair("--output", Some(options.output.clone().into()));
        }
        return natively("speak", options.json, given.iter().map(OsString::as_os_str));
    }
    let mut jobs = Vec::new();
    if let (Some(lines), Some(folder)) = (&options.lines, &options.out_dir) {
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let texts = std::fs::read_to_string(lines).with_context(|| format!("{} cannot be read", lines.display()))?;
        for (number, text) in texts.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let file = folder.join(format!("{:04}.wav", number + 1));
            jobs.push(serde_json::json!({ "text": text, "file": file }));
        }
    } else {
        jobs.push(serde_json::json!({ "text": options.text, "file": options.output }));
    }
    if !options.as_is {
        prepare()?;
    }
    let mut given = serde_json::json!({ "seed": options.seed });
    // What is not asked for is left out: the page chooses.
    if let Some(voice) = &options.voice {
        given["voice"] = voice.as_str().into();
    }
    if let Some(temperature) = options.temperature {
        given["temperature"] = temperature.into();
    }
    let request = serde_json::json!({ "jobs": jobs, "options": given, "json": options.json });
    drive(&place::root().join("xtask/headless/speak.mjs"), &[request.to_string()])
}

/// `cargo xtask with-page`.
pub fn with_page(options: &WithPage) -> Result<()> {
    drive(&options.script, &options.arguments)
}

/// Runs the program of the crate `native`, once the models are there.
fn natively<'a>(task: &str, json: bool, arguments: impl Iterator<Item = &'a OsStr>) -> Result<()> {
    models::run(&models::Options::default())?;
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--package", "zipper-native", "--", task]).args(json.then_some("--json"));
    run::check(command.args(arguments))
}

/// Everything that the page needs before it can be driven.
pub fn prepare() -> Result<()> {
    setup::run(&setup::Options::default())?;
    models::run(&models::Options::default())?;
    build::run(&build::Options::default())
}

/// Serves `dist/` and runs `script` against it.
fn drive(script: &Path, arguments: &[String]) -> Result<()> {
    let server = Server::start(&place::dist(), 0)?;
    run::check(with_environment(Command::new("node").arg(script).args(arguments), &server)?)
}

/// What the scripts read: the page's address and Chromium's path.
pub fn with_environment<'a>(command: &'a mut Command, server: &Server) -> Result<&'a mut Command> {
    let chromium =
        setup::chromium().context("no Chromium: run `cargo xtask setup`, or set ZIPPER_CHROMIUM to its path")?;
    Ok(command.env("ZIPPER_URL", server.address()).env("ZIPPER_CHROMIUM", chromium))
}
