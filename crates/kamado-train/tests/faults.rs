//! Numbers that are not finite, and runs that end early.
#![forbid(unsafe_code)]

use std::path::Path;

use kamado_data::{Dataset, FeatureData, Features, Labels};
use kamado_engine::Footprint;
use kamado_nn::layers::Dense;
use kamado_nn::losses::Loss;
use kamado_nn::model::{Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::schedules::Schedule;
use kamado_nn::optimizers::{Adam, LearningRate, Options, Sgd};
use kamado_train::control::{AfterEpoch, EarlyStopping, ReduceOnPlateau, Steering};
use kamado_train::diagnosis::Place;
use kamado_train::{
    Callback, Checkpoint, CheckpointConfig, Checkpointing, EpochRecord, Evaluation, Fit, StopFlag, TrainError,
    TrainInfo, Trainer,
};

/// `y = 2x - 1` at ten points.
fn line() -> Dataset {
    let x: Vec<f32> = (0..10).map(|i| i as f32 / 5.0 - 1.0).collect();
    let data = x.iter().map(|x| 2.0 * x - 1.0).collect();
    let features = Features { shape: vec![1], data: FeatureData::F32(x), max_value: 1.0 };
    Dataset::new("line", features, Labels::Values { width: 1, data }).unwrap()
}

fn regress(learning_rate: impl Into<LearningRate>) -> Trainer {
    let model = Sequential::new([1]).add(Dense::new(4)).add(Dense::new(1)).build(Seed(3)).unwrap();
    Trainer::new(model, Sgd { learning_rate: learning_rate.into(), ..Sgd::default() }, Loss::MSE).unwrap()
}

fn fit<'a>() -> Fit<'a> {
    Fit { epochs: 4, batch_size: 2, ..Fit::default() }
}

fn keep(folder: &Path) -> Option<Checkpointing> {
    let config = CheckpointConfig { every_steps: Some(2), keep_last: 3, ..CheckpointConfig::default() };
    Some(Checkpointing { folder: folder.to_owned(), config, extra: serde_json::json!({}) })
}

fn bits(trainer: &Trainer) -> Vec<u32> {
    trainer.model().variables.iter().flat_map(|v| v.value.iter().map(|x| x.to_bits())).collect()
}

/// The ninth step, in the second epoch of five steps, goes a thousand times too far.
fn explosive() -> Trainer {
    let schedule = Schedule::PiecewiseConstantDecay { boundaries: vec![7, 8], values: vec![0.05, 1e30, 0.05] };
    regress(LearningRate::Schedule(schedule))
}

#[test]
fn the_node_and_the_step_where_it_began_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let attempt = |checkpoint| {
        let error = explosive().fit(&line(), Fit { checkpoint, ..fit() }).unwrap_err();
        let text = error.to_string();
        let TrainError::NotFinite { origin, last_good, .. } = error else { panic!("{text}") };
        (origin.unwrap(), last_good, text)
    };
    let (origin, kept, text) = attempt(None);
    assert_eq!((origin.epoch, origin.step, kept), (2, 5, None), "{text}");
    let Place::Forward(node) = &origin.place else { panic!("{text}") };
    assert!(["dense_1", "loss"].iter().any(|layer| node.layer.contains(layer)) || node.operator == "square", "{text}");
    assert!(
        text.contains("The first number that is not finite appeared in epoch 2, step 5: in the forward pass"),
        "{text}"
    );
    assert!(text.contains("Use a smaller learning rate"), "{text}");
    // From the checkpoint before it the search is shorter and finds the same.
    let (again, kept, text) = attempt(keep(dir.path()));
    assert_eq!(again, origin);
    let kept = kept.unwrap();
    assert!(text.contains(&format!("The last good checkpoint is {}", kept.display())), "{text}");
    assert!(Checkpoint::load(&kept).unwrap().steps() < 10);
}

#[test]
fn an_update_that_overflows_is_named() {
    let text = regress(1e39).fit(&line(), fit()).unwrap_err().to_string();
    assert!(text.contains("epoch 1, step 1: in the update of dense"), "{text}");
}

#[test]
fn early_stopping_ends_with_the_weights_of_the_best_epoch() {
    struct Watch(Vec<(f64, Vec<Vec<f32>>)>);
    impl Callback for Watch {
        fn steers(&self) -> bool {
            true
        }

        fn steer(&mut self, record: &EpochRecord, steering: &mut Steering<'_>) -> Result<(), TrainError> {
            let weights = steering.model.variables.iter().map(|variable| variable.value.clone()).collect();
            self.0.push((record.get("val_loss").unwrap(), weights));
            Ok(())
        }
    }
    let data = line();
    let (mut trainer, mut watch) = (regress(0.05), Watch(Vec::new()));
    let mut early =
        EarlyStopping { patience: 2, min_delta: 0.01, restore_best_weights: true, ..EarlyStopping::default() };
    let wish = Fit { epochs: 50, validation: Some(&data), callbacks: vec![&mut watch, &mut early], ..fit() };
    let history = trainer.fit(&data, wish).unwrap();
    let losses: Vec<f64> = watch.0.iter().map(|(loss, _)| *loss).collect();
    let best = (1..losses.len()).fold(0, |best, i| if losses[i] < losses[best] - 0.01 { i } else { best });
    assert_eq!(history.epochs.len(), best + 1 + 2);
    assert!(history.stopped.unwrap().contains(&format!("val_loss was best in epoch {}", best + 1)));
    let ended: Vec<Vec<f32>> = trainer.model().variables.iter().map(|variable| variable.value.clone()).collect();
    assert_eq!(ended, watch.0[best].1);
    assert_eq!(early.best(), Some((best + 1, watch.0[best].0)));
}

#[test]
fn closures_end_training_and_a_lack_of_the_number_is_said() {
    let data = line();
    let mut three = AfterEpoch(|record: &EpochRecord| (record.epoch == 3).then(|| "three are enough".to_owned()));
    let history = regress(0.01).fit(&data, Fit { callbacks: vec![&mut three], ..fit() }).unwrap();
    assert_eq!((history.epochs.len(), history.stopped.as_deref()), (3, Some("three are enough")));
    let mut early = EarlyStopping::default();
    let error = regress(0.01).fit(&data, Fit { callbacks: vec![&mut early], ..fit() }).unwrap_err().to_string();
    assert!(error.contains("no epoch has a number \"val_loss\""), "{error}");
    let history = regress(0.01).fit(&data, Fit { max_time: Some(std::time::Duration::ZERO), ..fit() }).unwrap();
    assert_eq!((history.epochs.len(), history.stopped.as_deref()), (0, Some("the time is up")));
}

/// Stops after an epoch.
struct Cut(usize, StopFlag);

impl Callback for Cut {
    fn on_batch_end(&mut self, _: usize, _: usize, _: &Evaluation, _: std::time::Duration) {
        self.0 -= usize::from(self.0 > 0);
        if self.0 == 0 {
            self.1.stop();
        }
    }
}

#[test]
fn what_callbacks_remember_survives_a_cut() {
    let data = line();
    let plateau = || ReduceOnPlateau { patience: 1, factor: 0.5, min_delta: 10.0, ..ReduceOnPlateau::default() };
    let early =
        || EarlyStopping { patience: 3, min_delta: 0.01, restore_best_weights: true, ..EarlyStopping::default() };
    let wish = || Fit { epochs: 12, validation: Some(&data), ..fit() };
    let mut whole = regress(0.05);
    let (mut a, mut b) = (plateau(), early());
    let whole_history = whole.fit(&data, Fit { callbacks: vec![&mut a, &mut b], ..wish() }).unwrap();
    assert!(whole_history.stopped.is_some() && whole_history.epochs.len() > 4, "{whole_history:?}");
    for cut in [3, 11, 17, 5 * (whole_history.epochs.len() - 1) + 1] {
        let dir = tempfile::tempdir().unwrap();
        let stop = StopFlag::default();
        let (mut a, mut b, mut scissors) = (plateau(), early(), Cut(cut, stop.clone()));
        let callbacks: Vec<&mut dyn Callback> = vec![&mut scissors, &mut a, &mut b];
        regress(0.05).fit(&data, Fit { callbacks, stop, checkpoint: keep(dir.path()), ..wish() }).unwrap();
        let mut resumed = regress(0.05);
        let (mut a, mut b) = (plateau(), early());
        let resume = Some(Checkpoint::newest(dir.path()).unwrap().0);
        let callbacks: Vec<&mut dyn Callback> = vec![&mut a, &mut b];
        let history = resumed.fit(&data, Fit { callbacks, resume, checkpoint: keep(dir.path()), ..wish() }).unwrap();
        assert_eq!(history.stopped, whole_history.stopped, "cut after {cut}");
        assert_eq!(bits(&resumed), bits(&whole), "cut after {cut}");
    }
}

#[test]
fn any_split_into_windows_makes_the_update_of_the_whole_batch() {
    let data = line();
    let update = |batch_size: usize, adam: bool| {
        let accumulated = (10 / batch_size) as u64;
        let options = Options {
            gradient_accumulation_steps: (accumulated > 1).then_some(accumulated),
            global_clipnorm: Some(0.5),
            ..Options::default()
        };
        let model = Sequential::new([1]).add(Dense::new(4)).add(Dense::new(1)).build(Seed(3)).unwrap();
        let optimizer = if adam {
            Adam::default().with(options)
        } else {
            Sgd { learning_rate: 0.1.into(), ..Sgd::default() }.with(options)
        };
        let mut trainer = Trainer::new(model, optimizer, Loss::MSE).unwrap();
        trainer.fit(&data, Fit { epochs: 3, batch_size, shuffle: false, ..Fit::default() }).unwrap();
        trainer.model().variables.iter().flat_map(|v| v.value.clone()).collect::<Vec<f32>>()
    };
    for adam in [false, true] {
        let whole = update(10, adam);
        let norm = whole.iter().map(|x| x * x).sum::<f32>().sqrt();
        for batch_size in [1, 2, 5] {
            let apart = whole.iter().zip(update(batch_size, adam)).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
            assert!(apart <= 1e-6 * norm, "{apart:e} of {norm} apart in windows of {batch_size}");
        }
    }
}

#[test]
fn the_memory_that_is_foretold_is_the_memory_that_is_taken() {
    struct Told(usize);
    impl Callback for Told {
        fn on_train_begin(&mut self, info: &TrainInfo) {
            self.0 = info.bytes;
        }
    }
    let (data, mut trainer, mut told) = (line(), regress(0.01), Told(0));
    let spec = TrainingSpec::new(Loss::MSE, Sgd { learning_rate: 0.01.into(), ..Sgd::default() });
    let graph = trainer.model().training_graph(&spec).unwrap().graph;
    let foretold = Footprint::of(&graph, 2, trainer.runtime().threads()).unwrap();
    trainer.fit(&data, Fit { callbacks: vec![&mut told], ..fit() }).unwrap();
    assert_eq!(foretold.total(), told.0);
    assert!(foretold.variables > 0 && foretold.results > 0);
}
