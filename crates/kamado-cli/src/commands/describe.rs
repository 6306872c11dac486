//! Words for what goes in and what comes out.

use kamado_train::recipe::Parts;

/// `1,234,567`
pub(super) fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// What there is to learn from.
pub(super) fn data_line(parts: &Parts) -> String {
    let shape: Vec<String> = parts.train.shape().iter().map(usize::to_string).collect();
    let validation = parts.validation.as_ref().map_or_else(|| "no".to_owned(), |part| thousands(part.len()));
    let (train, test) = (thousands(parts.train.len()), thousands(parts.test.len()));
    let classes = match (parts.train.class_names(), parts.train.class_counts()) {
        (Some(names), Some(counts)) => {
            let (least, most) = (counts.iter().min().copied(), counts.iter().max().copied());
            let (least, most) = (thousands(least.unwrap_or(0)), thousands(most.unwrap_or(0)));
            format!("; {} classes with {least} to {most} training examples each", names.len())
        }
        (Some(names), None) => format!(" tokens, {} different ones", names.len()),
        _ => String::new(),
    };
    let name = parts.train.name();
    format!(
        "Data: {name}: {train} training, {validation} validation, {test} test examples of {}{classes}",
        shape.join("x")
    )
}

#[cfg(test)]
mod tests {
    use super::thousands;

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
