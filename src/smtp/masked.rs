//! What a client says, with its secrets left out: for a [`super::Transcript`].
//!
//! Bytes come in pieces of any size and are looked at one by one. What stands behind `AUTH` and a
//! mechanism, the answers to a server's challenges, and all of a message are dropped as they pass:
//! there is no buffer that they were ever in. Where a server misleads about whose turn it is, more
//! is left out, never less.

/// The longest command that is kept, in bytes.
const COMMAND_MAX: usize = 2048;
/// What stands where something was left out.
pub(super) const HIDDEN: &str = "‹hidden›";

/// The client's side of a conversation.
#[derive(Default)]
pub(super) struct Masked {
    state: State,
    /// So many lines to come are answers to challenges (RFC 4954 section 4). A refusal does not
    /// end them: it may lie behind a challenge that is answered yet.
    answers: usize,
    mechanism: Option<String>,
}

enum State {
    /// A command so far.
    Command(Vec<u8>),
    /// The rest of an AUTH command; this much of it may be shown.
    Credentials(Vec<u8>),
    /// An answer to a challenge.
    Answer,
    /// A message so far: its bytes, and how much of its end was seen.
    Message { bytes: usize, end: End },
}

impl Default for State {
    fn default() -> Self {
        Self::Command(Vec::new())
    }
}

/// How much of CR LF `.` CR LF has passed (RFC 5321 section 4.1.1.4).
#[derive(Clone, Copy)]
enum End {
    Elsewhere,
    Cr,
    CrLf,
    Dot,
    DotCr,
}

impl Masked {
    /// The mechanism of the last AUTH command, in capital letters.
    pub(super) fn mechanism(&self) -> Option<&str> {
        self.mechanism.as_deref()
    }

    /// The server's reply decides what the client says next.
    pub(super) fn heard(&mut self, code: &[u8]) {
        match code {
            // Out of turn it would cut a message short, and tell the rest of it.
            b"354" if !matches!(self.state, State::Message { .. }) => {
                // The CRLF of DATA counts: a lone dot ends a message, too.
                let end = End::CrLf;
                self.state = State::Message { bytes: 0, end };
            }
            b"354" => {}
            [b'3', ..] => {
                self.answers += 1;
                if matches!(&self.state, State::Command(line) if line.is_empty()) {
                    self.state = State::Answer;
                }
            }
            _ => {}
        }
    }

    /// Takes the next byte of what the client writes, and gives the line that it ends.
    pub(super) fn wrote(&mut self, byte: u8) -> Option<Vec<u8>> {
        let line = match &mut self.state {
            State::Command(line) => {
                let ends_a_word = byte.is_ascii_whitespace();
                let named = ends_a_word.then(|| mechanism(line)).flatten();
                match byte {
                    b'\n' => {
                        self.mechanism = named.or(self.mechanism.take());
                        std::mem::take(line)
                    }
                    b' ' | b'\t' if named.is_some() => {
                        self.mechanism = named;
                        self.state = State::Credentials(std::mem::take(line));
                        return None;
                    }
                    _ => {
                        if line.len() < COMMAND_MAX {
                            line.push(byte);
                        }
                        return None;
                    }
                }
            }
            State::Message { bytes, end } => {
                *bytes += 1;
                if let Some(next) = end.after(byte) {
                    *end = next;
                    return None;
                }
                // Less the dot and its CRLF.
                told_size(*bytes - 3, ", and the dot")
            }
            State::Answer | State::Credentials(_) if byte != b'\n' => return None,
            State::Answer => {
                self.answers = self.answers.saturating_sub(1);
                HIDDEN.into()
            }
            State::Credentials(shown) => hidden_behind(shown),
        };
        self.state = if self.answers > 0 {
            State::Answer
        } else {
            State::default()
        };
        Some(line)
    }

    /// Another stream begins.
    pub(super) fn turn_over(&mut self) {
        self.state = State::default();
        self.answers = 0;
    }

    /// What was begun and not ended.
    pub(super) fn unfinished(&self) -> Option<Vec<u8>> {
        match &self.state {
            State::Command(line) if line.is_empty() => None,
            State::Command(line) => Some(line.clone()),
            State::Message { bytes: 0, .. } | State::Answer => None,
            State::Message { bytes, .. } => Some(told_size(*bytes, " so far")),
            State::Credentials(shown) => Some(hidden_behind(shown)),
        }
    }
}

impl End {
    /// With one byte more; `None` if that was the last one.
    fn after(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::DotCr, b'\n') => return None,
            (Self::Dot, b'\r') => Self::DotCr,
            (Self::CrLf, b'.') => Self::Dot,
            (Self::Cr, b'\n') => Self::CrLf,
            (_, b'\r') => Self::Cr,
            _ => Self::Elsewhere,
        })
    }
}

/// The mechanism, if this is an AUTH command with one.
fn mechanism(line: &[u8]) -> Option<String> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|it| !it.is_empty());
    let auth = words
        .next()
        .is_some_and(|it| it.eq_ignore_ascii_case(b"AUTH"));
    let name = words.next().filter(|_| auth)?;
    Some(String::from_utf8_lossy(name).to_ascii_uppercase())
}

fn hidden_behind(shown: &[u8]) -> Vec<u8> {
    [shown, b" ", HIDDEN.as_bytes()].concat()
}

fn told_size(bytes: usize, more: &str) -> Vec<u8> {
    format!("‹{bytes} bytes of a message{more}›").into_bytes()
}
