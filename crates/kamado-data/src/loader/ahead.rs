//! Batches prepared on a thread of their own while the last one is in use.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::Loader;
use crate::augment::Scratch;

/// Batches that may wait, which evens out how long they take.
const DEPTH: usize = 3;

/// The near end of the thread: it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    full: Receiver<Vec<f32>>,
    empty: SyncSender<Vec<f32>>,
}

impl Ahead {
    /// Starts a thread for the batches of `order`; None if the system gives none.
    pub(super) fn start(loader: &Loader, epoch: u64, order: &Arc<[usize]>) -> Option<Self> {
        let (to_full, full) = sync_channel::<Vec<f32>>(DEPTH);
        let (empty, from_empty) = sync_channel::<Vec<f32>>(DEPTH);
        let example_len = loader.dataset().example_len();
        let batch_len = loader.batch_size().min(order.len()) * example_len;
        for _ in 0..DEPTH {
            empty.send(vec![0.0; batch_len]).ok()?;
        }
        let (loader, order) = (loader.clone(), Arc::clone(order));
        let work = move || {
            let mut scratch = Scratch::default();
            for examples in order.chunks(loader.batch_size()) {
                let Ok(mut x) = from_empty.recv() else { return };
                x.truncate(examples.len() * example_len);
                loader.fill_distorted(epoch, examples, &mut x, &mut scratch);
                if to_full.send(x).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("kamado-loader".into()).spawn(work).ok()?;
        Some(Ahead { full, empty })
    }

    /// Copies the next batch to `x`, which has its size; false if the thread is gone.
    pub(super) fn next_into(&mut self, x: &mut [f32]) -> bool {
        match self.full.recv() {
            Ok(batch) if batch.len() == x.len() => {
                x.copy_from_slice(&batch);
                // The thread may have finished: then nobody needs the buffer any more.
                let _ = self.empty.send(batch);
                true
            }
            _ => false,
        }
    }
}
