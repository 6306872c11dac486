//! The statistics of the training pictures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::{Normalise, PictureInput, PictureScratch};
use crate::error::{DataError, Result};

/// What [`PictureInput::fit`] found.
#[derive(Debug)]
pub struct FittedPictures {
    /// The input with its statistics.
    pub input: PictureInput,
    /// The pictures that cannot be read, by their number, each with the reason.
    pub unreadable: Vec<(usize, DataError)>,
}

/// Count, sum and sum of squares of each channel of one picture, where white is 1.
type Sums = [[f64; 2]; 3];

impl PictureInput {
    /// Reads pictures `0..count` on `threads` threads and measures the mean and the population standard deviation of
    /// each channel, after denoising and resizing; a channel that never changes gets a deviation of 1. Give it the
    /// training pictures only, or the measurement on others is too good.
    ///
    /// `read` answers the bytes of a picture and its name. Pictures that cannot be read are listed and do not count.
    /// The result does not depend on the number of threads.
    ///
    /// # Errors
    /// As [`check`](PictureInput::check) does, or if no picture can be read.
    pub fn fit(
        &self,
        count: usize,
        threads: usize,
        read: impl Fn(usize) -> Result<(Vec<u8>, String)> + Sync,
    ) -> Result<FittedPictures> {
        self.check()?;
        let plain = PictureInput { normalise: Normalise::Unit, mean: Vec::new(), std: Vec::new(), ..self.clone() };
        let mut found: Vec<Option<Result<Sums>>> = (0..count).map(|_| None).collect();
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..threads.clamp(1, count.max(1)) {
                let (sender, next, read, plain) = (sender.clone(), &next, &read, &plain);
                scope.spawn(move || {
                    let (mut scratch, mut out) = (PictureScratch::default(), vec![0.0; plain.len()]);
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        if i >= count || sender.send((i, plain.sums(read(i), &mut out, &mut scratch))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            receiver.iter().for_each(|(i, sums)| found[i] = Some(sums));
        });
        self.with_statistics(found)
    }

    fn sums(&self, file: Result<(Vec<u8>, String)>, out: &mut [f32], scratch: &mut PictureScratch) -> Result<Sums> {
        let (bytes, name) = file?;
        self.encode(&bytes, &name, None, out, scratch)?;
        let mut sums = Sums::default();
        for pixel in out.chunks_exact(self.channels) {
            for (sums, &x) in sums.iter_mut().zip(pixel) {
                sums[0] += f64::from(x);
                sums[1] += f64::from(x) * f64::from(x);
            }
        }
        Ok(sums)
    }

    /// Adds up in the order of the pictures.
    fn with_statistics(&self, found: Vec<Option<Result<Sums>>>) -> Result<FittedPictures> {
        let (mut total, mut readable, mut unreadable) = (Sums::default(), 0usize, Vec::new());
        for (i, sums) in found.into_iter().enumerate() {
            match sums {
                Some(Ok(sums)) => {
                    readable += 1;
                    total.as_flattened_mut().iter_mut().zip(sums.as_flattened()).for_each(|(total, x)| *total += x);
                }
                Some(Err(error)) => unreadable.push((i, error)),
                None => {}
            }
        }
        if readable == 0 {
            let first = unreadable.first().map_or_else(String::new, |(_, error)| format!(": {error}"));
            return Err(DataError::request(
                format!("no picture can be read{first}"),
                "Give at least one whole picture",
            ));
        }
        let mut input = self.clone();
        if !self.is_fitted() {
            let pixels = readable as f64 * (self.size[0] * self.size[1]) as f64;
            for [sum, squares] in &total[..self.channels] {
                let mean = sum / pixels;
                let std = (squares / pixels - mean * mean).max(0.0).sqrt();
                input.mean.push(mean as f32);
                // Below this is rounding, not contrast: pixels differ by at least 1 / 255.
                input.std.push(if std > 1e-6 { std as f32 } else { 1.0 });
            }
        }
        Ok(FittedPictures { input, unreadable })
    }
}
