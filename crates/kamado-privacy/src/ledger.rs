//! The ledger: what private training has been charged, in a file that only grows.
//!
//! One JSON object a line. Every line holds the hash of the line before, so that none can be changed, taken out or put in
//! without the rest being wrong; the model keeps the hash of the last line, so that none can be cut off. A charge is
//! written, down to the disk, before the steps that it pays for: a crash can only make the account too high.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::accountant::Accountant;
use crate::error::PrivacyError;
use crate::mechanism::SampledGaussian;
use crate::plan::PrivacyPlan;

/// The name of the file beside a model.
pub const LEDGER: &str = "privacy.jsonl";
/// No ledger is longer, in bytes.
const LONGEST: u64 = 1 << 26;

/// The beginning of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunEntry {
    /// What the run does.
    pub plan: PrivacyPlan,
    /// SHA-256 of the training examples.
    pub data: String,
    /// Whether the randomness comes from a number that someone chose, which voids every promise.
    pub seeded: bool,
}

/// Steps that are paid for.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChargeEntry {
    /// What each step does.
    pub mechanism: SampledGaussian,
    /// How many there are.
    pub steps: u64,
}

/// What a line says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A run begins.
    Run(RunEntry),
    /// Steps are charged to the run that began last.
    Charge(ChargeEntry),
}

#[derive(Serialize, Deserialize)]
struct Line {
    entry: Entry,
    previous: String,
    hash: String,
}

/// A verified ledger, open for charges.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    entries: Vec<Entry>,
    hashes: Vec<String>,
}

impl Ledger {
    /// Reads and verifies a ledger; an empty one if there is no file.
    ///
    /// # Errors
    /// If the file cannot be read, or is not what was written.
    pub fn open(path: &Path) -> Result<Self, PrivacyError> {
        let mut ledger = Ledger { path: path.to_owned(), entries: Vec::new(), hashes: Vec::new() };
        let size = match std::fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ledger),
            Err(error) => return Err(unreadable(path, &error)),
        };
        if size > LONGEST {
            return Err(broken(path, 1, "the file is larger than any ledger"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        for (number, text) in text.lines().enumerate() {
            let wrong = |why: &str| broken(path, number + 1, why);
            let line: Line = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
            if line.previous != ledger.last_hash() {
                return Err(wrong("it does not follow the line before"));
            }
            if line.hash != hash(&line.entry, &line.previous) {
                return Err(wrong("its hash is another"));
            }
            if number == 0 && !matches!(line.entry, Entry::Run(_)) {
                return Err(wrong("a charge without a run"));
            }
            let mechanism = match &line.entry {
                Entry::Run(run) => run.plan.mechanism(),
                Entry::Charge(ChargeEntry { mechanism, .. }) => {
                    SampledGaussian::new(mechanism.sampling_rate(), mechanism.noise_multiplier())
                }
            };
            mechanism.map_err(|error| wrong(&error.problem))?;
            ledger.entries.push(line.entry);
            ledger.hashes.push(line.hash);
        }
        Ok(ledger)
    }

    /// Begins a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn begin(&mut self, run: RunEntry) -> Result<(), PrivacyError> {
        self.append(Entry::Run(run))
    }

    /// Charges steps to the run that began last; the charge is on disk when this returns.
    ///
    /// # Errors
    /// If the file cannot be written: then the steps may not be taken.
    pub fn charge(&mut self, mechanism: SampledGaussian, steps: u64) -> Result<(), PrivacyError> {
        self.append(Entry::Charge(ChargeEntry { mechanism, steps }))
    }

    /// The entries so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The hash of the last line: what a model that has been charged so far remembers.
    pub fn last_hash(&self) -> &str {
        self.hashes.last().map_or("", String::as_str)
    }

    /// The number of lines up to the one with this hash; `None` if the ledger lacks it, because it was cut or is another's.
    pub fn lines_until(&self, hash: &str) -> Option<usize> {
        self.hashes.iter().position(|known| known == hash).map(|index| index + 1)
    }

    /// Refuses to go on with a run that this ledger does not know, or that another ledger or plan belongs to.
    ///
    /// # Errors
    /// If there is no ledger, it is older than `remembered`, or the run has other data or another plan.
    pub fn expect_resumable(&self, remembered: &str, run: &RunEntry) -> Result<(), PrivacyError> {
        let refuse = |problem: String| {
            let remedy = "Put the ledger that belongs to the model beside it, or start again with a new model";
            Err(PrivacyError::new(problem, remedy))
        };
        let place = self.path.display();
        let Some(Entry::Run(last)) = self.entries.iter().rev().find(|e| matches!(e, Entry::Run(_))) else {
            return refuse(format!("{place} does not exist, so nobody knows what this model has cost so far"));
        };
        if self.lines_until(remembered).is_none() {
            return refuse(format!("{place} is older than the model or belongs to another one"));
        }
        match (last.data == run.data, last.plan == run.plan) {
            (false, _) => refuse(format!("{place} was written for other training data")),
            (_, false) => refuse(format!("{place} was written for another plan: {:?}", last.plan)),
            _ => Ok(()),
        }
    }

    fn append(&mut self, entry: Entry) -> Result<(), PrivacyError> {
        let previous = self.last_hash().to_owned();
        let line = Line { hash: hash(&entry, &previous), entry, previous };
        let text = serde_json::to_string(&line).unwrap_or_default() + "\n";
        write(&self.path, &text).map_err(|error| {
            let problem = format!("cannot write the ledger {}: {error}", self.path.display());
            PrivacyError::new(problem, "Make room or choose another directory; no step is taken that is not paid for")
        })?;
        self.entries.push(line.entry);
        self.hashes.push(line.hash);
        Ok(())
    }
}

/// What a run has been charged, by the entries of its ledger.
pub fn account<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Accountant {
    let mut account = Accountant::new();
    for entry in entries {
        if let Entry::Charge(charge) = entry {
            account.charge(charge.mechanism, charge.steps);
        }
    }
    account
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

fn hash(entry: &Entry, previous: &str) -> String {
    let text = serde_json::to_string(entry).unwrap_or_default();
    let digest = Sha256::digest(format!("{previous}\n{text}"));
    digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn unreadable(path: &Path, error: &std::io::Error) -> PrivacyError {
    PrivacyError::new(
        format!("cannot read the ledger {}: {error}", path.display()),
        "Check the file and its permissions",
    )
}

fn broken(path: &Path, line: usize, why: &str) -> PrivacyError {
    let problem = format!("the ledger {} is damaged or was changed, in line {line}: {why}", path.display());
    PrivacyError::new(problem, "Without it nobody can say what the model has cost; restore the file from a copy")
}
