//! The ledger and the certificate that comes of it.

use std::fs;

use kamado_privacy::ledger::{Ledger, RunEntry};
use kamado_privacy::{Budget, Certificate, PrivacyPlan};

fn run() -> RunEntry {
    let plan = PrivacyPlan::new(0.01, 1000, Budget::NoiseMultiplier(1.0), 1e-5, 1.0, 64.0).unwrap();
    RunEntry { plan, data: "abc".into(), seeded: false }
}

/// A ledger of one run with two charges.
fn written(dir: &tempfile::TempDir) -> (std::path::PathBuf, String) {
    let path = dir.path().join("privacy.jsonl");
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.begin(run()).unwrap();
    ledger.charge(run().plan.mechanism().unwrap(), 50).unwrap();
    ledger.charge(run().plan.mechanism().unwrap(), 30).unwrap();
    (path, ledger.last_hash().to_owned())
}

#[test]
fn what_was_written_is_read_and_certified() {
    let dir = tempfile::tempdir().unwrap();
    let (path, hash) = written(&dir);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.last_hash(), hash);
    assert_eq!(ledger.lines_until(&hash), Some(3));
    let certificate = Certificate::of(&ledger).unwrap();
    let mut account = kamado_privacy::Accountant::new();
    account.charge(run().plan.mechanism().unwrap(), 80);
    assert_eq!(certificate.epsilon, account.epsilon(1e-5).unwrap());
    assert!(certificate.private && certificate.epsilon_rdp > certificate.epsilon.upper);
    assert_eq!((certificate.steps_charged, certificate.runs), (80, 1));
    let text = certificate.to_string();
    for expected in ["-differentially private", "80 charged of 1000", "Poisson", "search for settings"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let json = serde_json::to_value(&certificate).unwrap();
    assert_eq!(json["plan"]["adjacency"], "add_or_remove_one");
    assert!(json["epsilon_upper"].as_f64() > json["epsilon_lower"].as_f64());
}

#[test]
fn a_second_run_is_counted_and_a_seed_voids_the_promise() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = written(&dir);
    let mut ledger = Ledger::open(&path).unwrap();
    ledger.begin(RunEntry { seeded: true, ..run() }).unwrap();
    ledger.charge(run().plan.mechanism().unwrap(), 10).unwrap();
    let certificate = Certificate::of(&ledger).unwrap();
    assert!(!certificate.private);
    assert!(certificate.to_string().contains("NOT PRIVATE: batches and noise come from a fixed seed"));
    assert!(!certificate.to_string().contains("-differentially private"));
    assert_eq!((certificate.steps_charged, certificate.runs), (10, 2));
    assert!(certificate.epsilon_of_all_runs.unwrap().upper > certificate.epsilon.upper);
}

#[test]
fn whatever_is_changed_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (path, hash) = written(&dir);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let error = |text: String| {
        fs::write(&path, text).unwrap();
        Ledger::open(&path).unwrap_err().to_string()
    };
    assert!(error(text.replace("\"steps\":50", "\"steps\":5")).contains("in line 2: its hash is another"));
    assert!(error([lines[0], lines[2]].join("\n")).contains("in line 2: it does not follow the line before"));
    assert!(error(lines[1..].join("\n")).contains("in line 1: it does not follow"));
    assert!(error(text.replace("\"charge\"", "\"gift\"")).contains("unknown variant `gift`"));
    // What was cut off at the end is found by what the model remembers.
    fs::write(&path, lines[..2].join("\n") + "\n").unwrap();
    let cut = Ledger::open(&path).unwrap();
    assert_eq!(cut.lines_until(&hash), None);
    let error = cut.expect_resumable(&hash, &run()).unwrap_err().to_string();
    assert!(error.contains("is older than the model or belongs to another one"), "{error}");
}

#[test]
fn a_run_goes_on_only_with_its_own_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let (path, hash) = written(&dir);
    let ledger = Ledger::open(&path).unwrap();
    assert!(ledger.expect_resumable(&hash, &run()).is_ok());
    let missing = Ledger::open(&dir.path().join("other")).unwrap();
    let error = missing.expect_resumable(&hash, &run()).unwrap_err().to_string();
    assert!(error.contains("does not exist, so nobody knows what this model has cost so far"), "{error}");
    let other = RunEntry { data: "other".into(), ..run() };
    assert!(ledger.expect_resumable(&hash, &other).unwrap_err().to_string().contains("other training data"));
    let mut other = run();
    other.plan.noise_multiplier = 0.5;
    assert!(ledger.expect_resumable(&hash, &other).unwrap_err().to_string().contains("another plan"));
}

#[test]
fn plans_are_refused_with_the_reason() {
    let plan = |rate, steps, delta, clip| {
        PrivacyPlan::new(rate, steps, Budget::NoiseMultiplier(1.0), delta, clip, 64.0).unwrap_err().to_string()
    };
    assert!(plan(1.5, 10, 1e-5, 1.0).contains("a sampling rate of 1.5"));
    assert!(plan(0.1, 0, 1e-5, 1.0).contains("a run of 0 steps"));
    assert!(plan(0.1, 10, 0.02, 1.0).contains("at which secrets may simply be published"));
    assert!(plan(0.1, 10, 1e-5, f64::NAN).contains("a clip norm of NaN"));
    let calibrated = PrivacyPlan::new(0.01, 1000, Budget::Epsilon(1.0), 1e-5, 1.0, 64.0).unwrap();
    let cost = calibrated.cost().unwrap();
    assert!(cost.upper <= 1.0 && cost.upper > 0.99, "{cost:?}");
}
