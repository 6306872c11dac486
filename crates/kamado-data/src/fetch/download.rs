//! One file, from the first mirror that delivers it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;

use super::{Event, RemoteFile, cache};
use crate::error::{DataError, Result};

/// How often a mirror may break off and be asked to go on, as long as each time brings something.
const TRIES: usize = 3;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
/// For the whole body: a slow line needs long, and one that stops delivering must end.
const BODY: Duration = Duration::from_secs(300);

/// Why an attempt failed.
enum Failure {
    /// The mirror is to blame: the reason, in words.
    Mirror(String),
    /// This machine is to blame, so that another mirror would not help.
    Here(DataError),
}

impl Failure {
    /// What makes a failure of this machine from the error of `action` on `path`.
    fn here<'a>(path: &'a Path, action: &'static str) -> impl Fn(io::Error) -> Failure + 'a {
        move |e| Failure::Here(DataError::io(path, action, e))
    }
}

/// Downloads a file to `directory`, by way of `<name>.part`; the caller holds the lock of the directory.
pub(super) fn from_mirrors(
    file: &RemoteFile,
    mirrors: &[String],
    directory: &Path,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<()> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_recv_body(Some(BODY));
    let agent = Agent::new_with_config(config.build());
    let part = directory.join(format!("{}.part", file.name));
    let mut attempts = String::new();
    for mirror in mirrors {
        let url = format!("{mirror}{}", file.name);
        for _ in 0..TRIES {
            let before = part.metadata().map_or(0, |metadata| metadata.len());
            let reason = match attempt(&agent, &url, file, &part, report) {
                Ok(()) => return finish(file, &part, directory),
                Err(Failure::Here(error)) => return Err(error),
                Err(Failure::Mirror(reason)) => reason,
            };
            report(Event::Failed { url: &url, reason: &reason });
            attempts.push_str(&format!("  {url}: {reason}\n"));
            let after = part.metadata().map_or(0, |metadata| metadata.len());
            // Worth another try: it broke off but brought something, or what was resumed turned out to be wrong.
            let again = after > before || (before > 0 && after == 0);
            if !again {
                break;
            }
        }
    }
    Err(DataError::Download {
        file: file.name.to_owned(),
        attempts: attempts.trim_end().to_owned(),
        remedy: format!(
            "Check the network (and https_proxy) and run it again: it goes on where it stopped. Or put the file into {}",
            directory.display()
        ),
    })
}

/// Brings `part` to its full length from `url` and verifies it; removes it if it is wrong.
fn attempt(
    agent: &Agent,
    url: &str,
    file: &RemoteFile,
    part: &Path,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<(), Failure> {
    let (opens, reads, writes) =
        (Failure::here(part, "open it"), Failure::here(part, "read it"), Failure::here(part, "write it"));
    let mut target = File::options().create(true).truncate(false).write(true).open(part).map_err(opens)?;
    let mut have = target.metadata().map_err(&reads)?.len();
    if have > file.bytes {
        have = 0;
    }
    if have < file.bytes {
        let (body, start) = request(agent, url, file, have)?;
        target.set_len(start).map_err(&writes)?;
        target.seek(SeekFrom::Start(start)).map_err(&writes)?;
        copy(body, &mut target, start, file, part, report)?;
        target.sync_all().map_err(&writes)?;
    }
    let digest = cache::digest(part).map_err(&reads)?;
    let length = target.metadata().map_err(&reads)?.len();
    if length == file.bytes && digest == file.sha256 {
        return Ok(());
    }
    std::fs::remove_file(part).map_err(writes)?;
    Err(Failure::Mirror(format!(
        "the content is wrong: expected {} bytes with SHA-256 {}, found {length} with {digest}",
        file.bytes, file.sha256
    )))
}

/// Asks for the bytes from `have` on; answers them and where they start, which is 0 if the server cannot resume.
fn request(agent: &Agent, url: &str, file: &RemoteFile, have: u64) -> Result<(impl Read, u64), Failure> {
    let failed = |reason: String| Failure::Mirror(reason);
    let mut request = agent.get(url).header("accept-encoding", "identity");
    if have > 0 {
        request = request.header("range", format!("bytes={have}-"));
    }
    let response = request.call().map_err(|e| failed(e.to_string()))?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let start = match response.status().as_u16() {
        200 => 0,
        206 if header("content-range").is_some_and(|range| range.starts_with(&format!("bytes {have}-"))) => have,
        206 => return Err(failed("the server sent another range than asked for".into())),
        status => return Err(failed(format!("the server answered {status}"))),
    };
    let length = header("content-length").and_then(|length| length.parse::<u64>().ok());
    if let Some(length) = length.filter(|&length| length != file.bytes - start) {
        return Err(failed(format!("the server offers {length} bytes where {} are missing", file.bytes - start)));
    }
    // One byte more than is missing, so that a body that goes on is noticed and not merely cut.
    Ok((response.into_body().into_reader().take(file.bytes - start + 1), start))
}

/// Copies the body behind the first `start` bytes of `part`, which is open as `target`.
fn copy(
    mut body: impl Read,
    target: &mut File,
    start: u64,
    file: &RemoteFile,
    part: &Path,
    report: &mut dyn FnMut(Event<'_>),
) -> Result<(), Failure> {
    let total = file.bytes;
    let (mut done, mut buffer) = (start, vec![0; 1 << 16]);
    loop {
        report(Event::Progress { file: file.name, done, total });
        let read = body
            .read(&mut buffer)
            .map_err(|e| Failure::Mirror(format!("broke off at {done} of {total} bytes: {e}")))?;
        if read == 0 && done < total {
            return Err(Failure::Mirror(format!("ended at {done} of {total} bytes")));
        }
        if read == 0 {
            return Ok(());
        }
        done += read as u64;
        if done > total {
            target.set_len(0).map_err(Failure::here(part, "shorten it"))?;
            return Err(Failure::Mirror(format!("the server sent more than the {total} bytes of the file")));
        }
        target.write_all(&buffer[..read]).map_err(Failure::here(part, "write it"))?;
    }
}

fn finish(file: &RemoteFile, part: &Path, directory: &Path) -> Result<()> {
    let path = directory.join(file.name);
    std::fs::rename(part, &path).map_err(|e| DataError::io(&path, "move the finished download here", e))
}
