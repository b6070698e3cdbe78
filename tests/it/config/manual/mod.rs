//! The table of keys, and the manual that is made of it.

mod codes;
mod examples;
mod explained;
mod man;
mod schema;
mod taplo;
mod written;

use std::fs;
use std::path::Path;

/// Holds a text against the file beside these tests; `UPDATE_EXPECTED=1 cargo test` writes it anew.
#[track_caller]
fn assert_kept(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/config/manual");
    let file = folder.join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, text).expect("the folder can be written to");
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "{name} is not what is generated now; UPDATE_EXPECTED=1 writes it anew"
    );
}
