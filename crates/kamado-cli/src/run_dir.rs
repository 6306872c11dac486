//! The directory that a training run writes to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kamado_train::checkpoint;

use crate::failure::Failure;

/// The names of the files in it.
pub(crate) const MODEL: &str = "model.safetensors";
pub(crate) const PREVIOUS_MODEL: &str = "model.previous.safetensors";
pub(crate) const HISTORY: &str = "history.json";
pub(crate) const RUN: &str = "run.json";
pub(crate) const RECIPE: &str = "recipe.toml";
pub(crate) const CSV: &str = "history.csv";
pub(crate) const JSONL: &str = "history.jsonl";
pub(crate) const TENSORBOARD: &str = "tensorboard";
pub(crate) const QUARANTINE: &str = "quarantine.jsonl";

/// A directory that is known to be writable.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    created: bool,
    /// Held for as long as the run may write. The system lets go of it when the process ends, however it ends.
    lock: Option<fs::File>,
}

impl RunDir {
    /// `runs/NAME-N` with the first `N` that is not taken.
    pub(crate) fn numbered(name: &str) -> Result<Self, Failure> {
        let runs = Path::new("runs");
        fs::create_dir_all(runs).map_err(|e| refused(runs, &e))?;
        // Creating a directory fails if it exists, so that two runs started at once get two directories.
        for n in 1u32.. {
            let path = runs.join(format!("{name}-{n}"));
            match fs::create_dir(&path) {
                Ok(()) => return Self { path, created: true, lock: None }.locked()?.probed(),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(refused(&path, &e)),
            }
        }
        Err(Failure::run("every number for a directory in `runs` is taken", "give --out DIR"))
    }

    /// The directory the user asked for: new, empty, or of an earlier run, whose model is then kept beside the new one.
    pub(crate) fn at(path: &Path) -> Result<Self, Failure> {
        let created = !path.exists();
        fs::create_dir_all(path).map_err(|e| refused(path, &e))?;
        let directory = Self { path: path.to_owned(), created, lock: None }.locked()?;
        // Hidden files are what a killed run has left behind.
        let visible = |entry: io::Result<fs::DirEntry>| {
            entry.map_or(true, |entry| !entry.file_name().to_string_lossy().starts_with('.'))
        };
        let occupied = fs::read_dir(path).map_err(|e| refused(path, &e))?.any(visible);
        if occupied && !path.join(RUN).is_file() && !path.join(checkpoint::FOLDER).is_dir() {
            return Err(Failure::usage(
                format!("{} holds files that are not of a training run", path.display()),
                "give a directory that is new, empty, or of an earlier run",
            ));
        }
        directory.probed()
    }

    /// Keeps other runs away: two would mix their files.
    fn locked(mut self) -> Result<Self, Failure> {
        // Where a directory cannot be opened or locked (Windows, some network file systems) there is no lock.
        self.lock = fs::File::open(&self.path).ok();
        match self.lock.as_ref().map(fs::File::try_lock) {
            Some(Err(fs::TryLockError::WouldBlock)) => Err(Failure::run(
                format!("another run is writing to {}", self.path.display()),
                "wait until it has ended, or give another --out DIR",
            )),
            _ => Ok(self),
        }
    }

    /// Writes and removes a file, so that an hour of training does not end in "permission denied".
    fn probed(self) -> Result<Self, Failure> {
        let probe = self.path.join(format!(".writable-{}", std::process::id()));
        let written = fs::write(&probe, b"?");
        let _ = fs::remove_file(&probe);
        match written {
            Ok(()) => Ok(self),
            Err(e) => {
                let failure = refused(&self.path, &e);
                self.abandon();
                Err(failure)
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes the model; that of an earlier run becomes the previous one, if this succeeds.
    pub(crate) fn replace_model(&self, write: impl FnOnce(&Path) -> Result<(), Failure>) -> Result<(), Failure> {
        let (model, kept) = (self.file(MODEL), self.file(".previous"));
        if !model.is_file() {
            return write(&model);
        }
        let _ = fs::remove_file(&kept);
        // A second name costs no room, but not every file system has them.
        let keep = fs::hard_link(&model, &kept).or_else(|_| fs::copy(&model, &kept).map(drop));
        keep.map_err(|e| refused(&kept, &e))?;
        let written = write(&model);
        let settled =
            if written.is_ok() { fs::rename(&kept, self.file(PREVIOUS_MODEL)) } else { fs::remove_file(&kept) };
        written.and(settled.map_err(|e| refused(&kept, &e)))
    }

    /// Removes the directory if it was made for this run and nothing has come into it.
    pub(crate) fn abandon(&self) {
        if self.created {
            // Removing a directory fails unless it is empty, which is what is wanted.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    let help = "give --out DIR, a directory you may write to, on a disk with room";
    Failure::run(format!("cannot write {}: {error}", path.display()), help)
}
