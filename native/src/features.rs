//! What can be seen of a release's lines: shape, place, neighbours, cues and markup, as features of the line model.
//!
//! No feature holds a word of the text: the model knows shapes and the names of cues, so it speaks every language that
//! has a cue file, and its weights carry nobody's text.

use std::fmt::Arguments;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::echo::echoes;
use crate::lines::{Line, LONG};
use crate::shapes::{shapes, Shape, DATES, ENDS, SIGNS, STARTS};
use crate::text::{count, first, fold, last};

/// Characters, weighted: the buckets of a line's length.
const LENGTH_STEPS: [f64; 11] = [5.0, 10.0, 16.0, 24.0, 34.0, 48.0, 64.0, 85.0, 120.0, 180.0, 300.0];
/// Lines: the buckets of distances.
const NEAR_STEPS: [usize; 8] = [1, 2, 3, 4, 6, 9, 15, 30];
/// Lines of a page's furniture from which on a release is more and more of a web page.
const PAGE_STEPS: [usize; 4] = [1, 3, 8, 20];
const PASSED_STEPS: [usize; 4] = [1, 2, 4, 8];
/// Characters at the end of a line that another one shares: dates, agencies and site names of a list of other news.
const LIKE: usize = 9;
/// Characters of a line that its shape is read from.
pub const SAMPLE: usize = 200;
/// Lines at the top among which a headline and the page's title repeat each other.
const HEAD: usize = 40;
/// Weighted characters of prose that make up for a line that is none, and that a paragraph counts for at most.
const MAIN_STEP: f64 = 40.0;
const MAIN_MOST: f64 = 320.0;
/// What a line that is neither prose nor furniture costs in it, where furniture costs 1.
const BARE_LINE: f64 = -0.2;
/// Lines: how far above a heading is still remembered.
const REACH: usize = 12;
const HEAD_LETTERS: usize = 60;
const CASELESS_LINES: usize = 12;
const CASELESS_SAMPLE: usize = 40;

/// Groups of cues whose headings open a part of the release: they speak for the lines below, and the lines above end there.
const PARTS: [&str; 11] = [
    "about",
    "contact",
    "safe_harbor",
    "disclaimer",
    "related",
    "sectors",
    "source",
    "footnote",
    "embargo",
    "endmark",
    "note",
];
const MORE_HEADINGS: [&str; 5] = [
    "safe_harbor.sentence",
    "copyright.start",
    "source.start",
    "sectors.start",
    "distributor.anywhere",
];
/// Cues of what stands around and below an article on a web page.
const FURNITURE: [&str; 4] = [
    "navigation.heading",
    "related.heading",
    "navigation.start",
    "copyright.start",
];
/// Cues of what follows a release's body: where they have come, little of it is to come. Sources and copyrights are not
/// among them: a picture has them, too, in the middle of an article.
const TAIL: [&str; 3] = ["about.heading", "contact.heading", "safe_harbor.heading"];

/// The name of a cue in the features, `about.heading`, and what it means.
pub struct Name {
    pub text: String,
    heading: bool,
    /// A cue of a page's furniture.
    page: bool,
    furniture: bool,
    tail: bool,
}

impl Name {
    pub fn new(text: &str) -> Self {
        let (group, kind) = text.split_once('.').unwrap_or((text, ""));
        Name {
            text: text.into(),
            heading: (kind == "heading" && PARTS.contains(&group)) || MORE_HEADINGS.contains(&text),
            page: matches!(group, "navigation" | "related"),
            furniture: FURNITURE.contains(&text),
            tail: TAIL.contains(&text),
        }
    }
}

/// Names of cues by their number.
pub type Names = [Name];

const KINDS: [&str; 6] = ["none", "tiny", "short", "middle", "prose", "long"];
const PLACES: [&str; 3] = ["before", "inside", "after"];
const MAIN: [&str; 3] = ["above", "in", "below"];
const WORDS: [&str; 3] = ["title=same", "title=part", "inside_another"];

/// Declares the groups of features: their numbers.
macro_rules! groups {
    ($($name:ident),*) => { #[allow(non_camel_case_types, clippy::upper_case_acronyms)] #[derive(Clone, Copy)] #[repr(i16)] enum Group { $($name),* }
        const GROUPS: &[Group] = &[$(Group::$name),*]; };
}
groups!(
    Shape,
    Looks,
    Place,
    Context,
    BelowTail,
    Main,
    Neighbours,
    Cues,
    Echo,
    Run,
    DatesBeside,
    LikeOthers,
    BlankAbove,
    Again,
    Word,
    CuesBeside,
    Over,
    Under
);

/// A group and its arguments, as numbers: asked for again and again.
pub type Key = [i16];

/// A key as one number: the key itself where it is short, else a hash of it (FNV-1a), of which no two are alike in
/// practice.
pub fn digest(key: &Key) -> u128 {
    let parts = key.iter().map(|part| u128::from(*part as u16));
    if key.len() < 8 {
        return parts.fold(1, |number, part| number << 16 | part);
    }
    let hash = |hash: u128, part: u128| (hash ^ part).wrapping_mul(0x0100_0000_0000_0000_0000_013b);
    parts.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, hash) | 1 << 127
}

/// Collects the groups of a line.
struct Sink<'f, F: FnMut(usize, &Key)> {
    tell: &'f mut F,
    key: Vec<i16>,
    line: usize,
}

impl<F: FnMut(usize, &Key)> Sink<'_, F> {
    fn add(&mut self, group: Group, arguments: &[i16], more: impl IntoIterator<Item = i16>) {
        self.key.clear();
        self.key.push(group as i16);
        self.key.extend_from_slice(arguments);
        self.key.extend(more);
        (self.tell)(self.line, &self.key);
    }

    fn put(&mut self, group: Group, arguments: &[i16]) {
        self.add(group, arguments, []);
    }
}

fn step<T: PartialOrd>(steps: &[T], value: T) -> i16 {
    steps.partition_point(|s| *s <= value) as i16
}

fn near(distance: usize) -> i16 {
    step(&NEAR_STEPS, distance)
}

/// A line's coarse kind, for its neighbours.
fn kind(line: &Line) -> i16 {
    if line.length >= LONG {
        5
    } else if line.prose {
        4
    } else if line.length >= 34.0 {
        3
    } else if line.length >= 10.0 {
        2
    } else {
        1
    }
}

/// Tell the groups of every line, in order. `names` are those of each line's cues and of its markup.
pub fn line_features<E>(
    lines: &[Line],
    names: &[Vec<i16>],
    known: &Names,
    title: &str,
    dated: impl FnMut(&str) -> Result<usize, E>,
    mut tell: impl FnMut(usize, &Key),
) -> Result<(), E> {
    let total = lines.len();
    let shapes = shapes(lines, dated)?;
    let prose: Vec<usize> = (0..total).filter(|n| lines[*n].prose).collect();
    // Without prose, every line is before it.
    let (first_prose, last_prose) = (
        prose.first().copied().unwrap_or(total),
        prose.last().copied().unwrap_or(total),
    );
    let habit = if prose.is_empty() {
        -1
    } else {
        (3 * prose.iter().filter(|n| lines[**n].stops).count() / prose.len()) as i16
    };
    let caseless = i16::from(is_caseless(lines));
    let kinds: Vec<i16> = lines.iter().map(kind).collect();
    let kind_at = |n: usize, off: isize| {
        n.checked_add_signed(off)
            .and_then(|at| kinds.get(at))
            .copied()
            .unwrap_or(0)
    };
    let below = next_headings(names, known);
    let furniture: Vec<bool> = names
        .iter()
        .map(|own| own.iter().any(|n| known[*n as usize].page))
        .collect();
    let runs = short_runs(lines, &furniture);
    let (top, bottom) = main_prose(lines, &furniture);
    let passed = passed(names, top, |n| known[n as usize].furniture);
    let tail = self::passed(names, top, |n| known[n as usize].tail);
    let page = step(&PAGE_STEPS, furniture.iter().filter(|f| **f).count());
    let blanks = blank_lines_matter(lines);
    let ends: Vec<&str> = lines
        .iter()
        .map(|l| {
            if 2 * LIKE < l.count && l.count < SAMPLE {
                last(l.text, LIKE)
            } else {
                ""
            }
        })
        .collect();
    let shared = counted(ends.iter().copied());
    let repeats = counted(lines.iter().map(|line| line.text));
    let mut seen: FxHashSet<&str> = FxHashSet::default();
    let mut near_prose = vec![0i16; total + 1];
    for n in 0..total {
        near_prose[n + 1] = near_prose[n].wrapping_add(i16::from(lines[n].prose));
    }
    let heads = Heads::new(lines, title);
    let echoes = echoes(lines);
    let mut headings: Vec<(usize, i16)> = Vec::new();
    let mut sink = Sink {
        tell: &mut tell,
        key: Vec::with_capacity(16),
        line: 0,
    };
    for (n, line) in lines.iter().enumerate() {
        sink.line = n;
        let (shape, kind, cues) = (&shapes[n], kinds[n], &names[n]);
        let length = step(&LENGTH_STEPS, line.length);
        let end = shape.end;
        let has_cue = i16::from(!cues.is_empty());
        let (place, far) = if n < first_prose {
            (0, first_prose - n)
        } else if n > last_prose {
            (2, n - last_prose)
        } else {
            (1, 0)
        };
        let prose_near = near_prose[total.min(n + 5)].wrapping_sub(near_prose[n.saturating_sub(4)]);
        sink.put(Group::Shape, &shape.packed());
        sink.put(Group::Looks, &[length, end, place, kind, habit, caseless]);
        sink.put(Group::Place, &[place, near(n), near(total - 1 - n), near(far)]);
        sink.put(Group::Context, &[place, kind, end, passed[n], prose_near]);
        sink.put(Group::BelowTail, &[tail[n], kind, end]);
        let main = if n < top {
            0
        } else if bottom.is_none_or(|bottom| n > bottom) {
            2
        } else {
            1
        };
        sink.put(Group::Main, &[main, kind, end, has_cue, page]);
        sink.put(
            Group::Neighbours,
            &[kind_at(n, -2), kind_at(n, -1), kind, kind_at(n, 1), kind_at(n, 2)],
        );
        sink.add(Group::Cues, &[place, kind], cues.iter().copied());
        if let Some((share, pieces)) = echoes[n] {
            sink.put(Group::Echo, &[share, pieces, place, kind, has_cue]);
        }
        if let Some((size, page, colon)) = runs[n] {
            sink.put(Group::Run, &[size, page, colon, place, has_cue]);
        }
        if 0 < n && n + 1 < total {
            let (above, under) = (i16::from(shapes[n - 1].date > 0), i16::from(shapes[n + 1].date > 0));
            if above + under > 0 {
                sink.put(Group::DatesBeside, &[above, under, place]);
            }
        }
        if !ends[n].is_empty() && shared[ends[n]] > 1 {
            sink.put(Group::LikeOthers, &[place, kind]);
        }
        if blanks {
            sink.put(
                Group::BlankAbove,
                &[i16::from(n == 0 || line.number - lines[n - 1].number > 1)],
            );
        }
        if repeats.len() < total && repeats[line.text] > 1 {
            let later = i16::from(!seen.insert(line.text));
            sink.put(Group::Again, &[later, i16::from(length > 5)]);
        }
        if (3..=10).contains(&length) {
            for word in heads.words(n) {
                sink.put(Group::Word, &[word]);
            }
        }
        if n > 0 && !names[n - 1].is_empty() {
            sink.add(Group::CuesBeside, &[0], names[n - 1].iter().copied());
        }
        if n + 1 < total && !names[n + 1].is_empty() {
            sink.add(Group::CuesBeside, &[1], names[n + 1].iter().copied());
        }
        if let Some((far, name)) = below[n] {
            sink.put(Group::Over, &[name, i16::from(far < 4)]);
        }
        if !headings.is_empty() {
            headings.retain(|(at, _)| n - at <= REACH);
            let mut pairs: Vec<i16> = Vec::with_capacity(2 * headings.len());
            for (at, name) in &headings {
                let pair = [*name, i16::from(n - at < 4)];
                if !pairs.chunks(2).any(|known| known == pair) {
                    pairs.extend(pair);
                }
            }
            sink.put(Group::Under, &pairs);
        }
        headings.extend(
            cues.iter()
                .filter(|name| known[**name as usize].heading)
                .map(|name| (n, *name)),
        );
    }
    Ok(())
}

/// Say the features of a group in words, as the model is trained on them.
pub fn spell(key: &Key, known: &Names, say: &mut dyn FnMut(Arguments)) {
    /// `say!("a={x}", "b={y}")`
    macro_rules! say {
        ($($feature:literal),+ $(,)?) => {{ $(say(format_args!($feature));)+ }};
    }
    let name = |n: i16| known[n as usize].text.as_str();
    let (kind, place, end) = (
        |n: i16| KINDS[n as usize],
        |n: i16| PLACES[n as usize],
        |n: i16| ENDS[n as usize],
    );
    let cue = |has: i16| if has == 1 { "cue" } else { "nocue" };
    let truth = |is: i16| if is == 1 { "True" } else { "False" };
    let distance = |is: i16| if is == 1 { "near" } else { "far" };
    match (GROUPS[key[0] as usize], &key[1..]) {
        (Group::Shape, own) => {
            let [e, start, stops, capitals, words, digits, bars, colons, date, signs] = Shape::unpacked(own);
            let (e, start, date) = (end(e), STARTS[start as usize], DATES[date as usize]);
            say!("end={e}", "start={start}", "stops={stops}");
            for (_, sign) in SIGNS.iter().filter(|(bit, _)| signs & bit != 0) {
                say!("{sign}");
            }
            if capitals >= 0 {
                say!("capitals={capitals},{words}");
            }
            if digits >= 0 {
                say!("digits={digits}");
            }
            if bars > 0 {
                say!("bars={bars}");
            }
            if colons > 1 {
                say!("colons={colons}");
            }
            if !date.is_empty() {
                say!("date={date}");
            }
        }
        (Group::Looks, &[length, e, p, k, habit, caseless]) => {
            let (e, p, k) = (end(e), place(p), kind(k));
            say!("bias", "len={length}", "len={length},end={e}", "place={p},len={length}");
            if habit < 0 {
                say!("stops=none,{k},end={e}");
            } else {
                say!("stops={habit},{k},end={e}");
            }
            if caseless == 1 {
                say!("len={length},caseless");
            }
        }
        (Group::Place, &[p, top, foot, far]) => {
            let p = place(p);
            say!("place={p}", "top={top}", "foot={foot}");
            match p {
                "before" => say!("to_first={far}"),
                "after" => say!("to_last={far}"),
                _ => {}
            }
        }
        (Group::Context, &[p, k, e, passed, prose]) => {
            let (p, k, e) = (place(p), kind(k), end(e));
            say!(
                "{p},{k},end={e}",
                "prose_near={prose}",
                "passed={passed}",
                "passed={passed},{k},end={e}"
            );
        }
        (Group::BelowTail, &[tail, k, e]) => {
            let (k, e) = (kind(k), end(e));
            say!("tail={tail}", "tail={tail},{k}", "tail={tail},{k},end={e}");
        }
        (Group::Main, &[main, k, e, has_cue, page]) => {
            let (main, k, e, cue) = (MAIN[main as usize], kind(k), end(e), cue(has_cue));
            say!(
                "main={main},{k}",
                "main={main},{k},{cue},end={e}",
                "page={page},{main},{k},{cue}"
            );
        }
        (Group::Neighbours, &[two_above, above, own, below, two_below]) => {
            let [a2, a, o, b, b2] = [two_above, above, own, below, two_below].map(kind);
            say!("-2:{a2}", "-1:{a}", "1:{b}", "2:{b2}", "{a}<{o}<{b}");
            if a2 == o && o == b2 && a == b && b != o {
                say!("alternates,{o}");
            }
        }
        (Group::Cues, &[p, k, ref cues @ ..]) => {
            let (p, k) = (place(p), kind(k));
            if cues.is_empty() {
                say!("nocue", "nocue,{p},{k}");
            }
            for own in cues.iter().map(|n| name(*n)) {
                say!("cue={own}", "cue={own},{p}", "cue={own},{k}");
            }
        }
        (Group::Echo, &[share, pieces, p, k, has_cue]) => {
            let (p, k, cue) = (place(p), kind(k), cue(has_cue));
            say!("echo={share},{pieces}", "echo={share},{p},{k}", "echo={share},{cue}");
        }
        (Group::Run, &[size, page, colon, p, has_cue]) => {
            let (p, cue) = (place(p), cue(has_cue));
            say!(
                "run={size}",
                "run={size},{p}",
                "run_page={page},{p}",
                "run_page={page},{cue}"
            );
            if colon == 1 {
                say!("run_after_colon,{p}");
            }
        }
        (Group::DatesBeside, &[above, below, p]) => {
            let p = place(p);
            say!("date_beside={above}{below},{p}");
        }
        (Group::LikeOthers, &[p, k]) => {
            let (p, k) = (place(p), kind(k));
            say!("like_others,{p},{k}");
        }
        (Group::BlankAbove, &[blank]) => {
            let blank = truth(blank);
            say!("blank={blank}");
        }
        (Group::Again, &[later, long]) => {
            let (which, long) = (if later == 1 { "later" } else { "first" }, truth(long));
            say!("again={which},{long}");
        }
        (Group::Word, &[word]) => {
            let word = WORDS[word as usize];
            say!("{word}");
        }
        (Group::CuesBeside, &[below, ref cues @ ..]) => {
            let beside = if below == 1 { "below" } else { "above" };
            for own in cues.iter().map(|n| name(*n)) {
                say!("{beside}={own}");
            }
        }
        (Group::Over, &[n, is_near]) => {
            let (own, far) = (name(n), distance(is_near));
            say!("over={own},{far}");
        }
        (Group::Under, pairs) => {
            for pair in pairs.chunks(2) {
                let (own, far) = (name(pair[0]), distance(pair[1]));
                say!("under={own},{far}");
            }
        }
        _ => unreachable!("no such group: {key:?}"),
    }
}

/// For every line, how many lines with one of the cues stand between the main prose's first and it: 0, 1, 2, 4, 8, more.
fn passed(names: &[Vec<i16>], first: usize, is_one: impl Fn(i16) -> bool) -> Vec<i16> {
    let mut count = 0;
    let mut steps = Vec::with_capacity(names.len());
    for (n, own) in names.iter().enumerate() {
        steps.push(step(&PASSED_STEPS, count));
        if n > first && own.iter().any(|name| is_one(*name)) {
            count += 1;
        }
    }
    steps
}

/// The first and last line of the stretch with the most prose and the least furniture: on a page, its article.
///
/// Banners above and comments below are prose as well, but with a menu between. A list between is none.
fn main_prose(lines: &[Line], furniture: &[bool]) -> (usize, Option<usize>) {
    let (mut first, mut last, mut start) = (lines.len(), None, 0);
    let (mut best, mut total) = (0.0, 0.0);
    for (n, line) in lines.iter().enumerate() {
        if total <= 0.0 {
            (start, total) = (n, 0.0);
        }
        total += if line.prose {
            line.length.min(MAIN_MOST) / MAIN_STEP
        } else if furniture[n] {
            -1.0
        } else {
            BARE_LINE
        };
        if total > best {
            (first, last, best) = (start, Some(n), total);
        }
    }
    (first, last)
}

/// Lines without prose that stand together (a page's furniture, a list, a table or a release's tail): how many they are,
/// as a step, how many thirds of them carry a cue of navigation, and whether a sentence announced them.
fn short_runs(lines: &[Line], furniture: &[bool]) -> Vec<Option<(i16, i16, i16)>> {
    let mut runs = vec![None; lines.len()];
    let mut start = 0;
    for n in 0..=lines.len() {
        if lines.get(n).is_some_and(|line| !line.prose) {
            continue;
        }
        if n > start {
            let size = n - start;
            let page = 3 * furniture[start..n].iter().filter(|f| **f).count() / size;
            let colon = (start > 0 && ends_in_colon(&lines[start - 1])) || ends_in_colon(&lines[start]);
            runs[start..n].fill(Some((near(size), page as i16, i16::from(colon))));
        }
        start = n + 1;
    }
    runs
}

fn ends_in_colon(line: &Line) -> bool {
    line.text.ends_with([':', '：'])
}

/// For every line, the nearest heading below it within reach, and how far.
fn next_headings(names: &[Vec<i16>], known: &Names) -> Vec<Option<(usize, i16)>> {
    let mut found = vec![None; names.len()];
    let mut next: Option<(usize, i16)> = None;
    for n in (0..names.len()).rev() {
        found[n] = next.filter(|(at, _)| at - n <= REACH).map(|(at, name)| (at - n, name));
        if let Some(name) = names[n].iter().find(|name| known[**name as usize].heading) {
            next = Some((n, *name));
        }
    }
    found
}

/// Whether blank lines part paragraphs here: where every line has one, or none, they say nothing.
fn blank_lines_matter(lines: &[Line]) -> bool {
    let gaps = lines
        .windows(2)
        .filter(|pair| pair[1].number - pair[0].number > 1)
        .count();
    0 < gaps && gaps + 1 < lines.len()
}

fn counted<'t>(texts: impl Iterator<Item = &'t str>) -> FxHashMap<&'t str, u32> {
    let mut counts = FxHashMap::default();
    for text in texts {
        *counts.entry(text).or_insert(0) += 1;
    }
    counts
}

fn is_caseless(lines: &[Line]) -> bool {
    let (mut cased, mut total) = (0, 0);
    for line in lines.iter().take(CASELESS_LINES) {
        for c in first(line.text, CASELESS_SAMPLE).chars() {
            total += 1;
            let is_cased = matches!(c, 'A'..='Z' | 'a'..='z' | 'À'..='ɏ' | 'Ͱ'..='Ͽ' | 'Ѐ'..='ԯ' | 'Ա'..='Ֆ');
            cased += usize::from(is_cased);
        }
    }
    2 * cased < total
}

/// The lines in which a headline and the page's title may repeat each other.
struct Heads {
    title: String,
    folds: Vec<String>,
    /// The first of them, each with breaks around it.
    joined: String,
}

impl Heads {
    fn new(lines: &[Line], title: &str) -> Self {
        let seen = if title.is_empty() {
            &lines[..lines.len().min(HEAD)]
        } else {
            lines
        };
        let folds: Vec<String> = seen.iter().map(|line| fold(line.text)).collect();
        let mut joined = String::from("\n\n");
        for fold in folds.iter().take(HEAD) {
            joined.push_str(fold);
            joined.push_str("\n\n");
        }
        Heads {
            title: fold(title),
            folds,
            joined,
        }
    }

    /// Whether a line is the title, or stands in another line at the top with a site's name before or after it.
    fn words(&self, n: usize) -> impl Iterator<Item = i16> {
        let titled = self.folds.get(n).and_then(|folded| self.titled(folded));
        let inside = n < HEAD && self.folds.get(n).is_some_and(|folded| self.is_inside(folded));
        [titled, inside.then_some(2)].into_iter().flatten()
    }

    fn titled(&self, folded: &str) -> Option<i16> {
        if self.title.is_empty() {
            None
        } else if folded == self.title {
            Some(0)
        } else {
            let part = count(folded) > 12 && (self.title.contains(folded) || folded.contains(&self.title));
            part.then_some(1)
        }
    }

    fn is_inside(&self, folded: &str) -> bool {
        if count(folded) <= 15 {
            return false;
        }
        let times = |what: &str| memchr::memmem::find_iter(self.joined.as_bytes(), what.as_bytes()).count();
        // The line itself is one.
        let found = times(first(folded, HEAD_LETTERS));
        found > 1 && found > times(&format!("\n{folded}\n"))
    }
}
