//! What a program prints, as a list. It is started for a reading, and what it printed counts only
//! if it then ends well.

use std::io::BufRead as _;

use crate::audience::CommandOutput;
use crate::audience::error::{FileFault, Located};
use crate::audience::stream::Stream;
use crate::audience::text::Text;

/// A program that prints more than this, in bytes, prints no list.
const PRINTED_MAX: usize = 1024 * 1024 * 1024;

/// What is printed.
pub(super) enum Form {
    Csv,
    Json,
}

/// Starts the program and waits for the first of what it prints.
pub(super) fn open(output: &CommandOutput) -> Result<(Text<Stream>, Form), Located> {
    let printed = output.program.stream(PRINTED_MAX)?;
    let mut text = Text::new(Stream::Program(printed), output.encoding)?;
    let begun = text.fill_buf()?;
    let form = match begun.trim_ascii_start().first() {
        None if begun.is_empty() => return Err(FileFault::Empty.into()),
        _ if output.rows.is_some() => Form::Json,
        Some(b'[' | b'{') if output.separator.is_none() => Form::Json,
        _ => Form::Csv,
    };
    Ok((text, form))
}
