//! A text's lines that are not blank, and what is seen of each by itself.

use crate::cues::{Memory, Patterns};
use crate::text::{count, first, is_among, matching_key, strip};

/// Latin letters that say as much as one ideogram or syllable (lengths of the same release in fifteen languages).
const CJK_WEIGHT: f64 = 2.2;
/// Characters of a line whose ideograms are counted.
const WEIGHED: usize = 400;
/// Weighted characters: a line as long, or shorter if it ends as a sentence does, reads as prose.
pub const PROSE: f64 = 130.0;
const PROSE_WITH_STOP: f64 = 60.0;
/// Weighted characters: a full paragraph.
pub const LONG: f64 = 220.0;

const CLOSERS: &str = "\"'”’»)]」』）】";
const STOPS: &str = ".!?…。！？؟।";

pub struct Line<'t> {
    /// Characters, as all that counts places.
    pub start: usize,
    /// End of its segment: its line break and the blank lines after it belong to it.
    pub end: usize,
    /// Where `text` begins: after the indent.
    pub at: usize,
    /// Stripped.
    pub text: &'t str,
    /// Of `text`.
    pub count: usize,
    /// Index of the line among all.
    pub number: usize,
    /// The patterns that it has.
    pub cues: Vec<u32>,
    /// Weighted characters.
    pub length: f64,
    /// It ends as a sentence does.
    pub stops: bool,
    pub prose: bool,
}

pub fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// Cut a text into its lines that are not blank; their spans cover the text.
pub fn read_lines<'t>(text: &'t str, patterns: &Patterns) -> Vec<Line<'t>> {
    let total = count(text);
    // Only scripts beyond Latin take two bytes and more a character.
    let wide = text.len() as f64 > 1.4 * total as f64 && text.chars().any(is_cjk);
    let mut lines: Vec<Line> = Vec::new();
    let mut memory = Memory::default();
    let mut at = 0;
    for (number, raw) in text.split('\n').enumerate() {
        let raw_count = count(raw);
        let stripped = strip(raw);
        if !stripped.is_empty() {
            if let Some(above) = lines.last_mut() {
                above.end = at;
            }
            let indent = count(&raw[..stripped.as_ptr() as usize - raw.as_ptr() as usize]);
            let own = if stripped.len() == raw.len() {
                raw_count
            } else {
                count(stripped)
            };
            let key = matching_key(stripped);
            let length = own as f64
                + if wide {
                    (CJK_WEIGHT - 1.0) * first(stripped, WEIGHED).chars().filter(|c| is_cjk(*c)).count() as f64
                } else {
                    0.0
                };
            let tail = stripped.trim_end_matches(|c| is_among(c, CLOSERS)).chars().next_back();
            let stops = tail.is_some_and(|c| is_among(c, STOPS))
                // Thai sentences end without a sign.
                || (length >= LONG && stripped.ends_with(|c| ('\u{e01}'..='\u{e5b}').contains(&c)));
            lines.push(Line {
                start: if lines.is_empty() { 0 } else { at },
                end: total,
                at: at + indent,
                text: stripped,
                count: own,
                number,
                cues: patterns.found(strip(&key), &mut memory),
                length,
                stops,
                prose: length >= PROSE || (stops && length >= PROSE_WITH_STOP),
            });
        }
        at += raw_count + 1;
    }
    lines
}
