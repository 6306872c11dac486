//! The lines that Keras users know.

use std::fmt::Write;
use std::time::Duration;

use kamado_train::Score;

/// `1875/1875 - 4s 2ms/step - loss: 0.1475 - accuracy: 0.9556`.
pub(crate) fn keras_line<'a>(
    step: usize,
    steps: usize,
    elapsed: Duration,
    values: impl IntoIterator<Item = (&'a str, f64)>,
) -> String {
    let mut line = format!("{step}/{steps} - {} {}", total(elapsed), per_step(elapsed, step));
    for (name, value) in values {
        // Writing to a String cannot fail.
        let _ = write!(line, " - {name}: {}", Score(value));
    }
    line
}

fn total(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{:.0}s", time.as_secs_f64()),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

fn per_step(time: Duration, steps: usize) -> String {
    let step = time.as_secs_f64() / steps.max(1) as f64;
    if step >= 1.0 {
        format!("{step:.0}s/step")
    } else if step >= 1e-3 {
        format!("{:.0}ms/step", step * 1e3)
    } else {
        format!("{:.0}us/step", step * 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_look_as_in_keras() {
        let line = keras_line(1875, 1875, Duration::from_millis(4100), [("loss", 0.14749), ("accuracy", 0.95558)]);
        assert_eq!(line, "1875/1875 - 4s 2ms/step - loss: 0.1475 - accuracy: 0.9556");
        let line = keras_line(3, 20, Duration::from_micros(600), [("loss", 2.5e-5)]);
        assert_eq!(line, "3/20 - 0s 200us/step - loss: 2.5000e-5");
        assert!(keras_line(10, 10, Duration::from_secs(4000), []).starts_with("10/10 - 1:06:40 400s/step"));
    }
}
