//! The files under version control.

use std::path::PathBuf;
use std::process::Command;

/// The text files of the working tree.
pub(crate) struct Tree {
    /// The directory that holds the workspace.
    pub(crate) root: PathBuf,
    /// Paths relative to `root`, with `/`, and the text in them.
    pub(crate) files: Vec<(String, String)>,
}

impl Tree {
    pub(crate) fn read() -> Result<Tree, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
        let listing = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(&root)
            .output()
            .map_err(|error| format!("git cannot be started: {error}"))?;
        if !listing.status.success() {
            return Err(String::from_utf8_lossy(&listing.stderr).into_owned());
        }
        let names = String::from_utf8_lossy(&listing.stdout).into_owned();
        // Binary files have no text, and files that are deleted but not committed have no content: both are passed over.
        let files = names
            .lines()
            .filter_map(|name| Some((name.to_owned(), std::fs::read_to_string(root.join(name)).ok()?)))
            .collect();
        Ok(Tree { root, files })
    }

    /// The files whose names end so.
    pub(crate) fn ending<'a>(&'a self, end: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter(move |(name, _)| name.ends_with(end)).map(|(name, text)| (&**name, &**text))
    }
}
