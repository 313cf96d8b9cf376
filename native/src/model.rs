//! The line model: a linear-chain model whose features come in groups that are weighed once and remembered.
//!
//! Releases ask for the same few thousand groups over and over, so a line costs one look-up a group.

use std::fmt::{Arguments, Write};

use rustc_hash::FxHashMap;

/// Labels there may be at most.
pub const WIDTH: usize = 16;
/// Groups remembered, 8 MB of weights (4,000 releases ask for some 20,000). Past that the memory starts afresh.
pub const MAX_GROUPS: usize = 100_000;

pub type Row = [f32; WIDTH];

pub struct Weights {
    pub labels: Vec<String>,
    weights: FxHashMap<String, [f64; WIDTH]>,
    /// From row to column.
    onward: Vec<Vec<f64>>,
    /// By how much each label (column) can gain on another (row) by what comes after it.
    lead: Vec<Vec<f64>>,
    reach: Vec<f64>,
}

impl Weights {
    pub fn new(labels: Vec<String>, features: Vec<String>, weights: Vec<Vec<f64>>, onward: Vec<Vec<f64>>) -> Self {
        let count = labels.len();
        let rows = weights
            .iter()
            .map(|row| std::array::from_fn(|n| row.get(n).copied().unwrap_or(0.0)));
        let gain = |row: usize, column: usize| {
            (0..count)
                .map(|next| onward[column][next] - onward[row][next])
                .fold(0.0, f64::max)
        };
        let lead: Vec<Vec<f64>> = (0..count)
            .map(|row| (0..count).map(|column| gain(row, column)).collect())
            .collect();
        let reach = lead.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect();
        Weights {
            weights: features.into_iter().zip(rows).collect(),
            labels,
            onward,
            lead,
            reach,
        }
    }

    /// What some features weigh together, given by saying one after the other.
    pub fn weigh(&self, tell: impl FnOnce(&mut dyn FnMut(Arguments))) -> Row {
        let mut sum = [0.0; WIDTH];
        let mut name = String::with_capacity(48);
        tell(&mut |feature| {
            name.clear();
            let _ = name.write_fmt(feature); // a String takes all
            if let Some(row) = self.weights.get(name.as_str()) {
                sum.iter_mut().zip(row).for_each(|(total, weight)| *total += weight);
            }
        });
        sum.map(|total| total as f32)
    }

    /// The best label of every line (Viterbi), dropping at every line the labels that no label below it could bring back.
    pub fn decode(&self, scores: &[Row]) -> Vec<usize> {
        let Some(first) = scores.first() else {
            return Vec::new();
        };
        let count = self.labels.len();
        let own = |row: &Row| row[..count].iter().map(|score| f64::from(*score)).collect::<Vec<f64>>();
        let mut totals = own(first);
        let mut steps: Vec<Vec<(usize, f64)>> = Vec::with_capacity(scores.len());
        for row in &scores[1..] {
            let leader = best(&totals);
            let top = totals[leader];
            let kept: Vec<(usize, f64)> = (0..count)
                .filter(|label| top - totals[*label] <= self.lead[leader][*label].min(self.reach[leader]))
                .map(|label| (label, totals[label]))
                .collect();
            totals = own(row);
            for (label, total) in totals.iter_mut().enumerate() {
                *total += kept
                    .iter()
                    .map(|(before, gain)| gain + self.onward[*before][label])
                    .fold(f64::MIN, f64::max);
            }
            steps.push(kept);
        }
        let mut label = best(&totals);
        let mut labels = vec![label];
        for kept in steps.iter().rev() {
            let ways: Vec<f64> = kept
                .iter()
                .map(|(before, gain)| gain + self.onward[*before][label])
                .collect();
            label = kept[best(&ways)].0;
            labels.push(label);
        }
        labels.reverse();
        labels
    }
}

/// The first of the largest.
fn best(values: &[f64]) -> usize {
    let mut found = 0;
    for (number, value) in values.iter().enumerate() {
        if *value > values[found] {
            found = number;
        }
    }
    found
}
