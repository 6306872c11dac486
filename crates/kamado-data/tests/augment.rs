//! Distortion as a whole; its parts have tests of their own.

use kamado_data::sources::digits;
use kamado_data::{Augment, LabelsMut, Loader, LoaderConfig};

/// The first epoch of the digits in their own order, raw numbers.
fn distorted(augment: Augment) -> Vec<f32> {
    let config = LoaderConfig { batch_size: 1797, shuffle: false, augment: Some(augment), ..LoaderConfig::default() };
    let loader = Loader::new(&digits::load().unwrap(), config).unwrap();
    let mut x = vec![0.0; 1797 * 64];
    loader.epoch(0).next_into(&mut x[..], LabelsMut::Nowhere).unwrap();
    x
}

#[test]
fn no_distortion_changes_nothing() {
    let loader = Loader::new(&digits::load().unwrap(), LoaderConfig::default()).unwrap();
    let mut plain = vec![0.0; 1797 * 64];
    loader.fill(&(0..1797).collect::<Vec<_>>(), &mut plain[..], LabelsMut::Nowhere).unwrap();
    let found = distorted(Augment::default());
    assert!(found.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn cutout_blanks_a_square_of_the_wanted_size() {
    let (plain, cut) = (distorted(Augment::default()), distorted(Augment { cutout: 0.5, ..Augment::default() }));
    let mut widest = 0;
    for (plain, cut) in plain.chunks(64).zip(cut.chunks(64)) {
        let changed: Vec<usize> = (0..64).filter(|&i| (plain[i] - cut[i]).abs() > 1e-4).collect();
        assert!(changed.iter().all(|&i| cut[i] == 0.0));
        let span = |along: fn(usize) -> usize| {
            let places = || changed.iter().map(|&i| along(i));
            places().max().map_or(0, |last| last + 1 - places().min().unwrap_or(0))
        };
        let (rows, columns) = (span(|i| i / 8), span(|i| i % 8));
        assert!(rows <= 4 && columns <= 4, "{rows}x{columns}");
        widest = widest.max(rows.min(columns));
    }
    assert_eq!(widest, 4);
    let all = distorted(Augment { cutout: 1.0, ..Augment::default() });
    assert!(all.iter().filter(|&&x| x == 0.0).count() > all.len() / 2);
}

#[test]
fn a_flip_mirrors_about_half_of_the_images() {
    let (plain, flipped) =
        (distorted(Augment::default()), distorted(Augment { horizontal_flip: true, ..Augment::default() }));
    let mut mirrored = 0;
    for (plain, found) in plain.chunks(64).zip(flipped.chunks(64)) {
        let is = |source: &dyn Fn(usize) -> usize| (0..64).all(|i| (found[i] - plain[source(i)]).abs() < 1e-4);
        let mirror = is(&|i| i / 8 * 8 + 7 - i % 8);
        assert!(mirror || is(&|i| i));
        mirrored += usize::from(mirror);
    }
    // Six standard deviations of a fair coin: sqrt(1797) / 2 = 21.2.
    assert!(mirrored.abs_diff(1797 / 2) < 127, "{mirrored}");
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let settings = |text: &str| serde_json::from_str::<Augment>(text).unwrap().check();
    assert!(settings(r#"{"rotation": 180, "shift": 1, "zoom": 0.9, "shear": 80, "elastic": 1, "cutout": 1}"#).is_ok());
    for (text, name) in [
        (r#"{"rotation": -1}"#, "augment.rotation = -1"),
        (r#"{"shear": 90}"#, "augment.shear = 90"),
        (r#"{"elastic_cells": 0}"#, "augment.elastic_cells = 0"),
    ] {
        let refusal = settings(text).unwrap_err().to_string();
        assert!(refusal.contains(name) && refusal.contains("Choose"), "{refusal}");
    }
    assert!(Augment { shift: f32::NAN, ..Augment::default() }.check().is_err());
}
