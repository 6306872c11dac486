//! How many JPEG files a second become training input: decode, random resized crop to 224x224, flip, normalise.
//!
//! Usage: picture_throughput FOLDER [THREADS] [EPOCHS]. Compare with bench/peers/picture_throughput.py.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kamado_data::{Augment, Augmenter, PictureInput, PictureScratch};
use kamado_graph::rng::Rng;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let threads: usize = arguments.next().map_or(Ok(2), |text| text.parse())?;
    let epochs: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let mut files: Vec<_> = std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "jpg"));
    files.sort();

    let mut input = PictureInput::new(224, 224);
    (input.mean, input.std) = (vec![0.485, 0.456, 0.406], vec![0.229, 0.224, 0.225]);
    let settings = Augment { resized_crop: 0.08, horizontal_flip: true, ..Augment::default() };
    let augmenter = Augmenter::new(&settings, &input.shape())?;
    for epoch in 0..epochs {
        let (next, start) = (AtomicUsize::new(0), Instant::now());
        let work = || {
            let (mut scratch, mut out) = (PictureScratch::default(), vec![0.0; input.len()]);
            while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let bytes = std::fs::read(path).unwrap_or_default();
                let mut rng = Rng::new(epoch as u64, next.load(Ordering::Relaxed) as u64);
                let result =
                    input.encode(&bytes, &path.to_string_lossy(), Some((&augmenter, &mut rng)), &mut out, &mut scratch);
                if let Err(error) = result {
                    eprintln!("{error}");
                }
            }
        };
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
        println!("{:.1} pictures/s", files.len() as f64 / start.elapsed().as_secs_f64());
    }
    Ok(())
}
