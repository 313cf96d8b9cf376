//! Finding thousands of words in a text that was never seen before.
//!
//! The states of an automaton of so many words fit no cache of the processor. Here two small tables of bits say whether
//! a word may begin at a place, by its first bytes; few places are left to be looked at.

use rustc_hash::FxHashMap;

#[derive(Default)]
pub struct Words {
    /// Words of four bytes and more, of two and three, by so many of their first bytes; and of one.
    four: Shelf,
    two: Shelf,
    one: Vec<(u8, u32)>,
}

/// Words by their first bytes as a number.
#[derive(Default)]
struct Shelf {
    bits: Bits,
    words: FxHashMap<u64, Vec<Word>>,
}

struct Word {
    /// Its first eight bytes as a number, and which of the eight it has.
    head: u64,
    mask: u64,
    /// The others.
    tail: Box<[u8]>,
    number: u32,
}

/// One bit for each of 65,536 numbers.
struct Bits(Box<[u64; 1024]>);

impl Default for Bits {
    fn default() -> Self {
        Bits(Box::new([0; 1024]))
    }
}

impl Bits {
    fn set(&mut self, n: u16) {
        self.0[n as usize >> 6] |= 1 << (n & 63);
    }

    fn has(&self, n: u16) -> bool {
        self.0[n as usize >> 6] >> (n & 63) & 1 == 1
    }
}

fn mixed(key: u64) -> u16 {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as u16
}

impl Shelf {
    fn add(&mut self, key: u64, word: &str, number: u32) {
        self.bits.set(mixed(key));
        let bytes = word.as_bytes();
        let tail = bytes.get(8..).unwrap_or_default().into();
        let mask = u64::MAX >> (64 - 8 * bytes.len().min(8));
        self.words.entry(key).or_default().push(Word {
            head: eight(bytes),
            mask,
            tail,
            number,
        });
    }

    fn at(&self, key: u64, head: u64, text: &[u8], found: &mut impl FnMut(u32)) {
        if self.bits.has(mixed(key)) {
            for word in self.words.get(&key).into_iter().flatten() {
                if head & word.mask == word.head && (word.tail.is_empty() || text[8..].starts_with(&word.tail)) {
                    found(word.number);
                }
            }
        }
    }
}

impl Words {
    pub fn add(&mut self, word: &str, number: u32) {
        let bytes = word.as_bytes();
        match bytes.len() {
            0 => {}
            1 => self.one.push((bytes[0], number)),
            2 | 3 => self.two.add(eight(&bytes[..2]), word, number),
            _ => self.four.add(eight(&bytes[..4]), word, number),
        }
    }

    /// Every word that a text begins with.
    pub fn at(&self, text: &[u8], found: &mut impl FnMut(u32)) {
        let head = eight(text);
        self.four.at(head & 0xffff_ffff, head, text, found);
        self.two.at(head & 0xffff, head, text, found);
        for (letter, number) in &self.one {
            if text.first() == Some(letter) {
                found(*number);
            }
        }
    }

    /// Every word anywhere in a text.
    pub fn anywhere(&self, text: &[u8], mut found: impl FnMut(u32)) {
        for at in 0..text.len() {
            // No word begins within a character.
            if text[at] & 0xc0 != 0x80 {
                self.at(&text[at..], &mut found);
            }
        }
    }
}

/// The first eight bytes as a number; what there are none for is nought, which no word holds.
fn eight(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or_else(
        || {
            bytes
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | u64::from(*byte))
        },
        |eight| u64::from_le_bytes(*eight),
    )
}
