//! Batches prepared on threads of their own while earlier ones are in use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::Loader;
use crate::augment::Scratch;
use crate::dataset::{Buffer, FeaturesMut};
use crate::error::{DataError, Result};

/// Batches that may wait beside those under way, which evens out how long they take.
const SPARE: usize = 2;

/// A batch, by its place in the epoch.
type Numbered = (usize, Result<Vec<Buffer>>);

/// The near end of the threads: they end when this is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    full: Receiver<Numbered>,
    empty: SyncSender<Vec<Buffer>>,
    /// Batches that were ready before their turn.
    early: Vec<Numbered>,
    next: usize,
}

/// What the threads take their work from. Who takes memory takes the next batch with it, so that the batch whose turn it is
/// always has memory.
struct Queue {
    empty: Receiver<Vec<Buffer>>,
    next: usize,
}

impl Ahead {
    /// Starts threads for the batches of `order`; None if the system gives none.
    pub(super) fn start(loader: &Loader, epoch: u64, order: &Arc<[usize]>) -> Option<Self> {
        let batch_size = loader.batch_size().min(order.len());
        let workers = loader.0.config.workers.min(order.len().div_ceil(batch_size.max(1)));
        let memory = workers + SPARE;
        let (to_full, full) = channel::<Numbered>();
        let (empty, from_empty) = sync_channel::<Vec<Buffer>>(memory);
        let inputs = loader.dataset().inputs();
        for _ in 0..memory {
            empty.send(inputs.iter().map(|input| Buffer::of(&input.features, batch_size)).collect()).ok()?;
        }
        let queue = Arc::new(Mutex::new(Queue { empty: from_empty, next: 0 }));
        let start = |_| {
            let (loader, order, queue, to_full) =
                (loader.clone(), Arc::clone(order), Arc::clone(&queue), to_full.clone());
            let work = move || work(&loader, epoch, &order, &queue, &to_full);
            std::thread::Builder::new().name("kamado-loader".into()).spawn(work).ok()
        };
        // Fewer threads than wished for do the same work.
        let started = (0..workers).filter_map(start).count();
        (started > 0).then_some(Ahead { full, empty, early: Vec::new(), next: 0 })
    }

    /// Copies the next batch to `x`, whose parts have its size; None if the threads are gone.
    ///
    /// Errors if an example could not be read.
    pub(super) fn next_into(&mut self, x: &mut [FeaturesMut<'_>]) -> Option<Result<()>> {
        let turn = self.next;
        let (_, batch) = match self.early.iter().position(|(number, _)| *number == turn) {
            Some(place) => self.early.swap_remove(place),
            None => loop {
                let ready = self.full.recv().ok()?;
                if ready.0 == turn {
                    break ready;
                }
                self.early.push(ready);
            },
        };
        self.next += 1;
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        for (from, to) in batch.iter().zip(x) {
            match (from, to) {
                (Buffer::F32(from), FeaturesMut::F32(to)) => to.copy_from_slice(from.get(..to.len())?),
                (Buffer::I32(from), FeaturesMut::I32(to)) => to.copy_from_slice(from.get(..to.len())?),
                _ => return None,
            }
        }
        // The threads may have finished: then nobody needs the memory any more.
        let _ = self.empty.send(batch);
        Some(Ok(()))
    }
}

fn work(loader: &Loader, epoch: u64, order: &[usize], queue: &Mutex<Queue>, to_full: &Sender<Numbered>) {
    let mut scratch = Scratch::default();
    loop {
        let (number, mut memory) = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let Ok(memory) = queue.empty.recv() else { return };
            queue.next += 1;
            (queue.next - 1, memory)
        };
        let Some(examples) = order.chunks(loader.batch_size()).nth(number) else { return };
        let inputs = loader.dataset().inputs();
        let lens = inputs.iter().map(|input| examples.len() * input.features.example_len());
        let mut x: Vec<_> = memory.iter_mut().zip(lens).map(|(buffer, len)| buffer.front(len)).collect();
        // A decoder that comes to grief over one file must not leave the trainer waiting for ever.
        let filled = catch_unwind(AssertUnwindSafe(|| loader.fill_for_epoch(epoch, examples, &mut x, &mut scratch)));
        let filled = filled.unwrap_or_else(|_| {
            let problem =
                format!("preparing a batch of {} has failed for a reason of its own", loader.dataset().name());
            Err(DataError::request(problem, "Please report it; the files of the data can be checked one by one"))
        });
        if to_full.send((number, filled.map(|()| memory))).is_err() {
            return;
        }
    }
}
