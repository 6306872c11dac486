//! A thread pool for loops of a few microseconds.
//!
//! A training step is some ten short parallel loops in a row, so workers spin for a moment before they sleep, a loop
//! allocates nothing, and the caller waits for tasks, never for a worker that the system has not scheduled.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use crate::denormals::FlushDenormals;

/// How long a worker spins for the next loop before it sleeps.
const SPIN: Duration = Duration::from_micros(200);

/// Loops with more tasks than this run in the calling thread; callers split work into far fewer.
const MAX_TASKS: usize = (1 << 20) - 1;

type Call = unsafe fn(*const (), usize, usize);

/// Everything that the caller and the workers share.
///
/// `state` packs `epoch:24 | tasks:20 | next:20`. A task is claimed by advancing `next` with a compare-exchange, so a
/// worker that wakes late, in another epoch, claims nothing of a loop it has not seen.
struct Shared {
    state: AtomicU64,
    remaining: AtomicUsize,
    data: AtomicPtr<()>,
    call: AtomicUsize,
    panicked: AtomicBool,
    stop: AtomicBool,
    sleeping: AtomicUsize,
}

/// Threads that run the iterations of a loop.
pub struct ThreadPool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    handles: Vec<Thread>,
    busy: Mutex<u64>,
}

impl std::fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadPool").field("threads", &self.threads()).finish()
    }
}

impl ThreadPool {
    /// A pool of `threads` threads, the calling one included; 0 counts as 1. If the system refuses a thread, the pool
    /// is smaller.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            state: AtomicU64::new(0),
            remaining: AtomicUsize::new(0),
            data: AtomicPtr::new(std::ptr::null_mut()),
            call: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            sleeping: AtomicUsize::new(0),
        });
        let workers: Vec<_> = (1..threads)
            .map_while(|worker| {
                let shared = Arc::clone(&shared);
                let body = move || work(&shared, worker);
                std::thread::Builder::new().name(format!("kamado-{worker}")).spawn(body).ok()
            })
            .collect();
        let handles = workers.iter().map(|w| w.thread().clone()).collect();
        ThreadPool { shared, workers, handles, busy: Mutex::new(0) }
    }

    /// The number of threads, the calling one included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `body(task, worker)` once for every `task < tasks`, with `worker < threads()`, and returns when all have
    /// finished. No two calls that run at the same time have the same `worker`.
    ///
    /// Which worker runs a task is not determined: results must not depend on it. A loop inside a loop, or from a
    /// second thread at the same time, runs in its calling thread as worker 0.
    ///
    /// # Panics
    /// If `body` panicked for any task; the other tasks have finished by then.
    pub fn run<F: Fn(usize, usize) + Sync>(&self, tasks: usize, body: F) {
        let guard =
            if self.workers.is_empty() || !(2..=MAX_TASKS).contains(&tasks) { None } else { self.busy.try_lock().ok() };
        let Some(mut epoch) = guard else {
            (0..tasks).for_each(|task| body(task, 0));
            return;
        };
        *epoch = (*epoch + 1) & 0xff_ffff;
        self.publish(*epoch, tasks, &body);
        while claim_and_run(&self.shared, *epoch, 0) {}
        self.wait();
        if self.shared.panicked.swap(false, Ordering::Relaxed) {
            drop(epoch);
            panic!("a task of a parallel loop panicked");
        }
    }

    fn publish<F: Fn(usize, usize) + Sync>(&self, epoch: u64, tasks: usize, body: &F) {
        let shared = &*self.shared;
        shared.data.store(std::ptr::from_ref(body).cast_mut().cast(), Ordering::Relaxed);
        shared.call.store(trampoline::<F> as Call as usize, Ordering::Relaxed);
        shared.remaining.store(tasks, Ordering::Relaxed);
        shared.state.store((epoch << 40) | ((tasks as u64) << 20), Ordering::SeqCst);
        if shared.sleeping.load(Ordering::SeqCst) > 0 {
            self.handles.iter().for_each(Thread::unpark);
        }
    }

    fn wait(&self) {
        let mut spins = 0u32;
        while self.shared.remaining.load(Ordering::Acquire) > 0 {
            spins += 1;
            // A straggler may need this very core.
            if spins.is_multiple_of(4096) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.handles.iter().for_each(Thread::unpark);
        for worker in self.workers.drain(..) {
            // A worker catches the panics of tasks, so there is nothing to learn from its result.
            let _ = worker.join();
        }
    }
}

/// Calls the closure behind `data`.
///
/// # Safety
/// `data` must point to a live `F`.
unsafe fn trampoline<F: Fn(usize, usize) + Sync>(data: *const (), task: usize, worker: usize) {
    // SAFETY: the caller vouches for `data`.
    let body = unsafe { &*data.cast::<F>() };
    body(task, worker);
}

/// Claims one task of loop `epoch` and runs it; false if none is left or another loop has begun.
fn claim_and_run(shared: &Shared, epoch: u64, worker: usize) -> bool {
    let mut state = shared.state.load(Ordering::Acquire);
    let task = loop {
        let (tasks, next) = ((state >> 20) & 0xf_ffff, state & 0xf_ffff);
        if state >> 40 != epoch || next >= tasks {
            return false;
        }
        match shared.state.compare_exchange_weak(state, state + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => break next as usize,
            Err(now) => state = now,
        }
    };
    let data = shared.data.load(Ordering::Relaxed);
    // SAFETY: `publish` stored a `Call` here before the state that this claim has read.
    let call = unsafe { std::mem::transmute::<usize, Call>(shared.call.load(Ordering::Relaxed)) };
    // SAFETY: the claimed task is counted in `remaining`, so `run` has not returned and the closure is alive.
    let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { call(data, task, worker) }));
    if outcome.is_err() {
        shared.panicked.store(true, Ordering::Relaxed);
    }
    shared.remaining.fetch_sub(1, Ordering::Release);
    true
}

/// The life of a worker: run what there is, spin for a while, sleep.
fn work(shared: &Shared, worker: usize) {
    let _flush = FlushDenormals::new();
    let mut seen = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        if !spin_for_change(shared, seen) {
            shared.sleeping.fetch_add(1, Ordering::SeqCst);
            while shared.state.load(Ordering::SeqCst) >> 40 == seen && !shared.stop.load(Ordering::SeqCst) {
                std::thread::park();
            }
            shared.sleeping.fetch_sub(1, Ordering::SeqCst);
        }
        seen = shared.state.load(Ordering::Acquire) >> 40;
        while claim_and_run(shared, seen, worker) {}
    }
}

/// True as soon as a loop other than `seen` is published, false after [`SPIN`].
fn spin_for_change(shared: &Shared, seen: u64) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..64 {
            if shared.state.load(Ordering::Acquire) >> 40 != seen {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > SPIN || shared.stop.load(Ordering::Relaxed) {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_runs_once_whatever_the_threads() {
        for threads in [0, 1, 2, 5] {
            let pool = ThreadPool::new(threads);
            for tasks in [0, 1, 2, 3, 100] {
                for _ in 0..200 {
                    let counts: Vec<_> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                    pool.run(tasks, |task, worker| {
                        assert!(worker < pool.threads());
                        counts[task].fetch_add(1, Ordering::Relaxed);
                    });
                    assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
                }
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let pool = ThreadPool::new(3);
        let outcome = catch_unwind(AssertUnwindSafe(|| pool.run(8, |task, _| assert_ne!(task, 5))));
        assert!(outcome.is_err());
        let sum = AtomicUsize::new(0);
        pool.run(8, |task, _| {
            sum.fetch_add(task, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 28);
    }

    #[test]
    fn a_loop_inside_a_loop_finishes() {
        let pool = ThreadPool::new(2);
        let count = AtomicUsize::new(0);
        pool.run(4, |_, _| {
            pool.run(4, |_, _| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(count.into_inner(), 16);
    }

    #[test]
    fn sleeping_workers_wake() {
        let pool = ThreadPool::new(2);
        for _ in 0..3 {
            std::thread::sleep(SPIN * 3);
            let count = AtomicUsize::new(0);
            pool.run(2, |_, _| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(count.into_inner(), 2);
        }
    }
}
