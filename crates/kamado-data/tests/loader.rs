//! Batches: their order, their numbers, their labels.

use kamado_data::sources::digits;
use kamado_data::{Augment, Dataset, FeatureData, Features, LabelsMut, Loader, LoaderConfig, Preprocessing};

fn load(config: LoaderConfig) -> Loader {
    Loader::new(&digits::load().unwrap(), config).unwrap()
}

fn config() -> LoaderConfig {
    LoaderConfig { preprocessing: digits::preprocessing(), seed: 7, ..LoaderConfig::default() }
}

/// All numbers and classes of an epoch, and the sizes of its batches.
fn read(loader: &Loader, epoch: u64) -> (Vec<f32>, Vec<i32>, Vec<usize>) {
    let (mut x, mut y) = (vec![f32::NAN; loader.batch_size() * 64], vec![-1; loader.batch_size()]);
    let (mut all_x, mut all_y, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let mut batches = loader.epoch(epoch);
    while let Some(count) = batches.next_into(&mut x[..], LabelsMut::Classes(&mut y)).unwrap() {
        all_x.extend(&x[..count * 64]);
        all_y.extend(&y[..count]);
        sizes.push(count);
    }
    assert_eq!(batches.next_into(&mut x[..], LabelsMut::Nowhere).unwrap(), None);
    (all_x, all_y, sizes)
}

#[test]
fn an_epoch_has_every_example_once_in_an_order_of_its_own() {
    let loader = load(config());
    let (x, y, sizes) = read(&loader, 0);
    assert_eq!((sizes.len(), sizes[55], sizes[56]), (57, 32, 5));
    assert_eq!(loader.batches_per_epoch(), 57);
    let mut order = loader.order(0);
    let FeatureData::U8(pixels) = &loader.dataset().features().data else { panic!("digits are bytes") };
    let classes = loader.dataset().classes().unwrap();
    for (position, &example) in order.iter().enumerate() {
        assert_eq!(y[position], classes[example]);
        let expected = pixels[example * 64..][..64].iter().map(|&pixel| f32::from(pixel) / 16.0);
        assert!(expected.eq(x[position * 64..][..64].iter().copied()), "example {example}");
    }
    assert_ne!(loader.order(1), order);
    assert_eq!(loader.order(0), order);
    order.sort_unstable();
    assert!(order.into_iter().eq(0..1797));
}

#[test]
fn without_shuffling_the_order_is_that_of_the_dataset() {
    let loader = load(LoaderConfig { shuffle: false, batch_size: 5000, ..config() });
    let (_, y, sizes) = read(&loader, 3);
    assert_eq!(sizes, [1797]);
    assert_eq!(y, loader.dataset().classes().unwrap());
}

#[test]
fn distortion_does_not_depend_on_threads_or_batch_size() {
    let augment = Augment { rotation: 10.0, shift: 0.1, elastic: 0.05, cutout: 0.3, ..Augment::default() };
    let distorted =
        |workers, batch_size| load(LoaderConfig { augment: Some(augment.clone()), workers, batch_size, ..config() });
    let reference = read(&distorted(0, 32), 2);
    assert_eq!(read(&distorted(3, 32), 2), reference);
    let (x, y, _) = read(&distorted(2, 100), 2);
    assert_eq!((&x, &y), (&reference.0, &reference.1));
    let plain = load(config());
    assert_eq!(read(&plain, 2).1, reference.1);
    assert_ne!(read(&plain, 2).0, reference.0);
    let mut untouched = vec![0.0; 64];
    distorted(3, 32).fill(&[0], &mut untouched[..], LabelsMut::Nowhere).unwrap();
    let mut expected = vec![0.0; 64];
    plain.fill(&[0], &mut expected[..], LabelsMut::Nowhere).unwrap();
    assert_eq!(untouched, expected);
}

#[test]
fn batches_are_blended_with_their_labels() {
    let blended = |workers| {
        let augment = Some(Augment { mixup: 0.4, ..Augment::default() });
        let loader = load(LoaderConfig { augment, workers, ..config() });
        let (mut x, mut shares) = (vec![0.0; 32 * 64], vec![0.0; 320]);
        let mut batches = loader.epoch(2);
        batches.next_into(&mut x[..], LabelsMut::Values { width: 10, data: &mut shares }).unwrap();
        let refusal = batches.next_into(&mut x.clone()[..], LabelsMut::Classes(&mut [0; 32])).unwrap_err().to_string();
        assert!(refusal.contains("takes the index of a class"), "{refusal}");
        (x, shares)
    };
    let (x, shares) = blended(2);
    assert_eq!((&x, &shares), (&blended(0).0, &blended(0).1));
    let plain = load(config());
    let (mut own, mut classes) = (vec![0.0; 32 * 64], [0; 32]);
    plain.epoch(2).next_into(&mut own[..], LabelsMut::Classes(&mut classes)).unwrap();
    let mut parted = 0;
    for i in 0..32 {
        let other = (i + 31) % 32;
        let (a, b) = (classes[i] as usize, classes[other] as usize);
        assert!((shares[i * 10..(i + 1) * 10].iter().sum::<f32>() - 1.0).abs() < 1e-6);
        if a == b {
            continue;
        }
        parted += 1;
        let share = shares[i * 10 + a];
        assert!((share + shares[i * 10 + b] - 1.0).abs() < 1e-6);
        for p in 0..64 {
            let expected = share * own[i * 64 + p] + (1.0 - share) * own[other * 64 + p];
            assert!((x[i * 64 + p] - expected).abs() < 1e-5);
        }
    }
    assert!(parted > 20, "{parted}");
}

#[test]
fn an_epoch_may_be_left_early() {
    let augment = Some(Augment { rotation: 10.0, ..Augment::default() });
    let loader = load(LoaderConfig { augment, ..config() });
    let mut x = vec![0.0; 32 * 64];
    let mut batches = loader.epoch(0);
    batches.next_into(&mut x[..], LabelsMut::Nowhere).unwrap();
    drop(batches);
    assert_eq!(read(&loader, 0).2.len(), 57);
}

#[test]
fn labels_come_in_the_form_a_loss_needs() {
    let loader = load(config());
    let mut x = vec![0.0; 2 * 64];
    let mut one_hot = [9.0; 20];
    loader.fill(&[3, 5], &mut x[..], LabelsMut::Values { width: 10, data: &mut one_hot }).unwrap();
    let expected: Vec<f32> = [3, 5].iter().flat_map(|&class| (0..10).map(move |i| f32::from(i == class))).collect();
    assert_eq!(one_hot[..], expected);
    let mut index = [9.0; 2];
    loader.fill(&[3, 5], &mut x[..], LabelsMut::Values { width: 1, data: &mut index }).unwrap();
    assert_eq!(index, [3.0, 5.0]);
}

#[test]
fn values_are_labels_too() {
    let features = Features { shape: vec![1], data: FeatureData::F32(vec![1.0, 2.0, 3.0]), max_value: 3.0 };
    let labels = kamado_data::Labels::Values { width: 2, data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
    let dataset = Dataset::new("values", features, labels).unwrap().subset(&[2, 0]).unwrap();
    let loader = Loader::new(&dataset, LoaderConfig::default()).unwrap();
    let (mut x, mut y) = ([0.0; 2], [0.0; 4]);
    loader.fill(&[0, 1], &mut x[..], LabelsMut::Values { width: 2, data: &mut y }).unwrap();
    assert_eq!((x, y), ([3.0, 1.0], [5.0, 6.0, 1.0, 2.0]));
    let refusal = loader.fill(&[0], &mut x[..], LabelsMut::Classes(&mut [0])).unwrap_err().to_string();
    assert!(refusal.contains("are 2 numbers, but a class"), "{refusal}");
}

#[test]
fn what_cannot_be_loaded_is_refused() {
    let digits = digits::load().unwrap();
    let refusal = |dataset: &Dataset, config| Loader::new(dataset, config).unwrap_err().to_string();
    assert!(refusal(&digits.subset(&[]).unwrap(), config()).contains("from 0 examples"));
    assert!(refusal(&digits, LoaderConfig { batch_size: 0, ..config() }).contains("batches of 0"));
    let augment = Some(Augment { zoom: 1.5, ..Augment::default() });
    assert!(refusal(&digits, LoaderConfig { augment, ..config() }).contains("augment.zoom = 1.5"));
    let table = Features { shape: vec![4], data: FeatureData::F32(vec![0.0; 4]), max_value: 1.0 };
    let table = Dataset::new("t", table, kamado_data::Labels::Values { width: 1, data: vec![0.0] }).unwrap();
    let preprocessing = Preprocessing::default();
    let augment = Some(Augment::default());
    assert!(refusal(&table, LoaderConfig { augment, preprocessing, ..config() }).contains("only images"));
    let loader = load(config());
    assert!(loader.fill(&[1797], &mut [0.0f32; 64][..], LabelsMut::Nowhere).is_err());
    assert!(loader.fill(&[0], &mut [0.0f32; 63][..], LabelsMut::Nowhere).unwrap_err().to_string().contains("needs 64"));
    assert!(loader.epoch(0).next_into(&mut [0.0f32; 64][..], LabelsMut::Nowhere).is_err());
}
