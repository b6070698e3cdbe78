//! What stands between the marks of a document.

/// The fenced blocks of one language.
pub(super) fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = super::text(document);
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(word) = line.strip_prefix("```") {
            let inside: Vec<&str> = lines.by_ref().take_while(|it| *it != "```").collect();
            if word == language {
                found.push(inside.join("\n") + "\n");
            }
        }
    }
    found
}

/// What stands between single backticks, outside of fenced blocks.
pub(super) fn codes(document: &str) -> Vec<String> {
    let text = super::text(document);
    let prose = text.split("```").step_by(2).collect::<String>();
    let codes = prose.split('`').skip(1).step_by(2);
    codes.map(str::to_owned).collect()
}

/// The commands that rows of tables begin with.
pub(super) fn table_commands(document: &str) -> Vec<String> {
    let text = super::text(document);
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `postroom "));
    let rows = rows.filter_map(|row| row.split('`').next());
    rows.map(|rest| format!("postroom {rest}")).collect()
}

#[test]
fn every_fence_is_of_a_language_that_is_tried() {
    for readme in super::READMES {
        let text = super::text(readme);
        let fences = text.lines().filter_map(|line| line.strip_prefix("```"));
        for language in fences.step_by(2) {
            assert!(
                ["toml", "sh", "console"].contains(&language),
                "{readme}: {language}"
            );
        }
    }
}
