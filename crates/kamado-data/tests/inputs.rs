//! Datasets with several inputs, some of them read when they are needed.

use std::sync::Arc;

use kamado_data::{
    Buffer, DataError, Dataset, Examples, FeatureData, Features, FeaturesMut, Input, Labels, LabelsMut, Loader,
    LoaderConfig,
};
use kamado_graph::rng::Rng;

/// Example `i` is `[i, i + noise]`; one of them cannot be read, and at one the reader itself fails.
#[derive(Debug)]
struct Numbers {
    len: usize,
    lost: Option<usize>,
    broken: Option<usize>,
}

impl Examples for Numbers {
    fn len(&self) -> usize {
        self.len
    }

    fn read(&self, row: usize, rng: Option<&mut Rng>, out: FeaturesMut<'_>) -> Result<(), DataError> {
        assert_ne!(Some(row), self.broken, "a decoder with a mistake");
        if self.lost == Some(row) {
            let problem = format!("row {row} is lost");
            return Err(DataError::Request { problem, remedy: "Find it".to_owned() });
        }
        let FeaturesMut::F32(out) = out else { panic!("these are floats") };
        out.copy_from_slice(&[row as f32, row as f32 + rng.map_or(0.0, |rng| rng.uniform() as f32)]);
        Ok(())
    }

    fn identity(&self, row: usize) -> Vec<u8> {
        row.to_le_bytes().to_vec()
    }
}

fn input(name: &str, shape: &[usize], data: FeatureData) -> Input {
    Input { name: name.to_owned(), features: Features { shape: shape.to_vec(), data, max_value: 1.0 } }
}

fn dataset(lost: Option<usize>, broken: Option<usize>) -> Dataset {
    let len = 100;
    let tokens = FeatureData::Tokens { tokens: (0..300).collect(), stride: 3 };
    let inputs = vec![
        input("table", &[1], FeatureData::F32((0..100u8).map(|i| f32::from(i) / 100.0).collect())),
        input("categories", &[3], tokens),
        input("picture", &[2], FeatureData::Lazy(Arc::new(Numbers { len, lost, broken }))),
    ];
    let labels = Labels::Values { width: 1, data: (0..100u8).map(f32::from).collect() };
    Dataset::of_inputs("three inputs", inputs, labels).unwrap()
}

fn loader(data: &Dataset, workers: usize, training: bool) -> Loader {
    let config = LoaderConfig { batch_size: 7, seed: 3, workers, training, ..LoaderConfig::default() };
    Loader::new(data, config).unwrap()
}

/// All floats of the third input, from `position` on.
fn read(loader: &Loader, position: usize) -> Result<Vec<f32>, DataError> {
    let mut x = loader.buffers();
    let mut y = vec![0.0; 7];
    let mut batches = loader.epoch_from(2, position);
    let mut all = Vec::new();
    while let Some(n) = batches.next_batch(&mut x, LabelsMut::Values { width: 1, data: &mut y })? {
        let [Buffer::F32(table), Buffer::I32(categories), Buffer::F32(picture)] = &x[..] else { panic!() };
        for i in 0..n {
            let row = y[i] as i32;
            assert_eq!(table[i], y[i] / 100.0);
            assert_eq!(categories[3 * i..3 * i + 3], [3 * row, 3 * row + 1, 3 * row + 2]);
            assert_eq!(picture[2 * i], y[i]);
        }
        all.extend(&picture[..2 * n]);
    }
    assert!(all.is_empty() || batches.waited().as_nanos() > 0);
    Ok(all)
}

#[test]
fn every_input_is_of_the_same_example_on_any_number_of_threads() {
    let data = dataset(None, None);
    let reference = read(&loader(&data, 0, true), 0).unwrap();
    assert_eq!(reference.len(), 200);
    for workers in [1, 2, 5] {
        assert_eq!(read(&loader(&data, workers, true), 0).unwrap(), reference, "{workers} threads");
    }
    let plain = read(&loader(&data, 2, false), 0).unwrap();
    assert!(plain.chunks(2).all(|pair| pair[0] == pair[1]), "evaluation must not distort");
    assert_ne!(plain, reference);
}

#[test]
fn an_epoch_can_be_taken_up_at_any_example() {
    let data = dataset(None, None);
    let whole = read(&loader(&data, 2, true), 0).unwrap();
    for position in [1, 7, 50, 99, 100, 1000] {
        let rest = whole.get(2 * position..).unwrap_or_default();
        assert_eq!(read(&loader(&data, 2, true), position).unwrap_or_default(), rest, "from {position}");
    }
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_hangs() {
    for workers in [0, 1, 3] {
        let error = read(&loader(&dataset(Some(50), None), workers, true), 0).unwrap_err().to_string();
        assert!(error.contains("row 50 is lost"), "{error}");
    }
    let error = read(&loader(&dataset(None, Some(50)), 2, true), 0).unwrap_err().to_string();
    assert!(error.contains("has failed for a reason of its own"), "{error}");
}

#[test]
fn views_and_hashes_know_all_inputs() {
    let data = dataset(None, None);
    let view = data.subset(&[5, 1]).unwrap();
    assert_eq!(read(&loader(&view, 2, false), 0).unwrap().len(), 4);
    assert_ne!(view.content_hash(), data.subset(&[5, 2]).unwrap().content_hash());
    assert_eq!(view.content_hash(), dataset(Some(3), None).subset(&[5, 1]).unwrap().content_hash());
}

#[test]
fn shards_are_mixed_a_few_at_a_time() {
    let shards: Vec<u32> = (0..100).map(|row| row / 10).collect();
    let data = dataset(None, None).with_shards(shards).unwrap();
    let config = LoaderConfig { shards_at_once: 2, ..LoaderConfig::default() };
    let order = Loader::new(&data, config).unwrap().order(0);
    for window in order.chunks(20) {
        let mut shards: Vec<usize> = window.iter().map(|example| example / 10).collect();
        assert!(shards.windows(2).filter(|pair| pair[0] != pair[1]).count() > 3, "{shards:?} are not mixed");
        shards.sort_unstable();
        shards.dedup();
        assert_eq!(shards.len(), 2);
    }
    assert!(dataset(None, None).with_shards(vec![0; 99]).is_err());
}

#[test]
fn inputs_that_do_not_fit_each_other_are_refused() {
    let floats = |n: usize| FeatureData::F32(vec![0.0; n]);
    let refusal = |inputs| {
        let labels = Labels::Values { width: 1, data: vec![0.0; 4] };
        Dataset::of_inputs("inputs", inputs, labels).unwrap_err().to_string()
    };
    assert!(refusal(vec![]).contains("at least one input"));
    let twice = refusal(vec![input("a", &[1], floats(4)), input("a", &[1], floats(4))]);
    assert!(twice.contains("a name of its own"), "{twice}");
    let short = refusal(vec![input("a", &[1], floats(4)), input("b", &[1], floats(3))]);
    assert!(short.contains("found 3 of an input \"b\""), "{short}");
    let error = loader(&dataset(None, None), 0, false).epoch(0).next_into(&mut [0.0f32; 9][..], LabelsMut::Nowhere);
    assert!(error.unwrap_err().to_string().contains("3 inputs, but there are 1 buffers"));
}
