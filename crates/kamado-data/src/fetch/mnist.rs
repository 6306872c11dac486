//! Where MNIST is to be had.

use std::path::PathBuf;

use super::{Event, RemoteFile, cache_directory, fetch};
use crate::error::Result;

/// Mirrors of MNIST, in the order they are tried.
pub const MNIST_MIRRORS: [&str; 2] =
    ["https://storage.googleapis.com/cvdf-datasets/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"];

/// The four files of MNIST as Y. LeCun published them.
pub const MNIST_FILES: [RemoteFile; 4] = [
    RemoteFile {
        name: "train-images-idx3-ubyte.gz",
        bytes: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    },
    RemoteFile {
        name: "train-labels-idx1-ubyte.gz",
        bytes: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    RemoteFile {
        name: "t10k-images-idx3-ubyte.gz",
        bytes: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    },
    RemoteFile {
        name: "t10k-labels-idx1-ubyte.gz",
        bytes: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
];

/// Makes sure that MNIST is in the cache; answers the directory for [`sources::mnist::load`](crate::sources::mnist::load).
///
/// Errors as [`fetch()`] and [`cache_directory`] do.
pub fn mnist(report: &mut dyn FnMut(Event<'_>)) -> Result<PathBuf> {
    let directory = cache_directory()?.join("mnist");
    fetch(&MNIST_FILES, &MNIST_MIRRORS.map(String::from), &directory, report)?;
    Ok(directory)
}
