//! The line stage of `strip_boilerplate`: from a text to labelled lines in one call.

mod cues;
mod echo;
mod features;
mod lines;
mod model;
mod months;
mod patterns;
mod shapes;
mod text;
mod words;

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use pyo3::create_exception;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};
use rustc_hash::FxHashMap;

use cues::{Memory, Pattern, Patterns};
use features::{digest, line_features, spell, Name};
use lines::Line;
use model::{Row, Weights, MAX_GROUPS, WIDTH};
use months::Months;

create_exception!(
    native,
    PatternError,
    PyValueError,
    "The number of a pattern that is none, and what is wrong with it."
);

/// Names by line, as markup tells them.
type MarkupNames = HashMap<usize, Vec<String>>;

/// A fault of this code must be an `Exception` for its caller: PyO3's own for it is none.
fn guarded<T>(work: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|fault| {
        let told = fault
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| fault.downcast_ref::<&str>().map(|s| (*s).into()));
        Err(PyRuntimeError::new_err(format!(
            "native line stage: {}",
            told.unwrap_or_default()
        )))
    })
}

/// Every cue, and the words by which few of them are left to be tried on few lines.
#[pyclass(frozen)]
struct Cues {
    patterns: Patterns,
    /// The cue of each pattern, as Python knows it, and the number of its name.
    cues: Vec<(Py<PyAny>, i16)>,
    names: Vec<Name>,
    numbers: FxHashMap<String, i16>,
    none: Py<PyTuple>,
    months: Months,
    /// Tells how many characters of a text are dates.
    dated: Py<PyAny>,
}

#[pymethods]
impl Cues {
    /// `patterns` are rows of a cue, its name, its pattern, whether that is bound to the line's beginning, the words of
    /// which it needs one and whether that begins the line; no words where there are no good ones.
    #[new]
    #[allow(clippy::type_complexity)]
    fn new(
        py: Python<'_>,
        patterns: Vec<(Py<PyAny>, String, String, bool, Vec<String>, bool)>,
        names: Vec<String>,
        months: Vec<String>,
        dated: Py<PyAny>,
    ) -> PyResult<Self> {
        let numbers: FxHashMap<String, i16> = names
            .iter()
            .enumerate()
            .map(|(n, name)| (name.clone(), n as i16))
            .collect();
        let mut made = Patterns::default();
        let mut cues = Vec::with_capacity(patterns.len());
        let mut by_word: FxHashMap<(String, bool), Vec<u32>> = FxHashMap::default();
        let (mut wordless, mut any) = (Vec::new(), Vec::new());
        for (cue, name, pattern, bound, words, opening) in patterns {
            let compiled = Pattern::new(&pattern, bound).map_err(|error| PatternError::new_err((cues.len(), error)))?;
            let number = made.add(compiled);
            let name = *numbers
                .get(&name)
                .ok_or_else(|| PyValueError::new_err(format!("no such name: {name}")))?;
            cues.push((cue, name));
            if words.is_empty() {
                if !bound {
                    return Err(PatternError::new_err((
                        cues.len() - 1,
                        "it needs a word that is always in what it finds",
                    )));
                }
                wordless.push(number);
                any.push(pattern);
            }
            for word in words {
                by_word.entry((word, opening)).or_default().push(number);
            }
        }
        for ((word, opening), asked) in by_word {
            made.add_word(&word, opening, asked);
        }
        if !wordless.is_empty() {
            let any = patterns::compile(&any.join("|"), false).map_err(PyValueError::new_err)?;
            made.set_wordless(wordless, any);
        }
        let names = names.iter().map(|name| Name::new(name)).collect();
        Ok(Cues {
            patterns: made,
            cues,
            names,
            numbers,
            none: PyTuple::empty(py).unbind(),
            months: Months::new(&months),
            dated,
        })
    }

    /// The numbers of the patterns that a line has, given its matching key; of all patterns, not only of those that a
    /// word asks for, if `every`.
    #[pyo3(signature = (key, *, every = false))]
    fn found(&self, key: &str, every: bool) -> PyResult<Vec<u32>> {
        guarded(|| {
            Ok(if every {
                self.patterns.found_by_all(key)
            } else {
                self.patterns.found(key, &mut Memory::default())
            })
        })
    }

    /// The cues of these patterns.
    fn cues_of<'py>(&self, py: Python<'py>, numbers: Vec<u32>) -> PyResult<Bound<'py, PyTuple>> {
        guarded(|| self.tuple(py, &numbers))
    }

    /// Whether a text has the pattern of this number.
    fn is_in(&self, number: usize, text: &str) -> PyResult<bool> {
        guarded(|| {
            Ok(self
                .patterns
                .patterns
                .get(number)
                .is_some_and(|pattern| pattern.is_in(text)))
        })
    }

    /// The lines of a text that are not blank, labelled: rows of start, end, at, text, number, cues, length, stops,
    /// prose, label. Lines past `limit` are labelled by their length alone.
    fn read<'py>(
        &self,
        py: Python<'py>,
        text: &str,
        title: &str,
        markup: MarkupNames,
        model: &LineModel,
        limit: usize,
    ) -> PyResult<Bound<'py, PyList>> {
        guarded(|| {
            let lines = lines::read_lines(text, &self.patterns);
            let labels = self.labels(py, &lines[..lines.len().min(limit)], title, markup, model)?;
            let rows = PyList::empty(py);
            for (n, line) in lines.iter().enumerate() {
                let label = match labels.get(n) {
                    Some(label) => model.names[*label].bind(py),
                    None => model.unseen[usize::from(line.prose)].bind(py),
                };
                let cues = self.tuple(py, &line.cues)?;
                rows.append((
                    line.start,
                    line.end,
                    line.at,
                    line.text,
                    line.number,
                    cues,
                    line.length,
                    line.stops,
                    line.prose,
                    label,
                ))?;
            }
            Ok(rows)
        })
    }

    /// The features of every line, in words: what a model learns from.
    fn spell(&self, py: Python<'_>, text: &str, title: &str, markup: MarkupNames) -> PyResult<Vec<Vec<String>>> {
        guarded(|| {
            let lines = lines::read_lines(text, &self.patterns);
            let mut spelt: Vec<Vec<String>> = vec![Vec::new(); lines.len()];
            self.features(py, &lines, title, markup, |line, key| {
                spell(key, &self.names, &mut |feature| spelt[line].push(feature.to_string()));
            })?;
            Ok(spelt)
        })
    }
}

impl Cues {
    fn tuple<'py>(&self, py: Python<'py>, numbers: &[u32]) -> PyResult<Bound<'py, PyTuple>> {
        if numbers.is_empty() {
            return Ok(self.none.bind(py).clone());
        }
        PyTuple::new(py, numbers.iter().map(|n| self.cues[*n as usize].0.bind(py)))
    }

    fn features(
        &self,
        py: Python<'_>,
        lines: &[Line],
        title: &str,
        markup: MarkupNames,
        tell: impl FnMut(usize, &features::Key),
    ) -> PyResult<()> {
        let names: Vec<Vec<i16>> = lines
            .iter()
            .map(|line| {
                let mut own: Vec<i16> = Vec::new();
                for name in line.cues.iter().map(|n| self.cues[*n as usize].1) {
                    if !own.contains(&name) {
                        own.push(name);
                    }
                }
                let marked = markup.get(&line.number).into_iter().flatten();
                own.extend(marked.filter_map(|name| self.numbers.get(name)));
                own
            })
            .collect();
        let dated = |text: &str| match self.months.may_date(text) {
            true => self.dated.bind(py).call1((text,))?.extract::<usize>(),
            false => Ok(0),
        };
        line_features(lines, &names, &self.names, title, dated, tell)
    }

    fn labels(
        &self,
        py: Python<'_>,
        lines: &[Line],
        title: &str,
        markup: MarkupNames,
        model: &LineModel,
    ) -> PyResult<Vec<usize>> {
        let mut memory = model.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.numbers.len() > MAX_GROUPS {
            *memory = Remembered::default();
        }
        let mut scores: Vec<Row> = vec![[0.0; WIDTH]; lines.len()];
        self.features(py, lines, title, markup, |line, key| {
            let row = memory.row(key, || model.weights.weigh(|say| spell(key, &self.names, say)));
            scores[line]
                .iter_mut()
                .zip(row)
                .for_each(|(total, weight)| *total += weight);
        })?;
        Ok(model.weights.decode(&scores))
    }
}

/// What groups of features weigh. It changes no answer, only how soon it comes.
#[derive(Default)]
struct Remembered {
    numbers: FxHashMap<u128, u32>,
    rows: Vec<Row>,
}

impl Remembered {
    fn row(&mut self, key: &features::Key, weigh: impl FnOnce() -> Row) -> &Row {
        let number = *self.numbers.entry(digest(key)).or_insert_with(|| {
            self.rows.push(weigh());
            self.rows.len() as u32 - 1
        });
        &self.rows[number as usize]
    }
}

/// Weights of features, and of one label after another.
#[pyclass(frozen)]
struct LineModel {
    weights: Weights,
    memory: Mutex<Remembered>,
    /// The labels as Python has them.
    names: Vec<Py<PyAny>>,
    /// Labels of lines that the model does not see: of prose, and of others.
    unseen: [Py<PyAny>; 2],
}

#[pymethods]
impl LineModel {
    /// `weights` has a row for each feature with a number for each label; `transitions` go from row to column.
    #[new]
    fn new(
        py: Python<'_>,
        labels: Vec<String>,
        features: Vec<String>,
        weights: Vec<Vec<f64>>,
        transitions: Vec<Vec<f64>>,
    ) -> PyResult<Self> {
        let count = labels.len();
        let square = transitions.len() == count && transitions.iter().all(|row| row.len() == count);
        if count > WIDTH || features.len() != weights.len() || weights.iter().any(|row| row.len() != count) || !square {
            return Err(PyValueError::new_err(format!(
                "a line model has {WIDTH} labels at most, and a weight for each"
            )));
        }
        let text = |label: &str| pyo3::types::PyString::intern(py, label).into_any().unbind();
        let names = labels.iter().map(|label| text(label)).collect();
        let unseen = [text("other"), text("body")];
        Ok(LineModel {
            weights: Weights::new(labels, features, weights, transitions),
            memory: Mutex::default(),
            names,
            unseen,
        })
    }

    /// The best label of every line, given the features of each in words.
    fn tag(&self, lines: Vec<Vec<String>>) -> PyResult<Vec<&str>> {
        guarded(|| {
            let scores: Vec<Row> = lines
                .iter()
                .map(|features| {
                    self.weights
                        .weigh(|say| features.iter().for_each(|feature| say(format_args!("{feature}"))))
                })
                .collect();
            Ok(self
                .weights
                .decode(&scores)
                .into_iter()
                .map(|label| self.weights.labels[label].as_str())
                .collect())
        })
    }
}

/// A pattern whose place or group is asked for; the cues' are only asked whether.
#[pyclass(frozen)]
struct Expression(regex_automata::meta::Regex);

#[pymethods]
impl Expression {
    #[new]
    fn new(pattern: &str) -> PyResult<Self> {
        Ok(Expression(
            patterns::compile(pattern, false).map_err(PyValueError::new_err)?,
        ))
    }

    /// Where the first match begins, in characters.
    fn find(&self, text: &str) -> PyResult<Option<usize>> {
        guarded(|| Ok(self.0.find(text).map(|found| text::count(&text[..found.start()]))))
    }

    /// The first group of the first match.
    fn group(&self, text: &str) -> PyResult<Option<String>> {
        guarded(|| {
            let mut found = self.0.create_captures();
            self.0.captures(text, &mut found);
            Ok(found.get_group(1).map(|group| text[group.range()].into()))
        })
    }
}

/// The form of a text that cues are matched against: plain blanks and apostrophes, no invisible characters.
#[pyfunction]
fn matching_key(text: &str) -> String {
    text::matching_key(text).into()
}

#[pymodule]
mod native {
    #[pymodule_export]
    use super::{matching_key, Cues, Expression, LineModel, PatternError};

    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("BULLETS", crate::cues::BULLETS)?;
        module.add("DECORATION", crate::cues::DECORATION)?;
        module.add("LONG", crate::lines::LONG)?;
        module.add("PROSE", crate::lines::PROSE)
    }
}
