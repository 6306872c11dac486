//! What is shown while a command works.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kamado_train::{Callback, CheckpointEvent, EpochRecord, Evaluation, TrainInfo};

use crate::keras_line::keras_line;
use crate::say;

/// Often enough to look alive, seldom enough to cost nothing.
const BETWEEN_DRAWS: Duration = Duration::from_millis(50);

/// Shows how training goes: a live bar on a terminal, plain lines elsewhere, or JSON.
#[derive(Debug)]
pub(crate) struct Progress {
    json: bool,
    terminal: bool,
    bar: Option<ProgressBar>,
    drawn: Instant,
}

impl Progress {
    pub(crate) fn new(json: bool) -> Self {
        Progress { json, terminal: !json && std::io::stdout().is_terminal(), bar: None, drawn: Instant::now() }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Callback for Progress {
    fn on_train_begin(&mut self, info: &TrainInfo) {
        info.warnings.warnings().for_each(|warning| say::error_line(&warning.to_string()));
        if !self.json {
            let megabytes = info.bytes as f64 / f64::from(1 << 20);
            let threads = if info.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", info.threads) };
            let again = match info.recomputed > 0.0 {
                true => format!(", {:.0} % of the forward pass computed twice to fit", 100.0 * info.recomputed),
                false => String::new(),
            };
            say::line(&format!("Training on {threads} ({}), {megabytes:.1} MB{again}\n", info.isa));
        }
    }

    fn on_epoch_begin(&mut self, epoch: usize, epochs: usize) {
        if !self.json {
            say::line(&format!("Epoch {epoch}/{epochs}"));
        }
    }

    fn on_batch_end(&mut self, step: usize, steps: usize, logs: &Evaluation, elapsed: Duration) {
        if !self.terminal || self.bar.is_some() && self.drawn.elapsed() < BETWEEN_DRAWS {
            return;
        }
        self.drawn = Instant::now();
        let bar = self.bar.get_or_insert_with(|| step_bar(steps));
        bar.set_message(keras_line(step, steps, elapsed, logs.entries().filter(|(_, value)| !value.is_nan())));
        bar.set_position(step as u64);
    }

    fn on_checkpoint(&mut self, event: &CheckpointEvent) {
        if let CheckpointEvent::Failed { problem, .. } = event {
            self.clear();
            say::error_line(&format!(
                "warning: no checkpoint could be written: {problem}. Training goes on; the checkpoints before are as they were"
            ));
        }
    }

    fn on_epoch_end(&mut self, record: &EpochRecord) {
        self.clear();
        if self.json {
            say::json(record);
            return;
        }
        let validation = record.validation.iter().flat_map(Evaluation::entries);
        let validation: Vec<(String, f64)> = validation.map(|(name, value)| (format!("val_{name}"), value)).collect();
        let values = record.train.entries().chain(validation.iter().map(|(name, value)| (name.as_str(), *value)));
        let time = Duration::try_from_secs_f64(record.seconds).unwrap_or_default();
        say::line(&keras_line(record.steps, record.steps, time, values));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn step_bar(steps: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), ProgressDrawTarget::stdout());
    bar.with_style(style("{bar:20} {wide_msg}"))
}

/// A bar for a download.
pub(crate) fn bytes_bar(file: &str, bytes: u64) -> ProgressBar {
    let style = style("{msg} {bar:20} {bytes}/{total_bytes} {bytes_per_sec}");
    ProgressBar::new(bytes).with_style(style).with_message(file.to_owned())
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; a wrong one would only look plain.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─")
}
