//! Where the time goes: `KAMADO_PROFILE=1` prints the time and bytes of every kernel when a session ends.

use std::time::Duration;

use kamado_graph::graph::Graph;

use crate::group::Schedule;

/// Time and bytes of each kernel, added up over the runs of a session.
pub(crate) struct Profile {
    rows: Vec<Row>,
}

struct Row {
    name: String,
    time: Duration,
    runs: u64,
    bytes: u64,
}

impl Profile {
    /// A profile, if `KAMADO_PROFILE` is set to anything but 0.
    pub(crate) fn from_env(schedule: &Schedule, graph: &Graph) -> Option<Self> {
        std::env::var("KAMADO_PROFILE").ok().filter(|v| !v.is_empty() && v != "0")?;
        let row = |group: &crate::group::Group| Row {
            name: format!("{} {}", group.scope(graph), group.name(graph)),
            time: Duration::ZERO,
            runs: 0,
            bytes: 0,
        };
        Some(Profile { rows: schedule.0.iter().map(row).collect() })
    }

    pub(crate) fn add(&mut self, index: usize, time: Duration, bytes: usize) {
        let row = &mut self.rows[index];
        row.time += time;
        row.runs += 1;
        row.bytes += bytes as u64;
    }

    /// The table that is printed.
    fn table(&self) -> String {
        let total: Duration = self.rows.iter().map(|r| r.time).sum();
        let mut text = format!("{:>10} {:>6} {:>12} {:>8}  kernel\n", "us/run", "%", "bytes/run", "GB/s");
        for row in &self.rows {
            let (runs, seconds) = (row.runs.max(1) as f64, row.time.as_secs_f64());
            text += &format!(
                "{:>10.1} {:>6.1} {:>12} {:>8.1}  {}\n",
                seconds * 1e6 / runs,
                100.0 * seconds / total.as_secs_f64().max(f64::MIN_POSITIVE),
                row.bytes / row.runs.max(1),
                row.bytes as f64 / seconds.max(f64::MIN_POSITIVE) / 1e9,
                row.name
            );
        }
        text
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        if self.rows.iter().any(|row| row.runs > 0) {
            eprint!("{}", self.table());
        }
    }
}
