//! Which cues a line has.

use std::borrow::Cow;

use regex_automata::meta::Regex;
use regex_automata::{Anchored, Input};

use crate::patterns::compile;
use crate::text::{first, is_among, push_lower};
use crate::words::Words;

/// Characters. A longer line is no heading.
const MAX_HEADING: usize = 120;

/// What may stand before a cue that opens a line, and after a heading.
pub const BULLETS: &str = " \t\"“”«»•·■◆◇▶►›-–—";
pub const DECORATION: &str = " \t\"“”«»•·■◆◇▶►›>-–—_:：|【】]…";

pub struct Pattern {
    regex: Regex,
    /// Whether it is bound to the line's beginning.
    bound: bool,
}

impl Pattern {
    pub fn new(pattern: &str, bound: bool) -> Result<Self, String> {
        Ok(Pattern {
            regex: compile(pattern, bound)?,
            bound,
        })
    }

    pub fn is_in(&self, text: &str) -> bool {
        if self.bound {
            // Not `is_match`: it gives up backtracking, which is the fastest here, in all but the shortest texts.
            return self
                .regex
                .search_half(&Input::new(text).anchored(Anchored::Yes))
                .is_some();
        }
        self.regex.is_match(text)
    }
}

/// All patterns, and the words without which some cannot match: by these, few are left to be tried on few lines.
#[derive(Default)]
pub struct Patterns {
    pub patterns: Vec<Pattern>,
    anywhere: Words,
    opening: Words,
    /// The patterns that each word asks for.
    asked_by: Vec<Vec<u32>>,
    /// Those without a word, which are asked for where one of them, tried as one pattern on every line, is found.
    wordless: Vec<u32>,
    any_wordless: Option<Regex>,
}

impl Patterns {
    /// Add a pattern; its number.
    pub fn add(&mut self, pattern: Pattern) -> u32 {
        self.patterns.push(pattern);
        self.patterns.len() as u32 - 1
    }

    /// Say which patterns have no word, and give them as one that is bound to the line's beginning.
    pub fn set_wordless(&mut self, numbers: Vec<u32>, any: Regex) {
        (self.wordless, self.any_wordless) = (numbers, Some(any));
    }

    /// Say which patterns have a word that each of their matches needs, or another one: at the line's beginning if
    /// `opening`.
    pub fn add_word(&mut self, word: &str, opening: bool, numbers: Vec<u32>) {
        let words = if opening { &mut self.opening } else { &mut self.anywhere };
        words.add(word, self.asked_by.len() as u32);
        self.asked_by.push(numbers);
    }

    /// The numbers of the patterns that match a line, given its matching key, in order.
    pub fn found(&self, key: &str, memory: &mut Memory) -> Vec<u32> {
        memory.asked.clear();
        memory.lower.clear();
        push_lower(key, &mut memory.lower);
        let Memory { asked, lower } = memory;
        let mut ask = |word: u32| asked.extend_from_slice(&self.asked_by[word as usize]);
        self.anywhere.anywhere(lower.as_bytes(), &mut ask);
        self.opening.at(lower.as_bytes(), &mut ask);
        let bare = lower.trim_start_matches(|c| is_among(c, BULLETS));
        if bare.len() < lower.len() {
            self.opening.at(bare.as_bytes(), &mut ask);
        }
        let head = head(key);
        if self
            .any_wordless
            .as_ref()
            .is_some_and(|any| any.is_match(Input::new(head.as_ref()).anchored(Anchored::Yes)))
        {
            asked.extend_from_slice(&self.wordless);
        }
        if asked.is_empty() {
            return Vec::new();
        }
        asked.sort_unstable();
        asked.dedup();
        self.matching(key, &head, asked)
    }

    /// As `found`, with every pattern tried.
    pub fn found_by_all(&self, key: &str) -> Vec<u32> {
        self.matching(key, &head(key), &(0..self.patterns.len() as u32).collect::<Vec<_>>())
    }

    fn matching(&self, key: &str, head: &str, asked: &[u32]) -> Vec<u32> {
        let is_in = |number: &&u32| {
            let pattern = &self.patterns[**number as usize];
            pattern.is_in(if pattern.bound { head } else { key })
        };
        asked.iter().filter(is_in).copied().collect()
    }
}

/// What is used again from line to line.
#[derive(Default)]
pub struct Memory {
    asked: Vec<u32>,
    lower: String,
}

/// What of a line headings and starts are looked for in.
fn head(key: &str) -> Cow<'_, str> {
    let short = first(key, MAX_HEADING);
    let bare = short.trim_start_matches(|c| is_among(c, BULLETS));
    if short.len() < key.len() {
        // The break keeps a heading's end from matching where a long line was cut off.
        return if bare.is_empty() {
            format!("{short}\n")
        } else {
            format!("{bare}\n")
        }
        .into();
    }
    let bare = bare.trim_end_matches(|c| is_among(c, DECORATION));
    if bare.is_empty() { key } else { bare }.into()
}
