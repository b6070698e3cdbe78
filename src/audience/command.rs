//! What a program prints, as a list. It is started for a reading, and what it printed counts only
//! if it then ends well.

use crate::audience::CommandOutput;
use crate::audience::error::Located;
use crate::audience::stream::Stream;
use crate::audience::text::Text;

/// A program that prints more than this, in bytes, prints no list.
const PRINTED_MAX: usize = 1024 * 1024 * 1024;

/// Starts the program and waits for the first of what it prints.
pub(super) fn open(output: &CommandOutput) -> Result<Text<Stream>, Located> {
    let printed = output.program.stream(PRINTED_MAX)?;
    Ok(Text::new(Stream::Program(printed), output.encoding)?)
}
