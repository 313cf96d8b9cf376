//! Characters and strings as Python sees them: the features were defined by its `str`.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, HirKind};

pub const LETTER: u8 = 1;
pub const UPPER: u8 = 2;
pub const LOWER: u8 = 4;
pub const DIGIT: u8 = 8;
pub const SPACE: u8 = 16;

/// What the characters of the Basic Multilingual Plane are, and their small letters.
struct Table {
    flags: Vec<u8>,
    lower: Vec<u16>,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut flags = vec![0u8; 0x10000];
        // A letter is what Unicode calls one: vowel signs, which Rust counts in, are none.
        for (class, flag) in [
            (r"\p{L}", LETTER),
            (r"\p{Uppercase}", UPPER),
            (r"\p{Lowercase}", LOWER),
            (r"\p{Nd}", DIGIT),
        ] {
            for (start, end) in class_ranges(class) {
                flags[start as usize..=(end as usize).min(0xffff)]
                    .iter_mut()
                    .for_each(|f| *f |= flag);
            }
        }
        // Superior and inferior figures have no numeric class of their own, but a digit's value.
        for digit in "²³¹⁰⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉".chars() {
            flags[digit as usize] |= DIGIT;
        }
        for code in (0..0x10000u32).filter_map(char::from_u32) {
            if code.is_whitespace() || ('\x1c'..='\x1f').contains(&code) {
                flags[code as usize] |= SPACE;
            }
        }
        let lower = (0..0x10000u32)
            .map(|code| char::from_u32(code).map_or(code, |c| single_lower(c) as u32) as u16)
            .collect();
        Table { flags, lower }
    })
}

fn class_ranges(class: &str) -> Vec<(u32, u32)> {
    let parsed = regex_syntax::parse(class).expect("a class of Unicode");
    let HirKind::Class(Class::Unicode(found)) = parsed.kind() else {
        unreachable!("no class: {class}")
    };
    found
        .iter()
        .map(|r| (r.start() as u32, r.end() as u32))
        .filter(|r| r.0 < 0x10000)
        .collect()
}

fn single_lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) if (one as u32) < 0x10000 || (c as u32) >= 0x10000 => one,
        _ => c,
    }
}

pub fn flags(c: char) -> u8 {
    if (c as u32) < 0x10000 {
        return table().flags[c as usize];
    }
    let of = |is: bool, flag: u8| if is { flag } else { 0 };
    of(c.is_alphabetic(), LETTER) | of(c.is_uppercase(), UPPER) | of(c.is_lowercase(), LOWER)
}

pub fn is(c: char, flag: u8) -> bool {
    flags(c) & flag != 0
}

/// Small letters, one for each letter, put behind what `out` holds.
pub fn push_lower(text: &str, out: &mut String) {
    let at = out.len();
    out.push_str(text);
    out[at..].make_ascii_lowercase();
    // From the first of the other capitals on, character by character.
    if let Some(capital) = first_capital(text) {
        out.truncate(at + capital);
        out.extend(text[capital..].chars().map(small));
    }
}

/// Where the first character beyond ASCII stands that has another as its small letter.
fn first_capital(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|at| match bytes[*at] {
        // Hebrew, Arabic, and the scripts of South and East Asia have no capitals.
        0..=0xc2 | 0xd7..=0xe0 | 0xe3..=0xe9 | 0xeb..=0xee => false,
        _ => text[*at..].chars().next().is_some_and(|c| small(c) != c),
    })
}

fn small(c: char) -> char {
    match c as u32 {
        code @ 0..0x10000 => char::from_u32(u32::from(table().lower[code as usize])).unwrap_or(c),
        _ => single_lower(c),
    }
}

pub fn lower(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_lower(text, &mut out);
    out
}

pub fn strip(text: &str) -> &str {
    text.trim_matches(|c| is(c, SPACE))
}

/// Whether a sign is one of some.
pub fn is_among(c: char, signs: &str) -> bool {
    !c.is_ascii_alphanumeric() && signs.contains(c)
}

pub fn words(text: &str) -> impl Iterator<Item = &str> {
    // Few characters are no letters of ASCII and no blanks either: they are looked up.
    let blank = |c: char| match c {
        '!'..='~' => false,
        ' ' => true,
        _ => is(c, SPACE),
    };
    text.split(blank).filter(|word| !word.is_empty())
}

/// The first so many characters.
pub fn first(text: &str, count: usize) -> &str {
    if text.len() <= count {
        return text;
    }
    text.char_indices().nth(count).map_or(text, |(at, _)| &text[..at])
}

/// The last so many characters.
pub fn last(text: &str, count: usize) -> &str {
    text.char_indices()
        .rev()
        .nth(count - 1)
        .map_or(text, |(at, _)| &text[at..])
}

/// Characters of a text.
pub fn count(text: &str) -> usize {
    text.as_bytes().iter().filter(|byte| (**byte as i8) >= -0x40).count()
}

/// Without differences of case and of blanks.
pub fn fold(text: &str) -> String {
    let mut folded = lower(text).replace('ς', "σ");
    if folded.contains('ß') {
        folded = folded.replace('ß', "ss");
    }
    if folded.is_ascii() && !folded.contains("  ") && !folded.bytes().any(|b| b < 0x20) {
        return folded;
    }
    let mut out = String::with_capacity(folded.len());
    for word in words(&folded) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The form of a text that cues are matched against: plain blanks and apostrophes, no invisible characters.
pub fn matching_key(text: &str) -> std::borrow::Cow<'_, str> {
    let is_odd = |c: char| {
        matches!(c, '\u{a0}' | '\u{3000}' | '\u{202f}' | '\u{2009}' | '’')
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202c}' | '\u{feff}' | '\u{2060}')
    };
    // The bytes that these characters begin with.
    let may_be_odd = |byte: u8| matches!(byte, 0xc2 | 0xe2 | 0xe3 | 0xef);
    let Some(odd) = text.bytes().position(may_be_odd) else {
        return text.into();
    };
    // Most that begin so are other signs.
    let Some(odd) = text[odd..].find(is_odd).map(|at| odd + at) else {
        return text.into();
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..odd]);
    for c in text[odd..].chars() {
        match c {
            '\u{a0}' | '\u{3000}' | '\u{202f}' | '\u{2009}' => out.push(' '),
            '’' => out.push('\''),
            _ if is_odd(c) => {}
            _ => out.push(c),
        }
    }
    out.into()
}
