//! The thread that writes checkpoints.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use kamado_nn::model_file::{self, ModelFile, ModelFileError, write_atomically};

use super::folder::{self, BEST};

/// What became of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointEvent {
    /// It was written.
    Written {
        /// The file.
        path: PathBuf,
        /// The steps that were taken before it.
        steps: u64,
    },
    /// It could not be written; those before it are as they were, and training goes on.
    Failed {
        /// The file that there should be.
        path: PathBuf,
        /// Why there is none.
        problem: String,
    },
}

/// What is to be written.
pub(super) struct Job {
    pub(super) file: ModelFile,
    pub(super) steps: u64,
    pub(super) best: bool,
}

/// Writes one checkpoint at a time.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    events: Receiver<CheckpointEvent>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
}

impl Writer {
    /// A thread that writes to `folder` and keeps the last `keep`.
    pub(super) fn start(folder: PathBuf, keep: usize) -> std::io::Result<Self> {
        let ((jobs, incoming), (outgoing, events)) = (channel::<Job>(), channel());
        let work = move || {
            for job in incoming {
                let path = folder::path_of(&folder, job.steps);
                let event = match write(&folder, &path, &job) {
                    Ok(()) => {
                        folder::prune(&folder, job.steps, keep);
                        CheckpointEvent::Written { path, steps: job.steps }
                    }
                    Err(problem) => CheckpointEvent::Failed { path, problem: problem.to_string() },
                };
                if outgoing.send(event).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new().name("kamado-checkpoint".into()).spawn(work)?;
        Ok(Writer { jobs: Some(jobs), events, thread: Some(thread), busy: false })
    }

    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Hands over a job. The caller waits for the one before first, so that no more than one copy of the weights is held.
    pub(super) fn write(&mut self, job: Job) {
        self.busy = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
    }

    /// What became of the job, if that is known by now, or after waiting for it.
    pub(super) fn event(&mut self, wait: bool) -> Option<CheckpointEvent> {
        if !self.busy {
            return None;
        }
        let event = if wait { self.events.recv().ok() } else { self.events.try_recv().ok() };
        self.busy = event.is_none() && !wait;
        event
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without senders the thread ends after its last job.
        self.jobs = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn write(folder: &Path, path: &Path, job: &Job) -> Result<(), ModelFileError> {
    let Job { file, best, .. } = job;
    let mut tensors = file.model.variables.iter().chain(&file.state);
    // The numbers of metrics are halves of others and mean nothing by themselves.
    let spoilt = |v: &&kamado_nn::model::Variable| {
        !v.info.name.starts_with(super::keeper::METER) && v.value.iter().any(|x| !x.is_finite())
    };
    if let Some(spoilt) = tensors.find(spoilt) {
        let name = &spoilt.info.name;
        return Err(ModelFileError::Mismatch(format!("{name} is not finite any more: training is diverging")));
    }
    let io = |source| ModelFileError::Io { action: "create", path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(io)?;
    let bytes = model_file::to_bytes(file)?;
    write_atomically(path, &bytes)?;
    if *best { write_atomically(&folder.join(BEST), &bytes) } else { Ok(()) }
}
