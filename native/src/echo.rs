//! How much of a line's words a release's full paragraphs take up.
//!
//! Headlines, captions and tags are about what the release is about; a page's menus are not.

use rustc_hash::FxHashSet;

use crate::features::SAMPLE;
use crate::lines::{is_cjk, Line, LONG};
use crate::text::{count, first, is_among, push_lower, words};

/// Characters of full prose that other lines' words are looked for in.
const ECHO_SAMPLE: usize = 8000;
/// Words, or stretches of a script without blanks, of a line that are looked for.
const ECHO_PIECES: usize = 8;
/// Bytes of a short word, with the blank.
const WORD: usize = 5;
const WORD_EDGES: &str = "\"'“”„«»‘’(),.:;!?#[]،";

/// For every line, how many quarters of its words the prose takes up, and of how many words; None for full prose.
pub fn echoes(lines: &[Line]) -> Vec<Option<(i16, i16)>> {
    let is_full = |line: &Line| line.length >= LONG || (line.prose && line.stops);
    let mut prose = String::new();
    let mut left = ECHO_SAMPLE;
    for line in lines.iter().filter(|line| is_full(line)) {
        if left == 0 {
            break;
        }
        if left < ECHO_SAMPLE {
            prose.push('\n');
            left -= 1;
        }
        push_lower(first(line.text, left), &mut prose);
        left -= line.count.min(left);
    }
    if prose.is_empty() || lines.iter().all(is_full) {
        return vec![None; lines.len()];
    }
    let mut known = FxHashSet::with_capacity_and_hasher(prose.len() / WORD, Default::default());
    known.extend(words(&prose));
    let mut prose = Prose {
        words: known,
        text: &prose,
        threes: None,
        fives: None,
    };
    let mut lower = String::new();
    lines
        .iter()
        .map(|line| {
            if is_full(line) {
                return None;
            }
            lower.clear();
            push_lower(first(line.text, SAMPLE), &mut lower);
            let (hits, pieces) = prose.hits(&lower);
            Some(((4 * hits / pieces) as i16, pieces.min(4) as i16))
        })
        .collect()
}

/// The paragraphs, and what stands in them.
struct Prose<'t> {
    text: &'t str,
    words: FxHashSet<&'t str>,
    /// Every three characters side by side, and every five: filled when they are first asked for.
    threes: Option<FxHashSet<u64>>,
    fives: Option<FxHashSet<u64>>,
}

impl Prose<'_> {
    /// How many of a line's first pieces stand in the prose, and of how many.
    fn hits(&mut self, line: &str) -> (usize, usize) {
        if !line.is_ascii() && line.chars().any(|c| is_cjk(c) || ('\u{e00}'..='\u{e7f}').contains(&c)) {
            return self.stretches(line);
        }
        let (mut hits, mut pieces) = (0, 0);
        for word in words(line)
            .filter(|word| word.len() > 3 && count(word) > 3)
            .take(ECHO_PIECES)
        {
            pieces += 1;
            hits += usize::from(self.has(word));
        }
        if pieces == 0 {
            return (usize::from(self.has(line)), 1);
        }
        (hits, pieces)
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word) || self.words.contains(word.trim_matches(|c| is_among(c, WORD_EDGES)))
    }

    fn stretches(&mut self, line: &str) -> (usize, usize) {
        let letters: Vec<char> = line.chars().collect();
        let thai = ('\u{e00}'..='\u{e7f}').contains(&letters[letters.len() / 2]);
        let size = if thai { 5 } else { 3 };
        if letters.len() < size {
            return (usize::from(self.text.contains(line)), 1);
        }
        let text = self.text;
        let known = if thai { &mut self.fives } else { &mut self.threes };
        let known = known.get_or_insert_with(|| {
            let all: Vec<char> = text.chars().collect();
            all.windows(size).map(packed).collect()
        });
        let (mut hits, mut pieces) = (0, 0);
        for piece in letters.chunks_exact(size).take(ECHO_PIECES) {
            pieces += 1;
            hits += usize::from(known.contains(&packed(piece)));
        }
        (hits, pieces)
    }
}

/// Some characters as one number; two that differ do not give the same one in practice.
fn packed(piece: &[char]) -> u64 {
    piece.iter().fold(0, |number, c| {
        (number ^ u64::from(*c as u32))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
    })
}
