//! Any bytes are an archive whose files can be read or refused, or an error.
#![no_main]

use kamado_data::media::{Media, MediaLimits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let ending = if input.0 { "zip" } else { "tar.gz" };
    let path = std::env::temp_dir().join(format!("kamado-fuzz-archive-{}.{ending}", std::process::id()));
    std::fs::write(&path, input.1).expect("a temporary file can be written");
    let limits = MediaLimits { file_bytes: 1 << 20, archive_bytes: 1 << 26, ..MediaLimits::default() };
    let media = Media::with_limits(limits);
    let path = path.to_string_lossy();
    for name in media.names(&path).unwrap_or_default() {
        assert!(!name.split('/').any(|part| part == ".."));
        if let Ok(bytes) = media.read(&format!("{path}!/{name}")) {
            assert!(bytes.len() <= 1 << 20);
        }
    }
});
