//! A static server for `dist/` on the loopback address: the headers that a page with WebGPU, wasm and workers should have, ranges, and
//! nothing outside the folder.

use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Nothing inline, nothing from elsewhere, no `blob:`; wasm may compile. Workers and worklets are files of their own.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
    img-src 'self' data:; media-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The bench's other engines start workers from blobs: their folder, which never ships, has a policy of its own.
const BENCH_POLICY: &str = "default-src 'self' blob: data: 'unsafe-inline' 'wasm-unsafe-eval' 'unsafe-eval'";

/// Longest request head in bytes.
const LONGEST_HEAD: u64 = 32 << 10;

/// A visitor that neither reads nor writes for so long is let go.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. Every connection has a thread of its own: one visitor that stops reading holds up nobody else.
pub struct Server {
    accepting: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    port: u16,
}

impl Server {
    /// Serves `folder` on `port` (0: any free one).
    pub fn start(folder: &Path, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("cannot serve on port {port}: choose another with --port, or 0 for any"))?;
        let port = listener.local_addr()?.port();
        let stop = Arc::new(AtomicBool::new(false));
        let (folder, stopped) = (folder.to_path_buf(), Arc::clone(&stop));
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (Ok(stream), folder) = (stream, folder.clone()) else { continue };
                // An error is the visitor's connection going away: nothing to be done about it.
                std::thread::spawn(move || drop(converse(&folder, &stream)));
            }
        });
        Ok(Self { accepting: Some(accepting), stop, port })
    }

    /// The page's address. `localhost` counts as a secure context, which WebGPU and the microphone ask for.
    pub fn address(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// Serves until the process is interrupted.
    pub fn wait(mut self) {
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts, so that it sees the flag.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// What is used of a request (HTTP/1.1, RFC 9112).
struct Request {
    method: String,
    target: String,
    range: Option<String>,
    keep: bool,
    body: bool,
}

/// Answers one connection's requests in turn.
fn converse(folder: &Path, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        // A body is never wanted and never read, so such a connection cannot go on.
        let keep = request.keep && !request.body;
        answer(folder, &request, keep, &mut &*stream)?;
        if !keep {
            break;
        }
    }
    Ok(())
}

/// The next request's head, or none when the visitor has left or does not speak HTTP.
fn read_request(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut head = reader.take(LONGEST_HEAD);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) = (words.next(), words.next(), words.next()) else {
        return Ok(None);
    };
    let keep = line.trim_end().ends_with("HTTP/1.1");
    let mut request = Request { method: method.into(), target: target.into(), range: None, keep, body: false };
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(Some(request)) };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.into()),
            "connection" => request.keep &= !value.eq_ignore_ascii_case("close"),
            "content-length" => request.body = value != "0",
            "transfer-encoding" => request.body = true,
            _ => {}
        }
    }
}

fn answer(folder: &Path, request: &Request, keep: bool, out: &mut impl Write) -> std::io::Result<()> {
    if request.method != "GET" && request.method != "HEAD" {
        return plain(out, keep, "405 Method Not Allowed", "only GET and HEAD", &[("Allow", "GET, HEAD".into())]);
    }
    let found = locate(folder, &request.target).and_then(|path| Some((File::open(&path).ok()?, path)));
    let Some((mut file, path)) = found else { return plain(out, keep, "404 Not Found", "not found", &[]) };
    let length = file.metadata()?.len();
    let range = request.range.as_ref().map_or(Range::Whole, |text| parse_range(text, length));
    let (status, start, count) = match range {
        Range::Whole => ("200 OK", 0, length),
        Range::Part(start, end) => ("206 Partial Content", start, end - start + 1),
        Range::Unsatisfiable => {
            let whole = [("Content-Range", format!("bytes */{length}"))];
            return plain(out, keep, "416 Range Not Satisfiable", "no such range", &whole);
        }
    };
    let policy = if request.target.starts_with("/bench/") { BENCH_POLICY } else { POLICY };
    let mut headers = vec![("Content-Type", mime(&path).to_owned()), ("Content-Security-Policy", policy.to_owned())];
    if range != Range::Whole {
        headers.push(("Content-Range", format!("bytes {start}-{}/{length}", start + count - 1)));
    }
    write_head(out, keep, status, count, &headers)?;
    if request.method == "GET" {
        file.seek(SeekFrom::Start(start))?;
        std::io::copy(&mut file.take(count), out)?;
    }
    out.flush()
}

/// Both first headers together isolate the page: exact clocks and shared memory.
const COMMON: &str = "Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Embedder-Policy: require-corp\r\n\
    Cross-Origin-Resource-Policy: same-origin\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
    Accept-Ranges: bytes\r\nCache-Control: no-cache\r\n";

fn write_head(
    out: &mut impl Write,
    keep: bool,
    status: &str,
    length: u64,
    headers: &[(&str, String)],
) -> std::io::Result<()> {
    let connection = if keep { "keep-alive" } else { "close" };
    let own: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: {connection}\r\n{COMMON}{own}\r\n");
    out.write_all(head.as_bytes())
}

fn plain(
    out: &mut impl Write,
    keep: bool,
    status: &str,
    text: &str,
    headers: &[(&str, String)],
) -> std::io::Result<()> {
    write_head(out, keep, status, text.len() as u64, headers)?;
    out.write_all(text.as_bytes())
}

/// The file that a URL means, or none outside `folder`.
fn locate(folder: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = percent_decode(path)?;
    let relative = Path::new(path.trim_start_matches('/'));
    if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
        return None;
    }
    let file = folder.join(relative);
    let file = if file.is_dir() { file.join("index.html") } else { file };
    // Links inside must not lead out either.
    let (file, folder) = (file.canonicalize().ok()?, folder.canonicalize().ok()?);
    (file.starts_with(&folder) && file.is_file()).then_some(file)
}

/// `%20` and the like; none when it is no UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push((high * 16 + low) as u8);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// No usable range was named: the whole file.
    Whole,
    /// First and last byte.
    Part(u64, u64),
    Unsatisfiable,
}

/// One range of bytes (RFC 9110, 14.1.2); several at once get the whole file, as the standard allows.
fn parse_range(text: &str, length: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Range::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), _) if first >= length => Range::Unsatisfiable,
        (Ok(first), Ok(last)) if first <= last => Range::Part(first, last.min(length - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Range::Part(first, length - 1),
        (Err(_), Ok(0)) if first.is_empty() => Range::Unsatisfiable,
        (Err(_), Ok(count)) if first.is_empty() && length > 0 => Range::Part(length.saturating_sub(count), length - 1),
        _ => Range::Whole,
    }
}

fn mime(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("wav") => "audio/wav",
        Some("webmanifest") => "application/manifest+json",
        Some("ts" | "txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_standard_has_them() {
        assert_eq!(parse_range("bytes=0-3", 10), Range::Part(0, 3));
        assert_eq!(parse_range("bytes=4-", 10), Range::Part(4, 9));
        assert_eq!(parse_range("bytes=-3", 10), Range::Part(7, 9));
        assert_eq!(parse_range("bytes=5-99", 10), Range::Part(5, 9));
        assert_eq!(parse_range("bytes=10-", 10), Range::Unsatisfiable);
        assert_eq!(parse_range("bytes=-0", 10), Range::Unsatisfiable);
        assert_eq!(parse_range("lines=1-2", 10), Range::Whole);
        assert_eq!(parse_range("bytes=3-1", 10), Range::Whole);
    }

    #[test]
    fn serves_the_folder_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("zipper-server-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inside")).unwrap();
        std::fs::write(folder.join("secret"), "no").unwrap();
        std::fs::write(folder.join("inside/a b.wasm"), "0123456789").unwrap();
        let server = Server::start(&folder.join("inside"), 0).unwrap();
        let ask = |target: &str, extra: &str| {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{extra}\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        };
        let whole = ask("/a%20b.wasm", "");
        assert!(whole.starts_with("HTTP/1.1 200") && whole.ends_with("0123456789"), "{whole}");
        assert!(
            whole.contains("application/wasm") && whole.contains("require-corp") && whole.contains("wasm-unsafe-eval")
        );
        assert!(!whole.contains("blob:"));
        let part = ask("/a%20b.wasm", "Range: bytes=2-4\r\n");
        assert!(
            part.starts_with("HTTP/1.1 206") && part.ends_with("\r\n234") && part.contains("bytes 2-4/10"),
            "{part}"
        );
        for escape in ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "/a/../../secret", "//etc/passwd"] {
            assert!(ask(escape, "").starts_with("HTTP/1.1 404"), "{escape}");
        }
        drop(server);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
