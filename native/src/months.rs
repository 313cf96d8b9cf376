//! Where a date may stand: Python reads dates, and is asked only about lines that may have one.

use rustc_hash::FxHashSet;

use crate::text::{is, lower, DIGIT, LETTER, SPACE};

/// Letters of a month's name that are compared.
const LETTERS: usize = 3;
/// Characters between a day and its month.
const LINK: usize = 10;

/// What the names of months begin with.
pub struct Months(FxHashSet<[char; LETTERS]>);

impl Months {
    /// `names` are in small letters.
    pub fn new(names: &[String]) -> Self {
        let begin = |name: &String| {
            let mut letters = name.chars();
            Some([letters.next()?, letters.next()?, letters.next()?])
        };
        Months(names.iter().filter_map(begin).collect())
    }

    /// Whether a number of at most four digits stands beside what makes it part of a date: marks, words for year, month
    /// and day, or what begins like a month's name.
    pub fn may_date(&self, text: &str) -> bool {
        let letters: Vec<char> = lower(text).chars().collect();
        let is_month = |at: usize| {
            let begin: Option<[char; LETTERS]> = letters.get(at..at + LETTERS).and_then(|found| found.try_into().ok());
            begin.is_some_and(|begin| self.0.contains(&begin))
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
            if at - start <= 4 && goes_on(&letters[at..]) {
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
}

/// Whether a number goes on as a date in figures does: a sign and another number with a sign.
fn goes_on(after: &[char]) -> bool {
    let unspaced = |rest: usize| rest + usize::from(after.get(rest).is_some_and(|c| is(*c, SPACE)));
    let at = unspaced(0);
    let Some(sign) = after.get(at) else { return false };
    let following: &str = match sign {
        '-' => "-",
        '/' => "/",
        '.' => ".",
        '年' | '년' => "月월",
        '月' | '월' => "日일號号",
        't' => return after[at..].starts_with(&['t', 'h', 'á', 'n', 'g']),
        _ => return false,
    };
    let mut next = unspaced(at + 1);
    while after.get(next).is_some_and(|c| is(*c, DIGIT)) {
        next += 1;
    }
    after.get(unspaced(next)).is_some_and(|c| following.contains(*c))
}
