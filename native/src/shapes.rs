//! How the characters of a line look, whatever they say.

use std::sync::LazyLock;

use regex_automata::meta::Regex;

use crate::features::SAMPLE;
use crate::lines::Line;
use crate::text::{first, flags, is, DIGIT, LETTER, LOWER, SPACE, UPPER};

/// Characters. Dates are looked for in shorter lines only: there they are a date line, elsewhere just a date.
const MAX_DATE_LINE: usize = 110;

pub const ENDS: [&str; 6] = ["stop", "colon", "comma", "digit", "letter", "sign"];
pub const STARTS: [&str; 7] = ["upper", "lower", "caseless", "digit", "bullet", "quote", "sign"];
const CASELESS: i16 = 2;
const BULLET: i16 = 4;
const SIGN: i16 = 6;

/// How much of a line a date is.
pub const DATES: [&str; 4] = ["", "only", "mostly", "some"];

/// What else may be in a line: its bit in a shape, and its feature.
pub const SIGNS: [(i16, &str); 10] = [
    (HAS_EMAIL, "email"),
    (HAS_AT, "at"),
    (HAS_URL, "url"),
    (HAS_PHONE, "phone"),
    (IS_CUT_OFF, "cut_off"),
    (HAS_QUOTES, "quotes"),
    (IS_LIST, "list"),
    (IS_SHOUTING, "shouting"),
    (HAS_TIME, "time"),
    (HAS_NO_LETTERS, "no_letters"),
];
const HAS_EMAIL: i16 = 1;
const HAS_AT: i16 = 1 << 1;
const HAS_URL: i16 = 1 << 2;
const HAS_PHONE: i16 = 1 << 3;
const IS_CUT_OFF: i16 = 1 << 4;
const HAS_QUOTES: i16 = 1 << 5;
const IS_LIST: i16 = 1 << 6;
const IS_SHOUTING: i16 = 1 << 7;
const HAS_TIME: i16 = 1 << 8;
const HAS_NO_LETTERS: i16 = 1 << 9;

const BULLETS: &str = "•●*-–—·›»>■◆◇▶►※✓";
const QUOTES: &str = "\"“”„«»「」『』‘";

/// Counts are capped, and -1 where they do not apply.
#[derive(Default)]
pub struct Shape {
    pub end: i16,
    start: i16,
    stops: i16,
    /// How many quarters of the words begin with a capital.
    capitals: i16,
    words: i16,
    /// How many fifths of the characters are digits.
    digits: i16,
    bars: i16,
    colons: i16,
    /// Of `DATES`.
    pub date: i16,
    /// Bits of `SIGNS`.
    signs: i16,
}

impl Shape {
    /// All of it in few numbers.
    pub fn packed(&self) -> [i16; 6] {
        [
            self.end * 8 + self.start,
            self.stops * 4 + self.date,
            (self.capitals + 1) * 16 + self.words + 1,
            self.digits,
            self.bars * 8 + self.colons,
            self.signs,
        ]
    }

    /// End, start, stops, capitals, words, digits, bars, colons, date, signs.
    pub fn unpacked(packed: &[i16]) -> [i16; 10] {
        let [ends, stops, words, digits, bars, signs] = packed.try_into().expect("a shape that was packed");
        [
            ends / 8,
            ends % 8,
            stops / 4,
            words / 16 - 1,
            words % 16 - 1,
            digits,
            bars / 8,
            bars % 8,
            stops % 4,
            signs,
        ]
    }
}

/// How often what is in a sample.
#[derive(Default)]
struct Counts {
    digits: usize,
    colons: usize,
    commas: usize,
    bars: usize,
    quotes: usize,
    stops: usize,
    words: usize,
    capitals: usize,
}

fn counts(sample: &str) -> Counts {
    let mut found = Counts::default();
    let mut before = '\n';
    let mut was_blank = true;
    for c in sample.chars() {
        let of = flags(c);
        let blank = of & SPACE != 0;
        if blank {
            found.stops += usize::from(c == ' ' && matches!(before, '.' | '?' | '!'));
        } else {
            if was_blank {
                found.words += 1;
                found.capitals += usize::from(of & UPPER != 0 && (c as u32) < 0x10000);
            }
            match c {
                '0'..='9' => found.digits += 1,
                ':' | '：' => found.colons += 1,
                ',' | '、' | '，' => found.commas += 1,
                '|' | '>' | '›' | '»' | '·' | '•' => found.bars += 1,
                '"' | '“' | '«' | '「' | '„' | '”' => found.quotes += 1,
                '。' => found.stops += 1,
                _ => {}
            }
        }
        (before, was_blank) = (c, blank);
    }
    found
}

static EMAIL: LazyLock<Regex> = LazyLock::new(|| regex(r"[\w.+-]@[\w-]+\.|\(at\)|\[at\]"));
static PHONE: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?:\+|\(0|(?:^|\W)(?:0|1[-.(]))[\d\s()./-]{6,}\d|\d{3}[-. ]\d{3,4}[-. ]\d{4}"));
static TIME: LazyLock<Regex> = LazyLock::new(|| regex(r"\d{1,2}[:.hH時时]\d\d"));

static URL: LazyLock<Regex> = LazyLock::new(|| regex(r"http|www\.|\.com|\.org|\.net"));

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of our own")
}

/// Look at every line's first `SAMPLE` characters, and at how it ends. `dated` tells how many characters of a text are
/// dates.
pub fn shapes<E>(lines: &[Line], mut dated: impl FnMut(&str) -> Result<usize, E>) -> Result<Vec<Shape>, E> {
    lines.iter().map(|line| shape(line, &mut dated)).collect()
}

fn shape<E>(line: &Line, dated: &mut impl FnMut(&str) -> Result<usize, E>) -> Result<Shape, E> {
    let text = line.text;
    let sample = first(text, SAMPLE);
    let seen = counts(sample);
    let (head, tail) = (
        text.chars().next().unwrap_or(' '),
        text.chars().next_back().unwrap_or(' '),
    );
    let mut stops = seen.stops;
    let end = if line.stops {
        stops += usize::from(!"。！？".contains(tail));
        0
    } else {
        end_of(tail)
    };
    let start = start_of(head);
    let bytes = sample.as_bytes();
    if seen.quotes > 0 {
        stops += sample.matches(".” ").count() + sample.matches(".\" ").count();
    }
    let mut signs = 0i16;
    if memchr::memchr(b'@', bytes).is_some() || sample.contains("(at)") {
        signs |= if EMAIL.is_match(sample) { HAS_EMAIL } else { HAS_AT };
    }
    if URL.is_match(sample) {
        signs |= HAS_URL;
    }
    if seen.digits > 6 && PHONE.is_match(sample) {
        signs |= HAS_PHONE;
    }
    if text.ends_with("..") || text.ends_with('…') {
        signs |= IS_CUT_OFF;
    }
    if seen.quotes > 0 {
        signs |= HAS_QUOTES;
    }
    let mut shape = Shape {
        end,
        start,
        stops: stops.min(3) as i16,
        capitals: -1,
        words: -1,
        digits: -1,
        colons: seen.colons.min(4) as i16,
        signs,
        ..Shape::default()
    };
    if line.count > SAMPLE {
        return Ok(shape);
    }
    if seen.commas > 2 {
        shape.signs |= IS_LIST;
    }
    if start < CASELESS {
        shape.capitals = (4 * seen.capitals / seen.words) as i16;
        shape.words = seen.words.min(8) as i16;
        // `isupper`: a capital, and no small letter.
        if !text.chars().any(|c| is(c, LOWER)) && text.chars().any(|c| is(c, UPPER)) {
            shape.signs |= IS_SHOUTING;
        }
    }
    if seen.digits > 0 {
        shape.digits = (5 * seen.digits / line.count) as i16;
        if seen.colons > 0 && TIME.is_match(text) {
            shape.signs |= HAS_TIME;
        }
        if seen.digits > 2 && line.count <= MAX_DATE_LINE {
            let covered = dated(text)?;
            if covered > 0 {
                let rest = line.count - covered;
                shape.date = if rest < 3 {
                    1
                } else if rest < 24 {
                    2
                } else {
                    3
                };
            }
        }
    } else if matches!(start, BULLET | SIGN) && !text.chars().any(|c| is(c, LETTER)) {
        shape.signs |= HAS_NO_LETTERS;
    }
    let bars = seen.bars
        + if bytes.contains(&b'/') {
            text.matches(" / ").count()
        } else {
            0
        };
    shape.bars = bars.min(4) as i16;
    Ok(shape)
}

fn end_of(tail: char) -> i16 {
    match tail {
        ':' | '：' => 1,
        ',' | '，' | '、' | ';' | '；' | '-' | '–' | '—' => 2,
        _ if is(tail, DIGIT) => 3,
        _ if is(tail, LETTER) => 4,
        _ => 5,
    }
}

fn start_of(head: char) -> i16 {
    let of = flags(head);
    if of & LETTER != 0 {
        return if of & UPPER != 0 {
            0
        } else if of & LOWER != 0 {
            1
        } else {
            CASELESS
        };
    }
    if of & DIGIT != 0 {
        return 3;
    }
    if BULLETS.contains(head) {
        BULLET
    } else if QUOTES.contains(head) {
        5
    } else {
        SIGN
    }
}
