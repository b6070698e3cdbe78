//! Asking for what nobody may see.

use std::io::{self, IsTerminal};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::super::Trouble;
use super::super::exit;
use super::super::out::Out;

/// No secret is longer, in bytes; it is what a file of one may hold.
const LONGEST: usize = 64 * 1024;
/// So often somebody may mistype.
const TRIES: usize = 3;

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: [u8; 2] = [8, 127];
const CTRL_U: u8 = 21;

/// Asks for a secret: twice and unseen on a terminal, else it is one line of standard input.
///
/// Empty it may be only where that means "not now".
pub(in super::super) fn ask(
    title: &str,
    may_be_empty: bool,
    out: &Out,
) -> Result<Zeroizing<String>, Trouble> {
    if !io::stdin().is_terminal() {
        return usable(line()?);
    }
    // Also between the two, whoever types fast.
    let _quiet = Quiet::begin().map_err(|error| unreadable(&error))?;
    for _ in 0..TRIES {
        let first = unseen(&format!("{}: ", capital(title)), out)?;
        if first.is_empty() {
            return if may_be_empty {
                Ok(first)
            } else {
                usable(first)
            };
        }
        if first == unseen("The same again: ", out)? {
            return usable(first);
        }
        out.note("These two differ; nothing was written.");
    }
    Err(Trouble::new(exit::USAGE, "nothing was written"))
}

/// One line of standard input, without its end. Nothing beyond it is read.
pub(in super::super) fn line() -> Result<Zeroizing<String>, Trouble> {
    let mut typed = Zeroizing::new(Vec::new());
    while let Some(byte) = byte()? {
        match byte {
            b'\n' => break,
            _ if typed.len() == LONGEST => {
                return Err(Trouble::new(exit::DATA, "this line is too long"));
            }
            byte => typed.push(byte),
        }
    }
    if typed.last() == Some(&b'\r') {
        typed.pop();
    }
    text(&typed)
}

/// One line of a terminal that is quiet.
fn unseen(prompt: &str, out: &Out) -> Result<Zeroizing<String>, Trouble> {
    out.prompt(prompt);
    let mut typed = Zeroizing::new(Vec::new());
    let ended = loop {
        match byte() {
            Err(trouble) => break Err(trouble),
            Ok(None | Some(b'\n' | b'\r' | CTRL_D)) => break Ok(()),
            Ok(Some(CTRL_C)) => break Err(Trouble::new(exit::NO, "nothing was written")),
            Ok(Some(CTRL_U)) => typed.clear(),
            Ok(Some(byte)) if BACKSPACE.contains(&byte) => {
                // A letter is one byte that begins it and others that follow.
                while typed.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
            }
            Ok(Some(byte)) if typed.len() < LONGEST => typed.push(byte),
            Ok(Some(_)) => {}
        }
    };
    out.note("");
    ended?;
    text(&typed)
}

/// A terminal that shows nothing and sends no signals; it is as before when this ends, which is
/// why Ctrl-C has to come to us.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(io::stdin(), OptionalActions::Now, &quiet)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// One byte, past every buffer that would keep a copy.
fn byte() -> Result<Option<u8>, Trouble> {
    let mut byte = [0];
    loop {
        match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(unreadable(&error)),
        }
    }
}

fn unreadable(error: &rustix::io::Errno) -> Trouble {
    let text = format!("what is typed cannot be read: {error}");
    Trouble::new(exit::IO, text)
}

fn text(typed: &[u8]) -> Result<Zeroizing<String>, Trouble> {
    match str::from_utf8(typed) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(Trouble::new(exit::DATA, "this is not UTF-8 text")),
    }
}

fn usable(value: Zeroizing<String>) -> Result<Zeroizing<String>, Trouble> {
    if value.is_empty() {
        return Err(Trouble::new(exit::DATA, "it is empty; nothing was written"));
    }
    if value.chars().any(char::is_control) {
        let text = "it has a control character in it, an arrow key perhaps; nothing was written";
        return Err(Trouble::new(exit::DATA, text));
    }
    Ok(value)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
