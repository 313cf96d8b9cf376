//! Patterns of the cue files.

use regex_automata::meta;
use regex_automata::util::syntax;

/// Figures, blanks and word letters are those of ASCII, as the cue files have them from google-re2.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut in_class = false;
    let mut opened = 0;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let Some(escaped) = chars.next() else {
                    out.push('\\');
                    break;
                };
                let class = match escaped {
                    'd' => "0-9",
                    'w' => "0-9A-Za-z_",
                    's' => r"\t\n\f\r ",
                    'b' if !in_class => r"(?-u:\b)",
                    _ => {
                        out.push('\\');
                        out.push(escaped);
                        continue;
                    }
                };
                if in_class || escaped == 'b' {
                    out.push_str(class);
                } else {
                    out.push('[');
                    out.push_str(class);
                    out.push(']');
                }
                continue;
            }
            '[' if !in_class => (in_class, opened) = (true, out.len() + 1),
            // `[` has a meaning of its own in a class here.
            '[' => out.push('\\'),
            '^' if in_class && opened == out.len() => opened += 1,
            ']' if in_class && opened < out.len() => in_class = false,
            '&' | '~' if in_class => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

/// Compile a pattern, not case-sensitive. One that is bound to a line's beginning is tried without an automaton that
/// would have to be built as it goes: on text that is new it would be built again and again.
pub fn compile(pattern: &str, bound: bool) -> Result<meta::Regex, String> {
    meta::Builder::new()
        .configure(meta::Config::new().hybrid(!bound).nfa_size_limit(Some(4 << 20)))
        .syntax(syntax::Config::new().case_insensitive(true))
        .build(&translate(pattern))
        .map_err(|error| {
            error.syntax_error().map_or_else(
                || error.to_string(),
                |e| e.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
            )
        })
}
