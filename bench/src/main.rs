//! Training-speed workloads, one JSON line each, for `bench/compare.py` and by hand.
//!
//! ```text
//! cargo run --release -p bench -- seed_cnn mlp                      # ms per step on random data
//! cargo run --release -p bench -- seed_cnn --epochs-on MNIST_DIR    # seconds per epoch, test accuracy
//! ```
#![forbid(unsafe_code)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use kamado_data::{Dataset, sources::mnist};
use kamado_engine::{Runtime, Session, Store};
use kamado_graph::update::StepInfo;
use kamado_nn::losses::Loss;
use kamado_nn::model::TrainingSpec;
use kamado_nn::optimizers::Adam;
use kamado_train::{Fit, Metric, Trainer};
use serde_json::json;

use bench::Workload;

/// Times training steps, or whole epochs over MNIST.
#[derive(Parser)]
struct Options {
    /// What to train.
    #[arg(required = true)]
    workloads: Vec<Workload>,
    /// Train whole epochs over the MNIST files in this folder instead of single steps on random data.
    #[arg(long, value_name = "MNIST_DIR")]
    epochs_on: Option<PathBuf>,
    /// The number of epochs.
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// The number of timed steps.
    #[arg(long, default_value_t = 500)]
    steps: usize,
    /// The number of threads; by default as many as the machine runs at once.
    #[arg(long)]
    threads: Option<usize>,
    /// Train in bf16 mixed precision instead of f32.
    #[arg(long)]
    bf16: bool,
    /// Let intermediate results take this many megabytes at most, by computing some of them twice.
    #[arg(long, value_name = "MB")]
    memory_limit: Option<usize>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    for &workload in &options.workloads {
        let line = match &options.epochs_on {
            Some(folder) => epochs(workload, folder, &options),
            None => steps(workload, &options),
        };
        match line {
            Ok(line) => println!("{line}"),
            Err(error) => {
                eprintln!("error: {workload:?}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The median time of a step on random data, after as many steps to warm up, but at most 50.
fn steps(workload: Workload, options: &Options) -> Result<serde_json::Value, Box<dyn Error>> {
    let (model, batch) = (workload.model()?, workload.batch());
    let training = model.training_graph(&TrainingSpec::new(loss(), Adam::default()))?;
    let mut store = Store::new(training.graph.variables())?;
    for (info, value) in training.graph.variables().iter().zip(training.initial_values(&model)) {
        store.set(&info.name, &value)?;
    }
    let runtime: Arc<Runtime> = Runtime::new(options.threads)?;
    let mut graph = training.graph;
    let flops = kamado_engine::arithmetic(&graph, batch);
    if options.bf16 {
        graph = graph.in_bf16()?;
    }
    let limit = options.memory_limit.map_or(usize::MAX, |megabytes| megabytes.saturating_mul(1_000_000));
    let (graph, memory) = kamado_engine::within(&graph, batch, limit)?;
    let data = workload.random_batch(&graph, batch);
    let feeds: Vec<_> = data.iter().map(|(name, numbers)| (name.as_str(), numbers.feed())).collect();
    let mut session = Session::new(&runtime, graph, &store)?;
    let mut times = Vec::with_capacity(options.steps);
    let warm_up = options.steps.min(50);
    for step in 0..warm_up + options.steps {
        let start = Instant::now();
        session.run(&mut store, batch, &StepInfo { seed: 1, step: step as u64, learning_rate: 1e-3 }, &feeds)?;
        if step >= warm_up {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    times.sort_by(f64::total_cmp);
    let ms = times.get(times.len() / 2).copied().unwrap_or(f64::NAN);
    let (trainable, _) = model.count_params();
    let rate = flops / ms * 1e3;
    let ceiling = runtime.ceiling();
    Ok(json!({
        "workload": workload.name(), "precision": if options.bf16 { "bf16" } else { "f32" },
        "threads": runtime.threads(), "ms": ms, "params": trainable, "n": options.steps,
        "gflops": rate / 1e9, "ceiling_gflops": ceiling / 1e9, "roofline": rate / ceiling,
        "activation_mb": memory.bytes as f64 / 1e6, "activation_mb_unlimited": memory.unlimited as f64 / 1e6,
        "recomputed": memory.recomputed,
    }))
}

/// The seconds of each epoch over the MNIST training images, shuffled, and the accuracy on the test images.
fn epochs(workload: Workload, folder: &Path, options: &Options) -> Result<serde_json::Value, Box<dyn Error>> {
    let data = mnist::load(folder)?;
    let mut trainer = Trainer::new(workload.model()?, Adam::default(), loss())?
        .metric(Metric::Accuracy)
        .preprocessing(mnist::preprocessing());
    if let Some(threads) = options.threads {
        trainer = trainer.threads(threads)?;
    }
    let train = workload.shaped(data.train)?;
    let test: Dataset = workload.shaped(data.test.ok_or("the folder has no test images")?)?;
    let fit = Fit { epochs: options.epochs, batch_size: workload.batch(), ..Fit::default() };
    let history = trainer.fit(&train, fit)?;
    let seconds: Vec<_> = history.epochs.iter().map(|epoch| epoch.seconds).collect();
    let (trainable, _) = trainer.model().count_params();
    Ok(json!({
        "workload": workload.name(), "precision": "f32", "threads": trainer.runtime().threads(),
        "seconds_per_epoch": seconds, "test_accuracy": trainer.evaluate(&test)?.get("accuracy"),
        "params": trainable, "n": train.len(),
    }))
}

fn loss() -> Loss {
    Loss::SPARSE_CATEGORICAL_CROSSENTROPY
}
