//! The game behind Shapley values, LIME and KernelSHAP: what the model says if only some parts are there.

use std::time::Instant;

use crate::error::Result;
use crate::groups::Players;
use crate::network::Network;
use crate::sample::{Sample, Slot, Values};
use crate::target::Target;

/// One example, what stands for absent parts, and who plays.
pub(crate) struct Game<'a> {
    pub(crate) network: &'a mut Network,
    pub(crate) target: &'a Target,
    pub(crate) x: &'a Sample,
    pub(crate) baselines: &'a [&'a Sample],
    pub(crate) players: &'a Players,
    pub(crate) deadline: Option<Instant>,
}

impl Game<'_> {
    /// The number of players.
    pub(crate) fn players(&self) -> usize {
        self.players.len()
    }

    /// Whether the time is up.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// What coalitions are worth on average over the baselines; `there` has a flag for each player of each coalition.
    pub(crate) fn worth(&mut self, there: &[bool]) -> Result<Vec<f64>> {
        let backgrounds = self.baselines.len();
        let mut worth = vec![0.0; there.len() / self.players().max(1)];
        self.rows(
            there,
            worth.len() * backgrounds,
            |row| (row / backgrounds, row % backgrounds),
            |row, y| {
                worth[row / backgrounds] += y / backgrounds as f64;
            },
        )?;
        Ok(worth)
    }

    /// What coalitions are worth, each with the baseline of the given number.
    pub(crate) fn worth_with(&mut self, there: &[bool], baseline: &[usize]) -> Result<Vec<f64>> {
        let mut worth = vec![0.0; baseline.len()];
        self.rows(there, baseline.len(), |row| (row, baseline[row]), |row, y| worth[row] = y)?;
        Ok(worth)
    }

    fn rows(
        &mut self,
        there: &[bool],
        rows: usize,
        of: impl Fn(usize) -> (usize, usize),
        mut visit: impl FnMut(usize, f64),
    ) -> Result<()> {
        let Game { network, target, x, baselines, players, .. } = self;
        let m = players.len();
        let single = x.0.len() == 1;
        network.answers(
            rows,
            &mut |row, input, mut slot: Slot<'_>| {
                let (coalition, baseline) = of(row);
                slot.copy(&baselines[baseline].0[input]);
                let there = &there[coalition * m..(coalition + 1) * m];
                let present = players.elements.iter().zip(there).filter(|(_, there)| **there);
                let places = present.flat_map(|(elements, _)| elements).filter(|(at, _)| single || *at == input);
                // One match for all numbers: this loop is where KernelSHAP spends its own time.
                match (slot, &x.0[input]) {
                    (Slot::F32(to), Values::F32(from)) => places.for_each(|&(_, i)| to[i] = from[i]),
                    (Slot::I32(to), Values::I32(from)) => places.for_each(|&(_, i)| to[i] = from[i]),
                    _ => {}
                }
            },
            &mut |row, answers| visit(row, target.of(answers)),
        )
    }
}
