//! Which arrays a document has, as far as its beginning shows: what `rows` could be.

use super::fault;
use super::path::RowsPath;
use super::scan::Scanner;
use crate::audience::error::Located;

const LEVELS: usize = 4;

/// The keys that lead to arrays, outermost first, of a document that begins with these bytes.
pub(super) fn arrays(head: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut scanner = Scanner::new(head);
    // The beginning of a document ends in the middle, so an error is to be expected.
    let _ = look(&mut scanner, "", LEVELS, &mut found);
    found
}

fn look(
    scanner: &mut Scanner<&[u8]>,
    above: &str,
    levels: usize,
    found: &mut Vec<String>,
) -> Result<(), Located> {
    scanner.token()?;
    scanner.pass()?;
    let mut first = true;
    while scanner.another(first, b'}')? {
        first = false;
        let path = format!("{above}{}", scanner.key()?);
        match scanner.token()? {
            Some(b'{') if levels > 1 => look(scanner, &format!("{path}."), levels - 1, found)?,
            Some(b'[') => {
                if path.parse::<RowsPath>().is_ok() {
                    fault::name(found, &path);
                }
                scanner.skip()?;
            }
            _ => scanner.skip()?,
        }
    }
    Ok(())
}
