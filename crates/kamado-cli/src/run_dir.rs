//! The directory that a training run writes to.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The names of the files in it.
pub(crate) const MODEL: &str = "model.safetensors";
pub(crate) const PREVIOUS_MODEL: &str = "model.previous.safetensors";
pub(crate) const HISTORY: &str = "history.json";
pub(crate) const RUN: &str = "run.json";
pub(crate) const RECIPE: &str = "recipe.toml";

/// A directory that is known to be writable.
#[derive(Debug)]
pub(crate) struct RunDir {
    path: PathBuf,
    created: bool,
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
                Ok(()) => return Self { path, created: true }.probed(),
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
        let mut entries = fs::read_dir(path).map_err(|e| refused(path, &e))?;
        if entries.next().is_some() && !path.join(RUN).is_file() {
            return Err(Failure::usage(
                format!("{} holds files that are not of a training run", path.display()),
                "give a directory that is new, empty, or of an earlier run",
            ));
        }
        Self { path: path.to_owned(), created }.probed()
    }

    /// Writes and removes a file, so that an hour of training does not end in "permission denied".
    fn probed(self) -> Result<Self, Failure> {
        let probe = self.path.join(format!(".writable-{}", std::process::id()));
        let written = write_synced(&probe, b"?");
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

    /// Writes a file as a whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let (file, temporary) = (self.file(name), self.file(&format!(".{name}.{}", std::process::id())));
        let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, &file));
        written.map_err(|e| {
            let _ = fs::remove_file(&temporary);
            refused(&file, &e)
        })
    }

    /// Removes the directory if it was made for this run and nothing has come into it.
    pub(crate) fn abandon(&self) {
        if self.created {
            // Removing a directory fails unless it is empty, which is what is wanted.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    let help = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space, or give --out DIR on another disk"
        }
        _ => "give --out DIR, a directory you may write to",
    };
    Failure::run(format!("cannot write {}: {error}", path.display()), help)
}
