//! Where a date may stand: Python reads dates, and is asked only about lines that may have one.

use std::sync::OnceLock;

use rustc_hash::FxHashSet;

use crate::text::{is, lower, DIGIT, LETTER, SPACE};

/// Letters of a month's name that are compared.
const LETTERS: usize = 3;
/// Characters between a day and its month.
const LINK: usize = 10;

static MONTHS: OnceLock<FxHashSet<[char; LETTERS]>> = OnceLock::new();

/// Tell the names of months, in small letters.
pub fn know(names: &[String]) {
    let begin = |name: &String| {
        let mut letters = name.chars();
        Some([letters.next()?, letters.next()?, letters.next()?])
    };
    let _ = MONTHS.set(names.iter().filter_map(begin).collect());
}

/// Whether a number of at most four digits stands beside what makes it part of a date: marks, words for year, month and
/// day, or what begins like a month's name.
pub fn may_be_dated(text: &str) -> bool {
    let letters: Vec<char> = lower(text).chars().collect();
    let months = MONTHS.get();
    let is_month = |at: usize| {
        let begin: Option<[char; LETTERS]> = letters.get(at..at + LETTERS).and_then(|found| found.try_into().ok());
        begin.is_some_and(|begin| months.is_none_or(|months| months.contains(&begin)))
    };
    let mut at = 0;
    while at < letters.len() {
        if !is(letters[at], DIGIT) {
            at += 1;
            continue;
        }
        let start = at;
        while at < letters.len() && is(letters[at], DIGIT) {
            at += 1;
        }
        let after = &letters[at..];
        let sign = if after.first().is_some_and(|c| is(*c, SPACE)) {
            after.get(1)
        } else {
            after.first()
        };
        if sign.is_some_and(|c| "-/.年년月월t".contains(*c)) && at - start <= 4 {
            return true;
        }
        if at - start <= 2 {
            if (at..letters.len().min(at + LINK)).any(is_month) {
                return true;
            }
            // The word before.
            let mut word = start;
            while word > 0 && start - word < 14 && !(word < start - 1 && is(letters[word - 1], SPACE)) {
                word -= 1;
            }
            if (word..start).any(|n| (n == 0 || !is(letters[n - 1], LETTER)) && is_month(n)) {
                return true;
            }
        }
    }
    false
}
