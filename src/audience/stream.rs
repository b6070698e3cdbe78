//! The bytes of a list, wherever they come from. Its last read fails if they must not be trusted:
//! the file was changed meanwhile, the program failed.

use std::io::{self, Read};

use crate::audience::file::ListFile;
use crate::program::Output;

pub(super) enum Stream {
    File(ListFile),
    Program(Output),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Program(output) => output.read(buffer),
        }
    }
}
