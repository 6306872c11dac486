//! Runs that are cut off and taken up again, bit by bit; and what a folder of checkpoints survives.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_nn::layers::{Activation, BatchNormalization, Dense, Dropout};
use kamado_nn::losses::Loss;
use kamado_nn::model::{Seed, Sequential};
use kamado_nn::optimizers::{Adam, Optimizer, Options, Sgd};
use kamado_train::checkpoint::verify_resume;
use kamado_train::{
    Callback, Checkpoint, CheckpointConfig, CheckpointEvent, Checkpointing, Evaluation, Fit, History, Metric,
    TrainError, Trainer,
};

/// 22 points in the plane, of two classes.
fn points() -> Dataset {
    let data = (0..44).map(|i| (i * 7 % 23) as f32 / 23.0).collect();
    let features = Features { shape: vec![2], data: FeatureData::F32(data), max_value: 1.0 };
    let indices = (0..22).map(|i| i * 5 % 3 % 2).collect();
    Dataset::new("points", features, Labels::Classes { indices, names: vec!["a".into(), "b".into()] }).unwrap()
}

fn trainer(optimizer: impl Into<Optimizer>) -> Trainer {
    let model = Sequential::new([2])
        .add(Dense::new(8).activation(Activation::Tanh))
        .add(BatchNormalization::default())
        .add(Dropout::new(0.3))
        .add(Dense::new(2).activation(Activation::Softmax))
        .build(Seed(1))
        .unwrap();
    let metrics = [Metric::Accuracy, Metric::Auc, Metric::F1, Metric::Perplexity, Metric::Mae];
    let trainer = Trainer::new(model, optimizer, Loss::SPARSE_CATEGORICAL_CROSSENTROPY).unwrap();
    metrics.into_iter().fold(trainer, Trainer::metric)
}

fn fit(data: &Dataset) -> Fit<'_> {
    Fit { epochs: 3, batch_size: 6, validation: Some(data), seed: 9, ..Fit::default() }
}

fn keep(folder: &Path, config: CheckpointConfig) -> Option<Checkpointing> {
    Some(Checkpointing { folder: folder.to_owned(), config, extra: serde_json::json!({"mine": 1}) })
}

fn every_step(keep_last: usize) -> CheckpointConfig {
    CheckpointConfig { every_steps: Some(1), every_epochs: Some(1), keep_last, ..CheckpointConfig::default() }
}

/// A run with a checkpoint after every step, and the files.
fn checkpointed(folder: &Path, config: CheckpointConfig) -> (Trainer, History, Vec<PathBuf>) {
    let (data, mut trainer) = (points(), trainer(Adam::default()));
    let wish = Fit { checkpoint: keep(folder, config), ..fit(&data) };
    let history = trainer.fit(&data, wish).unwrap();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    (trainer, history, files)
}

fn weights(trainer: &Trainer) -> Vec<u32> {
    trainer.model().variables.iter().flat_map(|v| v.value.iter().map(|x| x.to_bits())).collect()
}

#[test]
fn every_cut_of_every_kind_of_run_goes_on_with_the_same_bits() {
    let data = points();
    let sgd = Sgd { learning_rate: 0.1.into(), momentum: 0.9, ..Sgd::default() };
    let accumulating = Options { gradient_accumulation_steps: Some(3), ..Options::default() };
    let kinds: [(Optimizer, Option<f64>); 4] = [
        (Adam::default().into(), None),
        (Adam::default().into(), Some(0.9)),
        (sgd.clone().into(), None),
        (sgd.with(accumulating), Some(0.5)),
    ];
    for (optimizer, ema) in kinds {
        for cut in 1..12 {
            let dir = tempfile::tempdir().unwrap();
            let make = || Ok::<_, TrainError>(trainer(optimizer.clone()));
            let share = (f64::from(cut) + 0.5) / 12.0;
            let verdict = verify_resume(make, || Fit { ema, ..fit(&data) }, &data, share, dir.path()).unwrap();
            assert_eq!((verdict.cut, verdict.steps), (cut as u64, 12));
            assert_eq!(verdict.difference, None, "{} cut at {cut}", optimizer.name());
        }
    }
}

#[test]
fn the_comparison_can_fail() {
    let data = points();
    let seed = std::cell::Cell::new(0);
    let drifting = || {
        seed.set(seed.get() + 1);
        // The second and third trainers agree with each other, but not with the first.
        Fit { shuffle: seed.get() == 1, ..fit(&data) }
    };
    let dir = tempfile::tempdir().unwrap();
    let make = || Ok::<_, TrainError>(trainer(Adam::default()));
    let verdict = verify_resume(make, drifting, &data, 0.5, dir.path()).unwrap();
    let difference = verdict.difference.unwrap();
    assert!(difference.place.starts_with("dense.kernel[") && difference.whole != difference.resumed, "{difference:?}");
}

#[test]
fn at_every_byte_of_a_broken_write_the_checkpoint_before_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (_, _, files) = checkpointed(dir.path(), every_step(2));
    let [before, last] = files.as_slice() else { panic!("{files:?}") };
    let bytes = fs::read(last).unwrap();
    assert_eq!(Checkpoint::newest(dir.path()).unwrap().0.path(), last);
    for length in 0..bytes.len() {
        fs::write(last, &bytes[..length]).unwrap();
        let (found, skipped) = Checkpoint::newest(dir.path()).unwrap();
        assert_eq!((found.path(), skipped.len()), (before.as_path(), 1), "after {length} of {} bytes", bytes.len());
    }
    // A write to the temporary file that was cut off is not even looked at.
    fs::write(last, &bytes).unwrap();
    fs::write(dir.path().join(".step-000000099.safetensors.1.tmp"), &bytes[..100]).unwrap();
    assert!(Checkpoint::newest(dir.path()).unwrap().1.is_empty());
}

#[test]
fn a_changed_bit_is_noticed_and_the_run_still_ends_with_the_same_weights() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, history, files) = checkpointed(dir.path(), every_step(4));
    for file in &files[2..] {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    }
    let (checkpoint, skipped) = Checkpoint::newest(dir.path()).unwrap();
    assert_eq!((checkpoint.path(), skipped.len()), (files[1].as_path(), 2));
    assert!(skipped[0].problem.contains("its checksum does not match"), "{skipped:?}");
    assert_eq!(checkpoint.file().extra["mine"], 1);
    let (data, mut resumed) = (points(), trainer(Adam::default()));
    let wish = Fit { checkpoint: keep(dir.path(), every_step(4)), resume: Some(checkpoint), ..fit(&data) };
    let again = resumed.fit(&data, wish).unwrap();
    assert_eq!(weights(&resumed), weights(&whole));
    let scores = |history: &History| history.epochs.iter().flat_map(|e| e.entries()).collect::<Vec<_>>();
    assert_eq!(scores(&again), scores(&history));
    // The damaged ones of the future are gone: the newest is sound.
    assert!(Checkpoint::newest(dir.path()).unwrap().1.is_empty());
}

#[test]
fn another_run_is_refused_and_the_difference_named() {
    let dir = tempfile::tempdir().unwrap();
    checkpointed(dir.path(), every_step(1));
    let data = points();
    let attempt = |mut trainer: Trainer, data: &Dataset, fit: Fit<'_>| {
        let (checkpoint, _) = Checkpoint::newest(dir.path()).unwrap();
        trainer.fit(data, Fit { resume: Some(checkpoint), ..fit }).unwrap_err().to_string()
    };
    let error = attempt(trainer(Adam::default()), &data, Fit { batch_size: 7, epochs: 4, ..fit(&data) });
    assert!(error.contains("train.batch_size is 6 there and 7 here"), "{error}");
    assert!(error.contains("train.epochs is 3 there and 4 here"), "{error}");
    assert!(error.contains("start anew in another directory"), "{error}");
    let error = attempt(trainer(Adam { beta_1: 0.5, ..Adam::default() }), &data, fit(&data));
    assert!(error.contains("train.optimizer.beta_1 is 0.9 there and 0.5 here"), "{error}");
    let error = attempt(trainer(Adam::default()), &data.subset(&[0, 1, 2, 3]).unwrap(), fit(&data));
    assert!(error.contains("data.training_sha256 is"), "{error}");
    let begun = trainer(Adam::default()).fit(&data, Fit { checkpoint: keep(dir.path(), every_step(1)), ..fit(&data) });
    assert!(begun.unwrap_err().to_string().contains("which a new one would replace"));
}

#[test]
fn the_last_and_the_best_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let config = CheckpointConfig { keep_best: Some("val_loss".into()), ..every_step(3) };
    let (_, history, files) = checkpointed(dir.path(), config);
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    let expected = ["best", "step-000000010", "step-000000011", "step-000000012"].map(|n| format!("{n}.safetensors"));
    assert_eq!(names, expected);
    let best = Checkpoint::load(&files[0]).unwrap();
    assert_eq!(Some(best.position()), history.best().map(|epoch| (epoch.epoch + 1, 0)));
    // A checkpoint is a model as well.
    assert_eq!(best.file().labels, ["a", "b"]);
}

/// Puts a file where the folder of checkpoints would be.
struct Saboteur {
    folder: PathBuf,
    told: Vec<CheckpointEvent>,
}

impl Callback for Saboteur {
    fn on_batch_end(&mut self, _: usize, _: usize, _: &Evaluation, _: Duration) {
        fs::write(&self.folder, "no folder").unwrap();
    }

    fn on_checkpoint(&mut self, event: &CheckpointEvent) {
        self.told.push(event.clone());
    }
}

#[test]
fn a_disk_that_cannot_be_written_is_said_and_training_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("checkpoints");
    let mut saboteur = Saboteur { folder: folder.clone(), told: Vec::new() };
    let (data, mut trainer) = (points(), trainer(Adam::default()));
    let wish = Fit { checkpoint: keep(&folder, every_step(1)), callbacks: vec![&mut saboteur], ..fit(&data) };
    assert_eq!(trainer.fit(&data, wish).unwrap().epochs.len(), 3);
    let failed = |event: &CheckpointEvent| matches!(event, CheckpointEvent::Failed { problem, .. } if problem.contains("cannot create"));
    assert!(!saboteur.told.is_empty() && saboteur.told.iter().all(failed), "{:?}", saboteur.told);
}
