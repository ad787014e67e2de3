//! Files to samples and back: symphonia decodes, rubato resamples, hound writes.

use anyhow::{Context, Result, bail};
use rubato::{FftFixedIn, Resampler};
use std::fs::File;
use std::path::Path;
use symphonia::core::audio::SampleBuffer;
use symphonia::core::errors::Error as Fault;
use symphonia::core::io::MediaSourceStream;
use symphonia::core::probe::Hint;
use zipper::audio::RATE;

/// Frames that the resampler takes at once.
const CHUNK: usize = 4096;
/// Peaks above this are loud enough; a fainter recording is raised to `LOUD`, at most `GAIN` times (as `www/segments.js`).
const FAINT: f32 = 0.5;
const LOUD: f32 = 0.9;
const GAIN: f32 = 30.0;

/// A recording as the model hears it: 16 kHz, mono, -1 to 1.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let file = File::open(path).context("the file cannot be opened")?;
    let (samples, rate) = decoded(file, path).context("this program cannot read the file as sound")?;
    if samples.is_empty() {
        bail!("there is no sound in it");
    }
    resample(samples, rate)
}

/// The first track's samples, all channels mixed, and their rate.
fn decoded(file: File, path: &Path) -> Result<(Vec<f32>, usize)> {
    let mut hint = Hint::new();
    if let Some(ending) = path.extension().and_then(|e| e.to_str()) {
        hint.with_extension(ending);
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let found = symphonia::default::get_probe().format(&hint, stream, &Default::default(), &Default::default())?;
    let mut format = found.format;
    let track = format.default_track().context("it holds no track")?;
    let number = track.id;
    let mut decoder = symphonia::default::get_codecs().make(&track.codec_params, &Default::default())?;
    let (mut samples, mut rate) = (Vec::new(), RATE);
    loop {
        let packet = match format.next_packet() {
            Ok(packet) if packet.track_id() == number => packet,
            Ok(_) => continue,
            Err(Fault::IoError(end)) if end.kind() == std::io::ErrorKind::UnexpectedEof => break,
            Err(fault) => return Err(fault.into()),
        };
        match decoder.decode(&packet) {
            Ok(sound) => {
                let (spec, channels) = (*sound.spec(), sound.spec().channels.count().max(1));
                rate = spec.rate as usize;
                let mut frames = SampleBuffer::<f32>::new(sound.capacity() as u64, spec);
                frames.copy_interleaved_ref(sound);
                let mixed = frames.samples().chunks_exact(channels).map(|f| f.iter().sum::<f32>() / channels as f32);
                samples.extend(mixed);
            }
            // One broken packet is skipped, as browsers do.
            Err(Fault::DecodeError(_)) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok((samples, rate))
}

/// Samples at `rate` to the model's.
fn resample(samples: Vec<f32>, rate: usize) -> Result<Vec<f32>> {
    if rate == RATE {
        return Ok(samples);
    }
    let mut resampler = FftFixedIn::<f32>::new(rate, RATE, CHUNK, 1, 1)?;
    let length = (samples.len() as u64 * RATE as u64).div_ceil(rate as u64) as usize;
    let skip = resampler.output_delay();
    let mut out: Vec<f32> = Vec::with_capacity(length + skip + CHUNK);
    let mut rest = &samples[..];
    while out.len() < skip + length {
        let wanted = resampler.input_frames_next();
        let made = if rest.len() >= wanted {
            let made = resampler.process(&[&rest[..wanted]], None)?;
            rest = &rest[wanted..];
            made
        } else {
            // The end, and then silence until all has come through.
            let made = resampler.process_partial((!rest.is_empty()).then_some(&[rest][..]), None)?;
            rest = &[];
            made
        };
        out.extend(&made[0]);
    }
    Ok(out[skip..skip + length].to_vec())
}

/// A faint recording at full height.
pub fn normalized(mut samples: Vec<f32>) -> Vec<f32> {
    let peak = samples.iter().fold(0.0f32, |most, s| most.max(s.abs()));
    if peak > 0.0 && peak <= FAINT {
        let gain = (LOUD / peak).min(GAIN);
        samples.iter_mut().for_each(|s| *s *= gain);
    }
    samples
}

/// Writes a WAV file of 16 bit, mono.
pub fn write(path: &Path, samples: &[f32], rate: usize) -> Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate as u32,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer =
        hound::WavWriter::create(path, spec).with_context(|| format!("{} cannot be written", path.display()))?;
    for sample in samples {
        writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16)?;
    }
    writer.finalize()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_place_and_height_through_the_resampler() {
        for rate in [8000, 44_100, 48_000] {
            let tone = |hz: f32, rate: usize, n: usize| -> Vec<f32> {
                (0..n).map(|i| (std::f32::consts::TAU * hz * i as f32 / rate as f32).sin() * 0.5).collect()
            };
            let got = resample(tone(440.0, rate, rate), rate).expect("resamples");
            assert_eq!(got.len(), RATE, "a second stays a second");
            let want = tone(440.0, RATE, RATE);
            let inside = 1000..RATE - 1000;
            let worst = inside.map(|i| (got[i] - want[i]).abs()).fold(0.0, f32::max);
            assert!(worst < 5e-3, "{rate} Hz: off by {worst}");
        }
    }

    #[test]
    fn faint_recordings_are_raised_and_loud_ones_left() {
        assert_eq!(normalized(vec![0.6, -0.1]), [0.6, -0.1]);
        assert!((normalized(vec![0.1, -0.09])[0] - 0.9).abs() < 1e-6);
        assert!((normalized(vec![1e-4, 0.0])[0] - 3e-3).abs() < 1e-6);
    }
}
