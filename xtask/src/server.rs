//! A static server for `dist/` on the loopback address: the headers that a page with WebGPU, wasm and workers should have, ranges, and
//! nothing outside the folder.

use anyhow::{Result, anyhow};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use tiny_http::{Header, Method, Request, Response, StatusCode};

/// Nothing inline, nothing from elsewhere, no `blob:`; wasm may compile. Workers and worklets are files of their own.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
    img-src 'self' data:; media-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The bench's other engines start workers from blobs: their folder, which never ships, has a policy of its own.
const BENCH_POLICY: &str = "default-src 'self' blob: data: 'unsafe-inline' 'wasm-unsafe-eval' 'unsafe-eval'";

/// Requests answered at a time.
const THREADS: usize = 4;

/// A running server.
pub struct Server {
    inner: Arc<tiny_http::Server>,
    threads: Vec<JoinHandle<()>>,
    port: u16,
}

impl Server {
    /// Serves `folder` on `port` (0: any free one).
    pub fn start(folder: &Path, port: u16) -> Result<Self> {
        let inner = tiny_http::Server::http(("127.0.0.1", port)).map_err(|error| {
            anyhow!("cannot serve on port {port}: {error}. Choose another with --port, or 0 for any")
        })?;
        let port = inner.server_addr().to_ip().ok_or_else(|| anyhow!("the server has no IP address"))?.port();
        let inner = Arc::new(inner);
        let threads = (0..THREADS)
            .map(|_| {
                let (inner, folder) = (Arc::clone(&inner), folder.to_path_buf());
                std::thread::spawn(move || {
                    while let Ok(request) = inner.recv() {
                        // An error here is the visitor's connection going away: nothing to be done about it.
                        let _ = answer(&folder, request);
                    }
                })
            })
            .collect();
        Ok(Self { inner, threads, port })
    }

    /// The page's address. `localhost` counts as a secure context, which WebGPU and the microphone ask for.
    pub fn address(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }

    /// Serves until the process is interrupted.
    pub fn wait(mut self) {
        for thread in std::mem::take(&mut self.threads) {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for _ in 0..THREADS {
            self.inner.unblock();
        }
    }
}

fn answer(folder: &Path, request: Request) -> std::io::Result<()> {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return request.respond(plain(405, "only GET and HEAD"));
    }
    let Some(path) = locate(folder, request.url()) else { return request.respond(plain(404, "not found")) };
    let Ok(mut file) = File::open(&path) else { return request.respond(plain(404, "not found")) };
    let length = file.metadata()?.len();
    let asked = request.headers().iter().find(|header| header.field.equiv("Range")).map(|header| header.value.as_str());
    let range = asked.map(|text| parse_range(text, length));
    let (status, start, count) = match range {
        None | Some(Range::Whole) => (200, 0, length),
        Some(Range::Part(start, end)) => (206, start, end - start + 1),
        Some(Range::Unsatisfiable) => {
            return request
                .respond(plain(416, "range").with_header(header("Content-Range", &format!("bytes */{length}"))));
        }
    };
    file.seek(SeekFrom::Start(start))?;
    let mut headers = common_headers(&path, request.url());
    if status == 206 {
        headers.push(header("Content-Range", &format!("bytes {start}-{}/{length}", start + count - 1)));
    }
    let length = usize::try_from(count).unwrap_or(usize::MAX);
    let response = Response::new(StatusCode(status), headers, file.take(count), Some(length), None);
    // Known lengths are sent as such: the page's progress needs them.
    request.respond(response.with_chunked_threshold(usize::MAX))
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

#[derive(Debug, PartialEq, Eq)]
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

fn common_headers(path: &Path, url: &str) -> Vec<Header> {
    let policy = if url.starts_with("/bench/") { BENCH_POLICY } else { POLICY };
    [
        ("Content-Type", mime(path)),
        ("Content-Security-Policy", policy),
        // Both together isolate the page: exact clocks and shared memory.
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Embedder-Policy", "require-corp"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "no-cache"),
    ]
    .iter()
    .map(|(name, value)| header(name, value))
    .collect()
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

fn header(name: &str, value: &str) -> Header {
    // Both are ASCII: names are ours, values ours or numbers.
    Header::from_bytes(name, value).unwrap_or_else(|()| unreachable!("header {name} is ASCII"))
}

fn plain(status: u16, text: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    Response::from_string(text).with_status_code(status).with_header(header("X-Content-Type-Options", "nosniff"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpStream;

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
