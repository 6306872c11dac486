//! What a run was made of, and the file `run.json`, from which it can be repeated.

use std::path::Path;

use kamado_data::Dataset;
use serde::Serialize;
use serde_json::Value;

use crate::baseline::Baseline;
use crate::error::TrainError;
use crate::json::write_json;

/// Everything that a result depends on.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RunRecord {
    /// The version of Kamado.
    pub kamado: &'static str,
    /// The configuration with every default filled in.
    pub config: Value,
    /// The seed of weights, order and augmentation.
    pub seed: u64,
    /// The number of threads.
    pub threads: usize,
    /// The machine.
    pub machine: Machine,
    /// The parts of the data, in the order training, validation, test.
    pub data: Vec<DataRecord>,
    /// The result to beat, on the part of the data that the model is measured with last.
    pub baseline: Option<Baseline>,
}

impl RunRecord {
    /// Writes `run.json`, whole or not at all.
    ///
    /// # Errors
    /// [`TrainError::File`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        write_json(path, self)
    }
}

/// The version of Kamado that writes the record.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Which examples a part of the data held.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct DataRecord {
    /// `train`, `validation` or `test`.
    pub part: &'static str,
    /// Where they come from.
    pub name: String,
    /// How many there are.
    pub examples: usize,
    /// SHA-256 of shape, classes, examples and labels; see [`Dataset::content_hash`].
    pub sha256: String,
}

impl DataRecord {
    /// The record of `dataset` as `part` of a run.
    pub fn of(part: &'static str, dataset: &Dataset) -> Self {
        let (name, sha256) = (dataset.name().to_owned(), dataset.content_hash());
        DataRecord { part, name, examples: dataset.len(), sha256 }
    }
}

/// The machine, as far as results and times depend on it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Machine {
    /// The processor's own name, if the system tells it.
    pub cpu: Option<String>,
    /// The threads that run at once.
    pub cores: usize,
    /// The instruction set in use, such as `avx512`.
    pub isa: String,
    /// The operating system.
    pub os: &'static str,
    /// The architecture, such as `x86_64`.
    pub arch: &'static str,
}

impl Machine {
    /// This machine, with the instruction set that the engine chose.
    pub fn detect(isa: &str) -> Self {
        // Only Linux tells it in a file; other systems need a command or a library for what is a remark.
        let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| cpu_name(&text));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Machine { cpu, cores, isa: isa.to_owned(), os: std::env::consts::OS, arch: std::env::consts::ARCH }
    }
}

fn cpu_name(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::classes;

    #[test]
    fn the_file_holds_everything() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        let data = classes(&[0, 1, 1], 2);
        let record = RunRecord {
            kamado: VERSION,
            config: serde_json::json!({"train": {"epochs": 3}}),
            seed: 7,
            threads: 2,
            machine: Machine::detect("scalar"),
            data: vec![DataRecord::of("train", &data)],
            baseline: Baseline::measure(&data, &data),
        };
        record.save(&path).unwrap();
        let read: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["config"]["train"]["epochs"], 3);
        assert_eq!(read["data"][0]["sha256"], data.content_hash());
        assert_eq!(read["data"][0]["examples"], 3);
        assert_eq!(read["baseline"]["class"], "class 1");
        assert_eq!(read["machine"]["isa"], "scalar");
        assert!(read["machine"]["cores"].as_u64() >= Some(1));
    }

    #[test]
    fn the_processor_is_named_if_the_system_tells() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\n";
        assert_eq!(cpu_name(text).as_deref(), Some("Some CPU @ 2.00GHz"));
        assert_eq!(cpu_name("processor : 0\n"), None);
    }
}
