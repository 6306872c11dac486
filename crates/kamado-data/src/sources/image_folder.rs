//! Pictures in folders named after their classes.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use super::TrainTest;
use crate::dataset::{Dataset, FeatureData, Features, Labels};
use crate::error::{DataError, Result};
use crate::image_file::{Picture, read_picture};

/// What pictures are while it is not known whether all of them are grey.
const RGB: usize = 3;

/// A picture to be read, and its class.
type Entry = (PathBuf, i32);

/// Pictures of one part, red, green and blue, one after another.
struct Part {
    entries: Vec<Entry>,
    pixels: Vec<u8>,
}

/// Reads `path/train/CLASS/*` and, if it is there, `path/test/CLASS/*`; or `path/CLASS/*`, without a test set. Pictures
/// are the files that end in `.png`, `.jpg` or `.jpeg`; names that begin with a dot are passed over. Classes are the
/// folders with pictures for training, in alphabetical order, and so are the pictures of a class.
///
/// Features are bytes `[height, width, channels]`: one channel if every picture is grey, otherwise red, green and blue.
/// Pictures are brought to `image_size` (height, width); without it, all must have the same size.
///
/// Errors if a folder is missing or holds no pictures, a picture cannot be read, sizes differ and `image_size` is absent,
/// or the test set has a class of its own.
pub fn load(path: &Path, image_size: Option<[usize; 2]>) -> Result<TrainTest> {
    let split = path.join("train");
    // A class may be called "train", but then it holds pictures and no folders.
    let has_split = split.is_dir() && !folders(&split)?.is_empty();
    let train_path = if has_split { split } else { path.to_owned() };
    let classes = training_classes(&train_path)?;
    let train = listed(&train_path, &classes)?;
    let test_path = path.join("test");
    let test = if has_split && test_path.is_dir() { Some(test_entries(&test_path, &classes)?) } else { None };
    let [height, width] = match (image_size, train.first()) {
        (None, Some((first, _))) => {
            let picture = read_picture(first)?;
            [picture.height() as usize, picture.width() as usize]
        }
        (size, _) => size.unwrap_or_default(),
    };
    let reader = Reader::new(height, width, image_size.is_some())?;
    let mut train = reader.read(train)?;
    let mut test = test.map(|entries| reader.read(entries)).transpose()?;
    let grey = train.is_grey() && test.as_ref().is_none_or(Part::is_grey);
    if grey {
        train.keep_one_channel();
        test.iter_mut().for_each(Part::keep_one_channel);
    }
    let shape = [height, width, if grey { 1 } else { RGB }];
    Ok(TrainTest {
        train: train.dataset(&train_path, shape, &classes)?,
        test: test.map(|test| test.dataset(&test_path, shape, &classes)).transpose()?,
    })
}

/// The folders in `path` that hold pictures.
fn training_classes(path: &Path) -> Result<Vec<String>> {
    let mut classes = Vec::new();
    for class in folders(path)? {
        if !pictures(&path.join(&class))?.is_empty() {
            classes.push(class);
        }
    }
    if classes.is_empty() {
        let expected = "a folder for each class with .png, .jpg or .jpeg files (or train/CLASS and test/CLASS)";
        let remedy = "Give the folder that holds the folders of the classes";
        return Err(DataError::malformed(path.display().to_string(), expected, "no pictures in folders", remedy));
    }
    Ok(classes)
}

/// The pictures of the test set, whose classes must be among `classes`.
fn test_entries(path: &Path, classes: &[String]) -> Result<Vec<Entry>> {
    for class in folders(path)? {
        let folder = path.join(&class);
        if !classes.contains(&class) && !pictures(&folder)?.is_empty() {
            let expected = format!("only classes that there is training for ({})", classes.join(", "));
            let remedy = "Add pictures of this class to the train folder, or take it out of the test folder";
            return Err(DataError::malformed(folder.display().to_string(), expected, format!("{class:?}"), remedy));
        }
    }
    let entries = listed(path, classes)?;
    if entries.is_empty() {
        let remedy = "Put pictures into it, or take the folder away to have a part of the training set held out";
        return Err(DataError::malformed(path.display().to_string(), "pictures to test with", "none", remedy));
    }
    Ok(entries)
}

/// The pictures of `classes`, class after class.
fn listed(path: &Path, classes: &[String]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (index, class) in (0i32..).zip(classes) {
        let folder = path.join(class);
        if folder.is_dir() {
            entries.extend(pictures(&folder)?.into_iter().map(|picture| (picture, index)));
        }
    }
    Ok(entries)
}

/// The names of the folders in `path`, sorted.
fn folders(path: &Path) -> Result<Vec<String>> {
    let paths = sorted(path)?.into_iter().filter(|path| path.is_dir());
    let name = |path: PathBuf| {
        path.file_name().and_then(|name| name.to_str()).map(str::to_owned).ok_or_else(|| {
            let found = "something else";
            DataError::malformed(path.display().to_string(), "a name in Unicode", found, "Rename the folder")
        })
    };
    paths.map(name).collect()
}

/// The paths of the pictures in `path`, sorted.
fn pictures(path: &Path) -> Result<Vec<PathBuf>> {
    let is_picture = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        ["png", "jpg", "jpeg"].iter().any(|known| ending.eq_ignore_ascii_case(known)) && !path.is_dir()
    };
    Ok(sorted(path)?.into_iter().filter(is_picture).collect())
}

/// What is in a folder, without hidden files.
fn sorted(path: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| DataError::io(path, "list it", error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Brings pictures to one size.
struct Reader {
    height: u32,
    width: u32,
    /// Whether pictures of another size are resized rather than refused.
    resizes: bool,
}

impl Reader {
    fn new(height: usize, width: usize, resizes: bool) -> Result<Self> {
        let side = |size: usize| u32::try_from(size).ok().filter(|size| (1..=1 << 15).contains(size));
        match (side(height), side(width)) {
            (Some(height), Some(width)) => Ok(Reader { height, width, resizes }),
            _ => Err(DataError::request(
                format!("pictures cannot be brought to a size of {height}x{width}"),
                "Choose an image_size of 1 to 32768 rows and columns",
            )),
        }
    }

    /// Decodes on all cores; every picture has its place whichever thread reads it.
    fn read(&self, entries: Vec<Entry>) -> Result<Part> {
        let picture_len = self.height as usize * self.width as usize * RGB;
        let len = entries.len().saturating_mul(picture_len);
        let mut pixels = Vec::new();
        pixels.try_reserve_exact(len).map_err(|_| {
            let problem = format!("{} pictures of {}x{} take {len} bytes", entries.len(), self.height, self.width);
            DataError::request(problem, "They do not fit into memory: choose a smaller image_size")
        })?;
        pixels.resize(len, 0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let share = entries.len().div_ceil(threads).max(1);
        let read_share = |(entries, pixels): (&[Entry], &mut [u8])| {
            entries.iter().zip(pixels.chunks_exact_mut(picture_len)).try_for_each(|((path, _), pixels)| {
                pixels.copy_from_slice(&self.fit(path, &read_picture(path)?)?);
                Ok(())
            })
        };
        let read_share = &read_share;
        thread::scope(|scope| {
            let shares = entries.chunks(share).zip(pixels.chunks_mut(share * picture_len));
            let threads: Vec<_> = shares.map(|share| scope.spawn(move || read_share(share))).collect();
            // In the order of the pictures, so that of several errors the first is told.
            threads.into_iter().try_for_each(|thread| match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })?;
        Ok(Part { entries, pixels })
    }

    fn fit(&self, path: &Path, picture: &Picture) -> Result<Vec<u8>> {
        if (picture.height(), picture.width()) != (self.height, self.width) && !self.resizes {
            return Err(DataError::malformed(
                path.display().to_string(),
                format!("{} rows and {} columns, as the first picture has", self.height, self.width),
                format!("{} rows and {} columns", picture.height(), picture.width()),
                "Set data.image_size = [HEIGHT, WIDTH] to bring all pictures to one size",
            ));
        }
        Ok(picture.resized(self.height, self.width).into_owned().into_bytes())
    }
}

impl Part {
    fn is_grey(&self) -> bool {
        self.pixels.chunks_exact(RGB).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    }

    fn keep_one_channel(&mut self) {
        let grey = self.pixels.len() / RGB;
        (0..grey).for_each(|i| self.pixels[i] = self.pixels[i * RGB]);
        self.pixels.truncate(grey);
        self.pixels.shrink_to_fit();
    }

    fn dataset(self, path: &Path, shape: [usize; 3], classes: &[String]) -> Result<Dataset> {
        let indices = self.entries.into_iter().map(|(_, class)| class).collect();
        let features = Features { shape: shape.to_vec(), data: FeatureData::U8(self.pixels), max_value: 255.0 };
        Dataset::new(path.display().to_string(), features, Labels::Classes { indices, names: classes.to_vec() })
    }
}
