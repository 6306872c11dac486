//! Ctrl-C and its kin: the first asks for an orderly end, the second ends at once.

use std::sync::atomic::Ordering;

use kamado_train::StopFlag;

use crate::failure::Failure;

/// The exit code of a command that was interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// A flag that is raised by the first SIGINT, SIGTERM or SIGHUP.
pub(crate) fn watch() -> Result<StopFlag, Failure> {
    let stop = StopFlag::default();
    let raised = stop.clone();
    ctrlc::set_handler(move || {
        if raised.0.swap(true, Ordering::SeqCst) {
            // The user has no patience left; files appear by renaming, so none is half written.
            #[allow(clippy::disallowed_methods)]
            std::process::exit(i32::from(INTERRUPTED));
        }
        crate::say::error_line("\ninterrupted: finishing this step, then saving (once more to stop at once)");
    })
    .map_err(|error| Failure::run(format!("cannot watch for ctrl-C: {error}"), ""))?;
    Ok(stop)
}
