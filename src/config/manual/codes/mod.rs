//! The codes that problems carry, each with its page of the manual.
//!
//! A code is a promise: it is in people's scripts and in bug reports. It keeps its meaning as long
//! as there is a postroom.

mod file;
mod keys;
mod lists;
mod secrets;
mod servers;
mod templates;
mod times;
mod values;

/// A code of problems.
#[derive(Debug)]
pub struct Code {
    /// The word: `unknown-key`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub means: &'static str,
    /// Something that is wrong in this way.
    pub example: &'static str,
    /// How it is mended.
    pub mend: &'static str,
}

/// Every code, those of a kind together.
pub fn codes() -> impl Iterator<Item = &'static Code> {
    let kinds = [
        file::CODES,
        keys::CODES,
        values::CODES,
        times::CODES,
        secrets::CODES,
        templates::CODES,
        lists::CODES,
        servers::CODES,
    ];
    kinds.into_iter().flatten()
}

const fn code(
    code: &'static str,
    means: &'static str,
    example: &'static str,
    mend: &'static str,
) -> Code {
    Code {
        code,
        means,
        example,
        mend,
    }
}
