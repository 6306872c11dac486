//! `kamado data convert PATH…`

use std::path::Path;

use kamado_data::media::Media;
use kamado_data::readers::write_parquet_shards;

use super::super::describe::thousands;
use crate::args::data::ReadArgs;
use crate::failure::Failure;
use crate::say;

pub(super) fn run(args: &ReadArgs, out: &Path, rows_per_shard: usize, embed: bool) -> Result<(), Failure> {
    let read = super::table(args)?;
    let media = embed.then(Media::new);
    let files = write_parquet_shards(&read.frame, out, rows_per_shard, media.as_ref())?;
    super::tell_quarantine(&read);
    let rows = thousands(read.frame.rows());
    say::line(&format!("{rows} rows written to {} in {files} files", out.display()));
    Ok(())
}
