//! "Did you mean …?"

/// What other libraries call things that Keras, and so this recipe, calls differently.
const ALIASES: [(&str, &str); 16] = [
    ("lr", "learning_rate"),
    ("epoch", "epochs"),
    ("outchannels", "filters"),
    ("channels", "filters"),
    ("kernel", "kernel_size"),
    ("stride", "strides"),
    ("linear", "dense"),
    ("fullyconnected", "dense"),
    ("outfeatures", "units"),
    ("batchnorm", "batch_normalization"),
    ("batchnorm2d", "batch_normalization"),
    ("maxpool", "max_pooling2d"),
    ("maxpool2d", "max_pooling2d"),
    ("avgpool2d", "average_pooling2d"),
    ("crossentropy", "sparse_categorical_crossentropy"),
    ("dataset", "source"),
];

/// Names may differ in this share of their letters and still be taken for one another.
const ALIKE: f64 = 0.6;

/// The one of `names` that somebody who wrote `wrong` most likely meant.
pub(crate) fn closest<'a>(wrong: &str, names: &[&'a str]) -> Option<&'a str> {
    let letters = |text: &str| -> String {
        text.chars().take(64).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wrong = letters(wrong);
    let alias = ALIASES.iter().find(|(other, _)| *other == wrong);
    if let Some(name) = alias.and_then(|(_, meant)| names.iter().find(|name| *name == meant)) {
        return Some(name);
    }
    names
        .iter()
        .map(|&name| (strsim::normalized_damerau_levenshtein(&wrong, &letters(name)), name))
        .filter(|(alike, _)| *alike >= ALIKE)
        .min_by(|a, b| b.0.total_cmp(&a.0))
        .map(|(_, name)| name)
}

/// `a, b, c`.
pub(crate) fn list(names: &[&str]) -> String {
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn near_misses_and_other_libraries_words_are_understood() {
        let names = ["learning_rate", "batch_normalization", "conv2d", "kernel_size"];
        for (wrong, meant) in
            [("learning_rat", 0), ("lr", 0), ("BatchNormalization", 1), ("Conv2D", 2), ("conv2", 2), ("kernelsize", 3)]
        {
            assert_eq!(closest(wrong, &names), Some(names[meant]), "{wrong}");
        }
        assert_eq!(closest("zebra", &names), None);
        assert_eq!(closest("", &names), None);
    }
}
