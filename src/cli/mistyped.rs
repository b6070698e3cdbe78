//! What a command line meant that cannot be read.
//!
//! clap finds slips of the finger; what people know from other programs, it cannot.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Words of other programs, and what does the same here.
const FOREIGN: &[(&str, &str)] = &[
    ("apply", "reload"),
    ("configure", "config init"),
    ("doctor", "check --lists --connect"),
    ("dry-run", "send SCHEDULE --dry-run"),
    ("history", "log"),
    ("init", "config init"),
    ("inspect", "preview SCHEDULE"),
    ("list", "next"),
    ("login", "account test NAME"),
    ("lint", "check"),
    ("mailq", "queue list"),
    ("new", "config init"),
    ("passwd", "secret set ACCOUNT"),
    ("password", "secret set ACCOUNT"),
    ("pause", "hold"),
    ("ps", "status"),
    ("render", "preview SCHEDULE"),
    ("restart", "reload"),
    ("resume", "release"),
    ("run", "daemon"),
    ("serve", "daemon"),
    ("setup", "config init"),
    ("show", "config show"),
    ("start", "daemon"),
    ("test", "account test NAME"),
    ("unsubscribe", "suppress add ADDRESS"),
    ("validate", "check"),
    ("verify", "check"),
];

/// Adds a word where somebody used another program's name for a command.
pub(super) fn explain(error: &mut clap::Error) {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    if let Some((_, ours)) = FOREIGN.iter().find(|(word, _)| word == typed) {
        let tip = format!("here that is `postroom {ours}`");
        let tip = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::None);
        error.insert(ContextKind::Suggested, tip);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn what_is_recommended_can_be_typed() {
        for (word, ours) in FOREIGN {
            let words: Vec<&str> = ours.split(' ').collect();
            let mut command = Cli::command();
            assert!(command.find_subcommand(word).is_none(), "{word}");
            for word in words
                .iter()
                .take_while(|it| it.starts_with(char::is_lowercase))
            {
                command = match command.find_subcommand(word) {
                    Some(verb) => verb.clone(),
                    None => panic!("`postroom {ours}` has no {word}"),
                };
            }
        }
    }
}
