//! `command` and `timeout`: a program that is run.

use std::time::Duration;

use super::problem::Problem;
use super::section::Section;
use crate::program::Program;

/// A program that does not say how long it takes may take so long.
const LIMIT: Duration = Duration::from_secs(60);

/// Reads `command`, and `timeout` if this table has it. What is wrong has been reported.
pub(super) fn read(section: &Section<'_>) -> Option<Program> {
    let words = section.some_texts("command")?;
    let first = words.first()?;
    let mut argv: Vec<String> = words.iter().map(|it| it.text.to_owned()).collect();
    let place = |label| section.doc.place(first.span.clone(), label);
    if words.len() == 1 && first.text.contains(char::is_whitespace) && !first.text.contains('/') {
        let apart = first.text.split_whitespace();
        let apart: Vec<String> = apart.map(|word| format!("\"{word}\"")).collect();
        let message = format!("`{}` is not one program", first.text);
        let problem = Problem::error("no-command", message, place("no shell takes it apart"));
        let help = format!("write `command = [{}]`", apart.join(", "));
        section.report(problem.help(help).key(section.path("command")));
        return None;
    }
    if argv[0].contains('/') {
        argv[0] = section.doc.resolve(&argv[0]).to_string_lossy().into_owned();
    }
    let limit = section.span("timeout").unwrap_or(LIMIT);
    let program = Program { argv, limit };
    if !program.is_there() {
        let message = format!(
            "the command `{}` does not exist or may not be run",
            program.name()
        );
        let problem = Problem::error("no-command", message, place("not there now"));
        // It may be there when it is needed: that stops nothing else.
        section.report(problem.of_data().key(section.path("command")));
    }
    Some(program)
}
