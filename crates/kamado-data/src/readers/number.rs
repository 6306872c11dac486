//! Numbers in texts.

/// Powers of ten that are exact in f64.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The finite number that a text is, rounded correctly; `decimal` is its decimal sign.
pub(super) fn parse(text: &[u8], decimal: u8) -> Option<f64> {
    short(text, decimal).or_else(|| long(text, decimal))
}

/// Up to 15 digits and no exponent: both the digits and the power of ten are exact, so that one division rounds once
/// (W. D. Clinger, "How to read floating point numbers accurately", 1990).
fn short(text: &[u8], decimal: u8) -> Option<f64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    let (mut value, mut count, mut point) = (0u64, 0, None);
    for &byte in digits {
        if byte.is_ascii_digit() {
            value = value * 10 + u64::from(byte - b'0');
            count += 1;
        } else if byte == decimal && point.is_none() {
            point = Some(count);
        } else {
            return None;
        }
    }
    if count == 0 || count > 15 {
        return None;
    }
    let value = value as f64 / POWERS[point.map_or(0, |point| count - point)];
    Some(if negative { -value } else { value })
}

fn long(text: &[u8], decimal: u8) -> Option<f64> {
    // The parser of the standard library also takes words such as "inf", which are no quantities.
    let sound = |&byte: &u8| byte.is_ascii_digit() || byte == decimal || matches!(byte, b'+' | b'-' | b'e' | b'E');
    if !text.iter().all(sound) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = match decimal {
        b'.' => text.parse().ok()?,
        other => text.replace(char::from(other), ".").parse().ok()?,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_gives_the_bits_of_the_standard_library() {
        let mut state = 1u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let (digits, point) = (state >> 14, (state >> 5) as u32 % 16);
            let text = format!("{}{}.{}", ["", "-", "+"][(state % 3) as usize], digits / 10u64.pow(point), {
                let rest = digits % 10u64.pow(point);
                format!("{rest:0width$}", width = point as usize)
            });
            let expected: f64 = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes(), b'.').map(f64::to_bits), Some(expected.to_bits()), "{text}");
        }
    }

    #[test]
    fn numbers_and_others() {
        let parse_point = |text: &str| parse(text.as_bytes(), b'.');
        assert_eq!(parse_point("1e-3"), Some(0.001));
        assert_eq!(parse_point(".5"), Some(0.5));
        assert_eq!(parse_point("-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
        for text in ["", ".", "-", "e5", "1e", "inf", "nan", "1e999", "1.2.3", "0x10", "1 2", "12a", "1,5"] {
            assert_eq!(parse_point(text), None, "{text}");
        }
        assert_eq!(parse(b"-1,25", b','), Some(-1.25));
        assert_eq!(parse(b"1.234,5", b','), None);
    }
}
