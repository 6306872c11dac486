//! The model file: the same bytes every time, readable by others, and nothing damaged gets in.

use std::path::Path;

use kamado_graph::graph::{Role, VariableInfo};
use kamado_graph::rng::Rng;
use kamado_nn::layers::*;
use kamado_nn::model::{Model, Seed, Sequential, Variable};
use kamado_nn::model_file::{ModelFile, ModelFileError, load, parse, save, to_bytes};
use sha2::{Digest, Sha256};

fn file() -> ModelFile {
    let model = Sequential::new([4])
        .add(Dense::new(3).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(Dense::new(2).activation(Activation::Softmax))
        .build(Seed(3))
        .unwrap();
    let info = VariableInfo { name: "adam.dense.kernel.m".into(), shape: vec![2], role: Role::Slot };
    ModelFile {
        model,
        preprocessing: serde_json::json!({"scale": 0.00392156862745098, "name": "π \"quoted\""}),
        labels: vec!["cat".into(), "hond".into()],
        extra: serde_json::json!([1, {"epoch": 3}]),
        state: vec![Variable { info, value: vec![0.5, -1.0] }],
    }
}

/// The JSON of the header.
fn header(bytes: &[u8]) -> String {
    let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    String::from_utf8(bytes[8..8 + n].to_vec()).unwrap()
}

/// The file with another header, and a checksum that fits again, as an attacker would make it.
fn with_header(bytes: &[u8], change: impl FnOnce(String) -> String) -> Vec<u8> {
    let old = header(bytes);
    let new = change(old.clone());
    assert_ne!(old, new, "the change did nothing");
    let mut changed = (new.len() as u64).to_le_bytes().to_vec();
    changed.extend(new.bytes());
    changed.extend(&bytes[8 + old.len()..]);
    sealed(changed)
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mark = b"\"kamado.checksum\":\"";
    let Some(at) = bytes.windows(mark.len()).position(|w| w == mark).map(|at| at + mark.len()) else { return bytes };
    if bytes.len() < at + 64 {
        return bytes;
    }
    bytes[at..at + 64].fill(b'0');
    let digits: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    bytes[at..at + 64].copy_from_slice(digits.as_bytes());
    bytes
}

fn error(bytes: &[u8]) -> String {
    parse(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    save(&path, &file()).unwrap();
    assert_eq!(load(&path).unwrap(), file());
    save(&path, &load(&path).unwrap()).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), to_bytes(&file()).unwrap(), "the same contents, the same bytes");
    let names: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["model.safetensors"], "no temporary file stays");
}

#[test]
fn the_safetensors_library_reads_it() {
    let bytes = to_bytes(&file()).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let kernel = tensors.tensor("dense.kernel").unwrap();
    assert_eq!((kernel.dtype(), kernel.shape()), (safetensors::Dtype::F32, &[4, 3][..]));
    let expected: Vec<u8> = file().model.variables[0].value.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(kernel.data(), expected);
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["kamado.labels"], r#"["cat","hond"]"#);
    assert_eq!((bytes.len() - 4 * tensors.iter().map(|(_, t)| t.data().len() / 4).sum::<usize>()) % 8, 0);
}

#[test]
fn every_truncation_and_every_flipped_bit_is_found() {
    let bytes = to_bytes(&file()).unwrap();
    for n in 0..bytes.len() {
        assert!(parse(&bytes[..n]).is_err(), "cut to {n} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(error(&longer).contains("checksum"));
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(parse(&flipped).is_err(), "bit {bit} flipped");
    }
}

#[test]
fn damage_is_named() {
    let bytes = to_bytes(&file()).unwrap();
    assert_eq!(error(&[]), "it is empty");
    assert!(error(b"hello").contains("5 bytes, less than the 8"));
    assert!(error(&[0xff; 100]).contains("announces a header of 18446744073709551615 bytes"));
    assert!(error(&bytes[..100]).contains("only 92 follow; it is truncated"));
    let other = safetensors::serialize(Vec::<(String, safetensors::tensor::TensorView<'_>)>::new(), None).unwrap();
    assert!(error(&other).contains("no kamado.checksum, so it was not written by kamado"));
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(error(&flipped).contains("checksum does not match"));
}

#[test]
fn hostile_headers_with_a_fitting_checksum_are_refused() {
    let bytes = to_bytes(&file()).unwrap();
    let text = header(&bytes);
    let replaced = |from: &str, to: &str| error(&with_header(&bytes, |h| h.replacen(from, to, 1)));
    assert!(replaced("kamado.format\":\"1", "kamado.format\":\"2").contains("version \"2\", but this program reads"));
    assert!(replaced("kamado.labels", "kamado.colour").contains("no kamado.labels"));
    let other = replaced("\\\"units\\\":3", "\\\"units\\\":4");
    assert_eq!(other, "tensor \"dense.kernel\" has shape [4, 3], but the architecture expects [4, 4]");
    assert!(replaced("\\\"units\\\":3", "\\\"units\\\":0").contains("architecture is not possible: model.layers[0]"));
    assert!(replaced("\\\"units\\\":3", "\\\"units\\\":18446744073709551615").contains("not possible"));
    assert!(replaced("\\\"units\\\":3", "\\\"unitz\\\":3").contains("unknown field `unitz`"));
    assert!(
        replaced("\"dense.bias\"", "\"dense.bios\"")
            .contains("expects a tensor \"dense.bias\" of shape [3], which is missing")
    );
    assert!(
        replaced("\"state.adam", "\"adam")
            .contains("\"adam.dense.kernel.m\" is in the file, but not in the architecture")
    );
    assert!(replaced("\"F32\"", "\"F16\"").contains("has type F16, expected F32"));
    assert!(replaced("\"shape\":[3]", "\"shape\":[2]").contains("is said to lie at bytes"));
    let places: Vec<&str> = text.split("\"data_offsets\":").skip(1).map(|t| t.split('}').next().unwrap()).collect();
    for hostile in
        [places[1], "[0,18446744073709551615]", "[18446744073709551615,0]", "[4,16]", "[8,4]", "[-1,3]", "[0]"]
    {
        let message = replaced(places[0], hostile);
        assert!(message.contains("is said to lie at bytes") || message.contains("header is not that of"), "{message}");
    }
    let overflow = "\"shape\":[4611686018427387904,4]";
    assert!(replaced("\"shape\":[3]", overflow).contains("is said to lie at bytes"));
    let deep = "[".repeat(100_000);
    assert!(
        error(&with_header(&bytes, |h| h.replacen('{', &format!("{{\"deep\":{deep},"), 1))).contains("header is not")
    );
    assert!(error(&with_header(&bytes, |_| "not JSON".into())).contains("kamado.checksum"));
}

#[test]
fn thousands_of_corruptions_never_panic() {
    let good = file();
    let bytes = to_bytes(&good).unwrap();
    let mut rng = Rng::new(11, 0);
    for round in 0..4000 {
        let mut changed = bytes.clone();
        for _ in 0..=rng.below(4) {
            let at = rng.below(changed.len() as u64) as usize;
            match rng.below(4) {
                0 => changed[at] = rng.next_u32() as u8,
                1 => changed.truncate(at + 1),
                2 => changed.insert(at, rng.next_u32() as u8),
                _ => drop(changed.splice(at..(at + 8).min(changed.len()), [0])),
            }
        }
        match parse(&changed) {
            Ok(read) => assert_eq!(read, good, "round {round}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// As an attacker would: each change with a fitting length and checksum, so that the reading behind them is reached.
#[test]
fn thousands_of_forged_headers_never_panic() {
    let bytes = to_bytes(&file()).unwrap();
    let mut rng = Rng::new(12, 0);
    let mut accepted = 0;
    for _ in 0..6000 {
        let forged = with_header(&bytes, |text| {
            let mut text = text.into_bytes();
            for _ in 0..=rng.below(3) {
                let at = rng.below(text.len() as u64) as usize;
                let letter = b"0123456789{}[],:\"-.eabtnul "[rng.below(27) as usize];
                match rng.below(3) {
                    0 => text[at] = letter,
                    1 => text.insert(at, letter),
                    _ => drop(text.remove(at)),
                }
            }
            // Longer at the end than anything above can make up for.
            String::from_utf8_lossy(&text).into_owned() + "    "
        });
        match parse(&forged) {
            Ok(read) => {
                accepted += 1;
                assert!(read.model.inference_graph().is_ok());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    assert!((100..3000).contains(&accepted), "{accepted} of 6000 got through; the others must fail somewhere");
}

#[test]
fn what_cannot_be_written_is_an_error_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("none").join("model.safetensors");
    let error = save(&missing, &file()).unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("none") && error.contains("check the path"), "{error}");
    assert!(save(Path::new("/"), &file()).unwrap_err().to_string().contains("name of a file"));
    assert!(save(directory.path(), &file()).is_err(), "a directory is not replaced");
    assert!(directory.path().is_dir());
    let mut wrong = file();
    wrong.model.variables[0].value.pop();
    let error = to_bytes(&wrong).unwrap_err().to_string();
    assert_eq!(error, "variable \"dense.kernel\" of shape [4, 3] has 11 values");
}

#[cfg(unix)]
#[test]
fn a_directory_without_permission_keeps_the_old_file() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    save(&path, &file()).unwrap();
    let permissions = |mode| std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    permissions(0o555);
    let mut other = file();
    other.labels.clear();
    let result = save(&path, &other);
    permissions(0o755);
    // The superuser may write anyway.
    if let Err(error) = result {
        assert!(error.to_string().contains("check the permissions"), "{error}");
        assert_eq!(load(&path).unwrap(), file());
    }
}

#[test]
fn a_failed_write_keeps_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    save(&path, &file()).unwrap();
    // A directory where the temporary file should be: nobody, the superuser neither, can write there.
    let temporary = format!(".model.safetensors.{}.tmp", std::process::id());
    std::fs::create_dir(directory.path().join(temporary)).unwrap();
    let mut other = file();
    other.labels.clear();
    assert!(save(&path, &other).unwrap_err().to_string().contains("cannot write"));
    assert_eq!(load(&path).unwrap(), file());
}

#[test]
fn a_full_disk_is_named_with_the_remedy() {
    let source = std::io::ErrorKind::StorageFull.into();
    let error = ModelFileError::Io { action: "write", path: "model.safetensors".into(), source }.to_string();
    assert!(error.contains("\"model.safetensors\"") && error.contains("free some space"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_not_a_file_is_not_read() {
    let error = |path: &str| load(Path::new(path)).unwrap_err().to_string();
    assert!(error("/dev/zero").contains("\"/dev/zero\" is not a usable model file: it is a directory or a device"));
    assert!(error("/tmp").contains("directory or a device"));
    assert!(error("/nowhere/model.safetensors").contains("cannot read \"/nowhere/model.safetensors\""));
}

#[test]
fn a_model_without_extras() {
    let model: Model = Sequential::new([2]).add(Dense::new(1)).build(Seed(1)).unwrap();
    let file = ModelFile::new(model);
    assert_eq!(parse(&to_bytes(&file).unwrap()).unwrap(), file);
}
