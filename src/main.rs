//! The `postroom` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    postroom::cli::main()
}
