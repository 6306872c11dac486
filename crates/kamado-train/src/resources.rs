//! How exactly and in how much memory a model is trained.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The numbers that training computes with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 32-bit floats throughout.
    #[default]
    F32,
    /// Operands of products, convolutions and attention are rounded to bfloat16; sums, weights and all else stay 32-bit
    /// floats. See [`kamado_graph::graph::Graph::in_bf16`].
    Bf16,
}

/// An amount of memory in bytes, written as `"2GB"`, `"1.5 GiB"` or `"800MB"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes(pub u64);

/// Units, the longest names first, so that `MB` is not read as `B`.
const UNITS: [(&str, f64); 7] =
    [("KiB", 1024.0), ("MiB", 1048576.0), ("GiB", 1073741824.0), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1.0)];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("{text:?} is no amount of memory; write a number and a unit, such as \"2GB\" or \"800MB\"");
        let (number, unit) = UNITS
            .iter()
            .find_map(|&(name, unit)| Some((text.trim().strip_suffix(name)?, unit)))
            .ok_or_else(expected)?;
        let bytes = number.trim().parse::<f64>().map_err(|_| expected())? * unit;
        if (1.0..=9e18).contains(&bytes) { Ok(Bytes(bytes as u64)) } else { Err(expected()) }
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Bytes> for String {
    fn from(bytes: Bytes) -> String {
        bytes.to_string()
    }
}

/// The memory that programs may still take, in bytes: what `KAMADO_MEMORY` says, such as `8GB`, or else what the system has
/// free (Linux), within the limit of this process's control group. `None` if that is not known.
pub fn available_memory() -> Option<u64> {
    let wish = std::env::var("KAMADO_MEMORY").ok().and_then(|text| text.parse().ok());
    if let Some(Bytes(bytes)) = wish {
        return Some(bytes);
    }
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| free_of(&text));
    let (limit, used) = (number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory.current"));
    let group = limit.map(|limit| limit.saturating_sub(used.unwrap_or(0)));
    [free, group].into_iter().flatten().min()
}

fn free_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemAvailable:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
}

impl fmt::Display for Bytes {
    /// In the largest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "KB")]
            .into_iter()
            .find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit))
            .unwrap_or((1, "B"));
        write!(f, "{}{name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_memory_is_read_from_the_system() {
        let text = "MemTotal:       24000000 kB\nMemAvailable:   12000000 kB\n";
        assert_eq!(free_of(text), Some(12_288_000_000));
        assert_eq!(free_of("MemTotal: 1 kB"), None);
        assert!(!cfg!(target_os = "linux") || available_memory().is_some());
    }

    #[test]
    fn amounts_are_read_and_written() {
        for (text, bytes) in [("2GB", 2_000_000_000), ("1.5 GiB", 1_610_612_736), (" 800MB ", 800_000_000), ("7B", 7)] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
        }
        for text in ["", "2", "GB", "-1GB", "0MB", "2gb", "nanGB", "1e30GB"] {
            assert!(text.parse::<Bytes>().unwrap_err().contains("such as"), "{text}");
        }
        for bytes in [Bytes(2_000_000_000), Bytes(1_610_612_736), Bytes(1500), Bytes(7)] {
            assert_eq!(bytes.to_string().parse(), Ok(bytes));
        }
    }
}
