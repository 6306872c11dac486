//! Downloads from a server on this machine, which behaves and misbehaves on demand.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use kamado_data::fetch::{Event, RemoteFile, fetch};

/// 5,000 bytes whose SHA-256 was computed with coreutils' sha256sum: `seq 1 1500 | head -c 5000`.
fn content() -> Vec<u8> {
    let text: String = (1..=1500).map(|n| format!("{n}\n")).collect();
    text.into_bytes()[..5000].to_vec()
}

const FILE: RemoteFile = RemoteFile {
    name: "data.gz",
    bytes: 5000,
    sha256: "828443b00a141f48dd7f702c57b5bffe6d8b5265990cfef97fc3aabca45428b5",
};

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Manner {
    Good,
    IgnoresRange,
    WrongContent,
    NotFound,
    /// Closes the connection after this many bytes of body.
    CutsAfter(usize),
    /// Announces nothing and sends more than the file has.
    TooMuch,
    AnnouncesTooMuch,
}

/// A server, the ranges it was asked for, and its address.
struct Server {
    requests: Arc<AtomicUsize>,
    ranges: Arc<Mutex<Vec<String>>>,
    address: String,
}

impl Server {
    fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/mirror/", listener.local_addr().unwrap());
        let (requests, ranges) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
        let server = Server { requests: requests.clone(), ranges: ranges.clone(), address };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                let Some(first) = head.first() else { continue };
                assert!(first.starts_with("GET /mirror/data.gz "), "{first}");
                let range = head.iter().find_map(|line| line.to_lowercase().strip_prefix("range: ").map(String::from));
                requests.fetch_add(1, Ordering::SeqCst);
                let answer = answer(manner, range.as_deref());
                ranges.lock().unwrap().push(range.unwrap_or_default());
                // A client that has seen enough may hang up.
                let _ = stream.write_all(&answer);
            }
        });
        server
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn answer(manner: Manner, range: Option<&str>) -> Vec<u8> {
    let content = content();
    let start: usize =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
    let full = |body: &[u8]| {
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len()).as_bytes(), body]
            .concat()
    };
    let partial = if start > 0 {
        let left = 5000 - start;
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {start}-4999/5000\r\ncontent-length: {left}\r\nconnection: close\r\n\r\n"
        );
        [head.as_bytes(), &content[start..]].concat()
    } else {
        full(&content)
    };
    match manner {
        Manner::Good => partial,
        Manner::IgnoresRange => full(&content),
        Manner::WrongContent => full(&[b'x'; 5000]),
        Manner::NotFound => b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\ngone".to_vec(),
        Manner::CutsAfter(bytes) => {
            let body_start = partial.len() - (5000 - start);
            partial[..(body_start + bytes).min(partial.len())].to_vec()
        }
        Manner::TooMuch => [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", &[b'x'; 100_000][..]].concat(),
        Manner::AnnouncesTooMuch => full(&[b'x'; 100_000]),
    }
}

/// Fetches from the servers; answers the reasons of failures on the way, and the result.
fn fetch_from(directory: &Path, servers: &[&Server]) -> (Vec<String>, Result<(), String>) {
    let mirrors: Vec<String> = servers.iter().map(|server| server.address.clone()).collect();
    let mut reasons = Vec::new();
    let result = fetch(&[FILE], &mirrors, directory, &mut |event| {
        if let Event::Failed { reason, .. } = event {
            reasons.push(reason.to_owned());
        }
    });
    (reasons, result.map(|_| ()).map_err(|e| e.to_string()))
}

fn is_there(directory: &Path) -> bool {
    !directory.join("data.gz.part").exists() && std::fs::read(directory.join("data.gz")).is_ok_and(|c| c == content())
}

#[test]
fn a_file_is_fetched_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/directory");
    let server = Server::start(Manner::Good);
    assert_eq!(fetch_from(&path, &[&server]), (vec![], Ok(())));
    assert!(is_there(&path));
    assert_eq!(fetch_from(&path, &[]), (vec![], Ok(())));
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_file_that_was_changed_is_fetched_again() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("data.gz"), [b'y'; 5000]).unwrap();
    assert_eq!(fetch_from(directory.path(), &[&Server::start(Manner::Good)]), (vec![], Ok(())));
    assert!(is_there(directory.path()));
}

#[test]
fn a_download_goes_on_where_it_stopped() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("data.gz.part"), &content()[..1234]).unwrap();
    let server = Server::start(Manner::Good);
    assert_eq!(fetch_from(directory.path(), &[&server]), (vec![], Ok(())));
    assert!(is_there(directory.path()));
    assert_eq!(*server.ranges.lock().unwrap(), ["bytes=1234-"]);
}

#[test]
fn a_server_that_cannot_resume_sends_all() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("data.gz.part"), [b'z'; 1234]).unwrap();
    assert_eq!(fetch_from(directory.path(), &[&Server::start(Manner::IgnoresRange)]), (vec![], Ok(())));
    assert!(is_there(directory.path()));
}

#[test]
fn a_start_that_was_wrong_is_thrown_away() {
    for wrong in [1234, 5000, 6000] {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("data.gz.part"), vec![b'z'; wrong]).unwrap();
        assert_eq!(fetch_from(directory.path(), &[&Server::start(Manner::Good)]).1, Ok(()), "{wrong}");
        assert!(is_there(directory.path()));
    }
}

#[test]
fn a_cut_connection_is_taken_up_again() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(Manner::CutsAfter(2000));
    let (reasons, result) = fetch_from(directory.path(), &[&server]);
    assert_eq!((reasons.len(), result), (2, Ok(())));
    assert!(reasons[0].contains("2000 of 5000"), "{reasons:?}");
    assert_eq!(*server.ranges.lock().unwrap(), ["", "bytes=2000-", "bytes=4000-"]);
    assert!(is_there(directory.path()));
}

#[test]
fn the_next_mirror_is_tried() {
    let failures = [
        (Manner::NotFound, "answered 404"),
        (Manner::WrongContent, "the content is wrong"),
        (Manner::CutsAfter(0), "0 of 5000"),
        (Manner::TooMuch, "more than the 5000 bytes"),
        (Manner::AnnouncesTooMuch, "offers 100000 bytes"),
    ];
    for (manner, reason) in failures {
        let directory = tempfile::tempdir().unwrap();
        let (bad, good) = (Server::start(manner), Server::start(Manner::Good));
        let (reasons, result) = fetch_from(directory.path(), &[&bad, &good]);
        assert_eq!(result, Ok(()), "{reason}");
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reason}: {reasons:?}");
        assert!(is_there(directory.path()));
    }
}

#[test]
fn when_no_mirror_delivers_all_reasons_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let (missing, wrong) = (Server::start(Manner::NotFound), Server::start(Manner::WrongContent));
    let text = fetch_from(directory.path(), &[&missing, &wrong]).1.unwrap_err();
    assert!(text.contains(&format!("{}data.gz: the server answered 404", missing.address)), "{text}");
    assert!(text.contains("the content is wrong") && text.contains("run it again"), "{text}");
    assert!(!directory.path().join("data.gz").exists());
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(Manner::Good);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(fetch_from(directory.path(), &[&server]), (vec![], Ok(()))));
        }
    });
    assert!(is_there(directory.path()));
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(fetch_from(&file.join("sub"), &[]).1.unwrap_err().contains("cannot create it"));
}
